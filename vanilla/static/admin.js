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

  window.vanillaLive = {
    // Show what differs: see `difference` in pages/admin/live_rows.py. A row stays the same element for as long as its
    // key is there, so that focus and selection in it stay too.
    show(lists) {
      for (const [name, { rows, order }] of Object.entries(lists)) {
        const list = document.querySelector(`[data-list="${name}"]`);
        if (!list) continue;
        const held = list.contains(document.activeElement) ? document.activeElement : null;
        const there = new Map([...list.children].map((row) => [row.dataset.key, row]));
        for (const [key, html] of Object.entries(rows)) {
          const row = rowOf(html);
          row.dataset.key = key;
          if (there.has(key)) become(there.get(key), row);
          else list.append(row), there.set(key, row);
        }
        if (order) {
          for (const [key, row] of there) if (!order.includes(key)) row.remove();
          order.forEach((key, place) => {
            const row = there.get(key);
            if (row && list.children[place] !== row) list.insertBefore(row, list.children[place]);
          });
        }
        if (held?.isConnected && document.activeElement !== held) held.focus({ preventScroll: true });
      }
    },
  };

  function rowOf(html) {
    const template = document.createElement("template"); // which knows rows of tables without their table
    template.innerHTML = html;
    return document.importNode(template.content.firstElementChild, true);
  }

  // Give an element the attributes and texts of another that was made alike.
  function become(element, other) {
    if (element.localName === "local-time" && element.getAttribute("datetime") === other.getAttribute("datetime")) return; // it tells the local time
    for (const { name, value } of other.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
    for (const { name } of [...element.attributes]) if (!other.hasAttribute(name)) element.removeAttribute(name);
    const [now, then] = [[...element.childNodes], [...other.childNodes]];
    const isAlike = now.length === then.length && now.every((node, place) => node.nodeName === then[place].nodeName);
    if (!isAlike) return void element.replaceChildren(...then);
    now.forEach((node, place) => {
      if (node.nodeType === Node.ELEMENT_NODE) become(node, then[place]);
      else if (node.data !== then[place].data) node.data = then[place].data;
    });
  }

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
