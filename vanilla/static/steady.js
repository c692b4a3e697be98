// Keeps an open page steady while the server changes it: the focus stays, and a lost connection comes back.
(() => {
  "use strict";

  // The focus. What had it may be drawn anew, or go; without this the keyboard would start at the top again.
  const PASSING = ".toast, dialog, [role=dialog]"; // once these are gone, the focus returns to where it came from
  const LANDMARKS = "section, form, dialog, [role=dialog], [role=region], .card, .page, main";
  const STOPS = "a[href], button, input:not([type=hidden]), select, textarea, summary, iframe, [tabindex]";
  const WAITS = 2000; // milliseconds in which what was taken away may come back
  let trail = []; // what had the focus, the last one first
  let standIn = null; // has it until then

  document.addEventListener("focusin", ({ target }) => {
    if (!(target instanceof HTMLElement) || target === standIn?.element) return;
    standIn = null;
    const like = likeness(target);
    const ancestors = [];
    for (let parent = target.parentElement; parent; parent = parent.parentElement) ancestors.push(parent);
    const entry = { element: target, tag: target.tagName, like, place: alike(target.tagName, like).indexOf(target), ancestors,
      isPassing: Boolean(target.closest(PASSING)) };
    trail = [entry, ...trail.filter((each) => each.element !== target)].slice(0, 6);
  });

  document.addEventListener("pointerup", () => setTimeout(() => { // a click beside everything gives the focus up
    if (isNowhere() && trail[0] && isReachable(trail[0].element)) trail = [];
  }));

  const likeness = (element) => [
    element.getAttribute("aria-label"), element.getAttribute("name"), element.getAttribute("href"), element.type,
    element.matches("input, select, textarea") ? "" : element.textContent.trim().slice(0, 80),
  ].join("|");
  const alike = (tag, like) => [...document.getElementsByTagName(tag)].filter((each) => likeness(each) === like);
  const isReachable = (element) => element.isConnected && !element.disabled && element.checkVisibility();
  const isNowhere = () => !document.activeElement || document.activeElement === document.body;

  function again({ element, tag, like, place }) {
    if (isReachable(element)) return element;
    const found = alike(tag, like).filter(isReachable);
    return found[Math.min(place, found.length - 1)];
  }

  function near({ ancestors }) {
    const home = ancestors.find((each) => isReachable(each) && each !== document.body && each !== document.documentElement);
    const landmark = home?.closest(LANDMARKS) ?? document.querySelector(".page, main");
    return landmark?.querySelector("h1, h2, h3, h4") ?? landmark;
  }

  function give(element) {
    if (element.tabIndex < 0 && !element.hasAttribute("tabindex")) element.tabIndex = -1;
    element.focus({ preventScroll: element.matches("h1, h2, h3, h4, section") });
  }

  function keepFocus() {
    if (standIn && document.activeElement === standIn.element && performance.now() < standIn.until) {
      const back = again(standIn.for);
      if (back) give(back);
      return;
    }
    if (!isNowhere() || !trail.length || isReachable(trail[0].element)) return;
    const [last, ...earlier] = trail;
    const before = last.isPassing ? earlier.filter((each) => !each.isPassing).map(again).find(Boolean) : null;
    const found = again(last) ?? before;
    if (found) return give(found);
    const element = near(earlier.find((each) => last.isPassing && !each.isPassing) ?? last);
    if (!element) return;
    standIn = { element, for: last, until: performance.now() + WAITS };
    give(element);
  }

  let isLooking = false;
  const look = () => {
    if (isLooking) return;
    isLooking = true;
    requestAnimationFrame(() => { isLooking = false; keepFocus(); });
  };
  new MutationObserver(look).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["class", "hidden", "disabled", "open"],
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") document.querySelector(".toast button")?.click();
    const dialog = event.key === "Tab" && [...document.querySelectorAll("[role=dialog][aria-modal=true]")].filter(isReachable).pop();
    if (!dialog) return;
    const stops = [...dialog.querySelectorAll(STOPS)].filter((each) => isReachable(each) && each.tabIndex >= 0);
    const edge = stops.at(event.shiftKey ? 0 : -1);
    if (dialog.contains(document.activeElement) && document.activeElement !== edge && document.activeElement !== dialog) return;
    event.preventDefault(); // round, and never out of it
    stops.at(event.shiftKey ? -1 : 0)?.focus();
  });

  // The connection. NiceGUI shows #popup while there is none, and loads the page anew where the server has forgotten it.
  addEventListener("DOMContentLoaded", () => {
    const popup = document.getElementById("popup");
    if (!popup) return;
    bringDraftsBack();
    const said = document.body.appendChild(document.createElement("p"));
    said.className = "for-readers";
    said.role = "status";
    let wasLost = false;
    let telling = 0;
    new MutationObserver(() => {
      const isLost = popup.ariaHidden === "false";
      clearTimeout(telling);
      if (isLost) telling = setTimeout(() => { wasLost = true; said.textContent = [...popup.children].map((part) => part.textContent).join(" "); }, 2000);
      else if (wasLost) { wasLost = false; said.textContent = "Connected again."; }
      document.documentElement.toggleAttribute("data-connection-lost", isLost);
    }).observe(popup, { attributes: true, attributeFilter: ["aria-hidden"] });

    // NiceGUI loads the page anew when the network keeps silent: the browser would put its own error page here.
    window.socket?.off("connect_error");
    window.socket?.on("connect_error", ({ message }) => {
      if (message === "Implicit handshake failed") location.reload();
      else if (message === "timeout") window.socket.io.opts.transports = ["polling", "websocket"]; // no sockets get through
    });
  });

  // What was typed and not sent is there again after such a reload, in this tab alone. Never passwords.
  const DRAFTS = "drafts";
  const fields = () => [...document.querySelectorAll("main input, main textarea, .q-page input, .q-page textarea")].filter(
    (field) => field.name && (field.localName === "textarea" || ["text", "search", "url", "email", "number"].includes(field.type)),
  );
  const nameOf = (field, place) => `${place} ${field.name}`;

  addEventListener("pagehide", () => {
    if (!document.documentElement.hasAttribute("data-connection-lost")) return;
    const drafts = fields().map((field, place) => [nameOf(field, place), field.value, field.defaultValue]).filter(
      ([, value, before]) => value !== before);
    try {
      if (drafts.length) sessionStorage.setItem(DRAFTS, JSON.stringify({ path: location.pathname, drafts }));
    } catch { /* storage is closed to us, or full */ }
  });

  function bringDraftsBack() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(DRAFTS));
      sessionStorage.removeItem(DRAFTS);
    } catch { /* as above */ }
    if (kept?.path !== location.pathname) return;
    const drafts = new Map(kept.drafts);
    fields().forEach((field, place) => {
      const value = drafts.get(nameOf(field, place));
      if (value === undefined || field.value === value) return;
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
})();
