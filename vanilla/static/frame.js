// What every page of ours does in the browser: the theme, menus, copy buttons, "3 min ago" and local time.
(() => {
  "use strict";
  const root = document.documentElement;

  function chooseTheme(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
    try {
      if (root.dataset.theme) localStorage.setItem("theme", theme);
      else localStorage.removeItem("theme");
    } catch { /* storage is closed to us: the choice lasts as long as the page */ }
    showTheme();
  }

  function showTheme() {
    const now = root.dataset.theme || "auto";
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === now));
    }
  }

  async function copy(button) {
    const source = button.dataset.copy || button.closest(".code, .secret")?.querySelector("code")?.textContent || "";
    const copied = await write(source);
    const label = button.dataset.label ?? (button.dataset.label = button.textContent);
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    clearTimeout(button.copyTimer);
    button.copyTimer = setTimeout(() => { button.textContent = label; }, 2000);
  }

  async function write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* not a secure context, or not allowed: the old way */ }
    const area = document.createElement("textarea");
    area.value = text;
    area.style.cssText = "position:fixed;top:0;left:-999px";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    const theme = target?.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    const button = target?.closest("button.copy");
    if (button) copy(button);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.menu")) showTheme();
  }, true);

  // After a wrong password the name is there again, in this tab alone, and the password is to be typed.
  customElements.define("sign-in-form", class extends HTMLElement {
    connectedCallback() {
      this.addEventListener("submit", () => remember(this.querySelector("[name=username]").value));
      setTimeout(() => this.fill()); // the fields may come after their form
    }
    fill() {
      const username = this.querySelector("[name=username]");
      const name = new URLSearchParams(location.search).has("error") && remembered();
      if (!name || !username || username.value) return;
      username.value = name;
      this.querySelector("[name=password]").focus();
    }
  });

  function remember(name) {
    try { sessionStorage.setItem("username", name); } catch { /* storage is closed to us */ }
  }

  function remembered() {
    try { return sessionStorage.getItem("username"); } catch { return ""; }
  }

  document.addEventListener("submit", ({ target }) => { // the server also tells open pages to leave (pages/clients.py)
    if (target.matches("form[action='/auth/logout']")) root.dataset.leaving = "";
  });

  // A form with data-api sends its fields there as JSON, shows the answer, and fires "done".
  document.addEventListener("submit", async (event) => {
    const form = event.target.closest("form[data-api]");
    if (!form) return;
    event.preventDefault();
    const button = form.querySelector("button:not([type=button])");
    const answer = form.querySelector("[data-answer]");
    const fields = [...new FormData(form)].filter(([name]) => name);
    const say = (text, kind) => {
      answer.className = `notice ${kind}`;
      answer.textContent = text;
    };
    button.disabled = true;
    try {
      const response = await fetch(form.dataset.api, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(Object.fromEntries(fields)),
      });
      if (response.ok) {
        form.reset();
        say(form.dataset.done, "ok");
        form.dispatchEvent(new Event("done"));
      } else {
        const body = await response.json().catch(() => null);
        say(body?.error?.message || "That did not work. Try again.", "error");
      }
    } catch {
      say("The server cannot be reached. Try again.", "error");
    } finally {
      button.disabled = false;
    }
  });

  // The tokens left, in the header: asked again when one comes back to the page.
  async function recount(event) {
    const pill = document.querySelector("[data-tokens-left]");
    if (!pill) return;
    const usage = event?.detail ?? (await askUsage()); // a play page is told, and need not ask
    if (typeof usage?.token_limit !== "number") return;
    const { remaining_tokens: left, token_limit: limit } = usage;
    const number = (count) => count.toLocaleString("en-US");
    const percent = limit > 0 ? Math.min(100, (100 * (limit - left)) / limit) : 100;
    pill.title = `${number(left)} of ${number(limit)} tokens left`;
    pill.querySelector("[data-tokens-figure]").firstChild.nodeValue = number(left);
    const meter = pill.querySelector("[role=meter]");
    meter.ariaValueNow = String(Math.round(percent));
    meter.firstElementChild.style.width = `${percent}%`;
  }

  async function askUsage() {
    if (document.hidden) return null;
    const response = await fetch("/api/inference/usage").catch(() => null);
    return response?.ok ? response.json() : null;
  }
  document.addEventListener("visibilitychange", recount);
  document.addEventListener("recount", recount); // a page of ours has changed the limit, or been told what is left

  // Moments on the reader's own clock. What the server wrote, in UTC, stands where this script does not run.
  const forms = {
    clock: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
    short: { hour: "2-digit", minute: "2-digit" },
    day: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
    exact: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    date: { day: "numeric", month: "short", year: "numeric" },
    minute: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
  };

  const told = (moment, form) => moment.toLocaleString("en-GB", { ...form, hour12: false });

  customElements.define("local-time", class extends HTMLElement {
    static observedAttributes = ["datetime", "form"];
    connectedCallback() { this.show(); }
    attributeChangedCallback() { if (this.isConnected) this.show(); }
    show() {
      const moment = new Date(this.getAttribute("datetime"));
      if (Number.isNaN(moment.getTime())) return;
      const text = told(moment, forms[this.getAttribute("form")] ?? forms.clock);
      if (this.firstChild) this.firstChild.nodeValue = text; // the node stays: the page's framework knows it
      else this.textContent = text;
      this.title = moment.toLocaleString();
    }
  });

  const steps = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [30 * 86400, 86400, "d"]];

  function tellTimes() {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const moment = new Date(time.dateTime);
      const title = moment.toLocaleString();
      if (time.title !== title) time.title = title;
      const text = ago((Date.now() - moment) / 1000) ?? told(moment, forms.date);
      if (time.firstChild && time.firstChild.nodeValue !== text) time.firstChild.nodeValue = text;
    }
  }

  function ago(seconds) {
    if (seconds < 10) return "just now";
    const step = steps.find(([below]) => seconds < below);
    return step && `${Math.floor(seconds / step[1])} ${step[2]} ago`;
  }
  setInterval(tellTimes, 15000);
  document.addEventListener("mouseover", (event) => { if (event.target.closest?.("time[data-ago]")) tellTimes(); });
})();
