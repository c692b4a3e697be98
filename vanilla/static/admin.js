// What charts and the admin pages do in the browser: moments in the reader's own time, and whether pushes still come.
(() => {
  "use strict";

  const forms = {
    clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
    short: { hour: "2-digit", minute: "2-digit" },
    day: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
    exact: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" },
  };

  class LocalTime extends HTMLElement {
    static observedAttributes = ["datetime", "form"];
    connectedCallback() { this.show(); }
    attributeChangedCallback() { if (this.isConnected) this.show(); }
    show() {
      const moment = new Date(this.getAttribute("datetime"));
      if (Number.isNaN(moment.getTime())) return;
      const form = forms[this.getAttribute("form")] ?? forms.clock;
      this.textContent = moment.toLocaleString("en-GB", { ...form, hour12: false });
      this.title = moment.toLocaleString();
    }
  }
  if (!customElements.get("local-time")) customElements.define("local-time", LocalTime);

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
