// What the admin's live page does in the browser: says whether pushes still come.
(() => {
  "use strict";

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
