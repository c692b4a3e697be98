// What charts and the admin's pages do in the browser: points that change, points that lead to calls, filters that
// apply themselves, and whether pushes still come.
(() => {
  "use strict";

  const escaped = document.createElement("span");

  window.vanillaCharts = {
    // Show other figures: see `difference` in pages/charts.py. Whatever comes twice does no harm.
    change(id, { first, add, points }) {
      const chart = getElement(id)?.chart;
      if (!chart) return;
      const known = dataOf(chart);
      if (add) {
        const dropped = first ? known.starts.indexOf(first) : known.starts.length;
        const missing = add.filter((stamp) => !known.starts.includes(stamp));
        known.starts = [...known.starts.slice(Math.max(0, dropped)), ...missing];
        for (const series of known.series.values()) {
          series.values = [...series.values.slice(Math.max(0, dropped)), ...missing.map(() => 0)];
        }
      }
      for (const [name, changed] of Object.entries(points)) {
        const values = known.series.get(name)?.values;
        for (const [place, value] of values ? changed : []) values[place] = value;
      }
      const series = [...known.series].map(([name, { values, alive }]) => ({ id: name, data: withLast(values, alive) }));
      chart.setOption(add ? { xAxis: { data: known.starts }, series } : { series });
    },

    text(words) {
      escaped.textContent = words;
      return escaped.innerHTML;
    },
  };

  const known = new WeakMap();

  function dataOf(chart) {
    if (!known.has(chart)) {
      const { xAxis, series } = chart.getOption();
      const read = ({ id, data }) => {
        const last = data[data.length - 1];
        const { value: _, ...alive } = typeof last === "object" && last ? last : {};
        return [id, { values: data.map((point) => point?.value ?? point), alive }];
      };
      known.set(chart, { starts: [...xAxis[0].data], series: new Map(series.map(read)) });
    }
    return known.get(chart);
  }

  function withLast(values, alive) {
    const last = values.length - 1;
    return Object.keys(alive).length && last >= 0 ? [...values.slice(0, last), { value: values[last], ...alive }] : values;
  }

  // A point of a chart leads to the calls behind it. With the keyboard, the figures below the chart do.
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("[data-leads-to]");
    const chart = box && chartIn(box);
    if (!chart) return;
    const { left, top } = chart.getDom().getBoundingClientRect();
    const at = [event.clientX - left, event.clientY - top];
    if (!chart.containPixel("grid", at)) return;
    const [place] = chart.convertFromPixel("grid", at);
    const start = Number(chart.getOption().xAxis[0].data[place]);
    if (!start) return;
    const address = new URL(box.dataset.leadsTo, location.href);
    const text = (time) => new Date(time).toISOString().slice(0, 16) + "Z";
    address.searchParams.set("from", text(start));
    address.searchParams.set("to", text(start + box.dataset.step * 60000));
    location.assign(address);
  });

  function chartIn(box) {
    const element = box.querySelector(".chart");
    return element && getElement(Number(element.id.slice(1)))?.chart;
  }

  // Filters apply as soon as one is chosen; without this script their button does it.
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("form[data-filters] select")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches?.("form[data-filters]")) return;
    for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true; // a short address
    const form = event.target;
    setTimeout(() => { for (const field of form.elements) field.disabled = false; }); // for whoever comes back
  });

  // NiceGUI makes its socket after this script; the tag says how it stands.
  let watched = null;
  setInterval(() => {
    const tag = document.querySelector("[data-connection]");
    if (!tag || !window.socket) return;
    if (watched !== window.socket) {
      watched = window.socket;
      for (const event of ["connect", "disconnect"]) watched.on(event, () => tell(document.querySelector("[data-connection]")));
    }
    tell(tag);
  }, 1000);

  function tell(tag) {
    if (!tag) return;
    const isConnected = window.socket.connected;
    tag.querySelector(".dot").className = isConnected ? "dot live" : "dot off";
    const words = tag.querySelector("[data-words]");
    const text = isConnected ? "connected" : "reconnecting";
    if (words.textContent !== text) words.textContent = text;
  }
})();
