// The guide: where one reads, trying a model, finding a route of the API.
(() => {
  "use strict";

  // ---- the entry of the chapter that is being read

  function watchChapters() {
    const entries = [...document.querySelectorAll(".contents a")];
    const heads = entries.map((entry) => document.getElementById(entry.hash.slice(1)));
    if (!heads.length || heads.includes(null)) return false;
    let due = false;
    const mark = () => {
      due = false;
      const passed = heads.filter((head) => head.getBoundingClientRect().top < 160).length;
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 4;
      const now = atEnd && scrollY ? entries.length - 1 : Math.max(0, passed - 1);
      entries.forEach((entry, at) => (at === now ? entry.setAttribute("aria-current", "true") : entry.removeAttribute("aria-current")));
    };
    addEventListener("scroll", () => { if (!due) { due = true; requestAnimationFrame(mark); } }, { passive: true });
    mark();
    // The page is drawn after its address was read.
    if (location.hash) openTarget();
    return true;
  }

  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.matches("details")) target.open = true;
    target?.scrollIntoView();
  }
  addEventListener("hashchange", openTarget);

  const waiting = setInterval(() => { if (watchChapters()) clearInterval(waiting); }, 100);
  setTimeout(() => clearInterval(waiting), 10_000);

  // ---- try it

  customElements.define("try-it", class extends HTMLElement {
    connectedCallback() {
      if (this.isReady) return;
      this.isReady = true;
      setTimeout(() => this.begin()); // what is inside may come after
    }

    begin() {
      const part = (name) => this.querySelector(`#try-${name}`);
      this.parts = Object.fromEntries(["model", "prompt", "cap", "ask", "stop", "answer", "cost"].map((name) => [name, part(name)]));
      this.querySelector("form").addEventListener("submit", (event) => {
        event.preventDefault();
        this.ask();
      });
      this.parts.stop.addEventListener("click", () => this.leaving?.abort());
      this.offerModels();
    }

    async offerModels() {
      const { model, ask } = this.parts;
      const response = await fetch("/api/inference/models").catch(() => null);
      const items = response?.ok ? (await response.json()).items : [];
      const label = ({ name, embedded }) => (embedded ? `${name} (tiny, comes with Vanilla)` : name);
      const option = (each) => new Option(label(each), JSON.stringify([each.backend, each.model]));
      model.replaceChildren(...(items.length ? items.map(option) : [new Option("There is no model: the host has to set one up")]));
      model.disabled = ask.disabled = !items.length;
    }

    async ask() {
      const { model, prompt, cap, ask, stop, answer, cost } = this.parts;
      const [backend, name] = JSON.parse(model.value);
      this.leaving = new AbortController();
      ask.disabled = true;
      stop.disabled = false;
      answer.hidden = false;
      answer.textContent = "";
      answer.setAttribute("aria-busy", "true");
      cost.textContent = "";
      const messages = [{ role: "user", content: prompt.value }];
      const asked = { model: name, messages, stream: true };
      const call = backend === "anthropic"
        ? ["/api/inference/anthropic/v1/messages", { ...asked, max_tokens: Number(cap.value) }]
        : ["/api/inference/ollama/api/chat", { ...asked, options: { num_predict: Number(cap.value) } }];
      let tokens = null;
      let problem = "";
      try {
        tokens = await read(...call, this.leaving.signal, (text) => { answer.textContent += text; });
      } catch (error) {
        problem = error.name === "AbortError" ? "Stopped." : error.message.replace(/[^.!?]$/, "$&.");
      }
      answer.removeAttribute("aria-busy");
      answer.hidden = !answer.textContent;
      ask.disabled = false;
      stop.disabled = true;
      const left = await tokensLeft();
      const spent = tokens === null ? "" : `This took ${count(tokens)} tokens.`;
      cost.textContent = [problem, spent, left].filter(Boolean).join(" ");
    }
  });

  /* The answer of either API, piece by piece; gives its tokens. Throws with a sentence. */
  async function read(path, body, signal, show) {
    const headers = { "content-type": "application/json" };
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), signal }).catch((error) => {
      throw error.name === "AbortError" ? error : new Error("The server cannot be reached. Try again.");
    });
    if (!response.ok) {
      const { error } = await response.json().catch(() => ({}));
      throw new Error(error?.message ?? error ?? `The server answered ${response.status}.`);
    }
    const used = { input: 0, output: 0, isOver: false };
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) take(line, used, show);
    }
    if (!used.isOver) throw new Error("The answer broke off.");
    return used.input + used.output;
  }

  function take(line, used, show) {
    const data = line.startsWith("data:") ? line.slice(5) : line;
    if (!data.trim().startsWith("{")) return;
    const event = JSON.parse(data);
    if (event.error) throw new Error(event.error.message ?? event.error);
    show(event.delta?.text ?? event.message?.content?.toString() ?? "");
    const usage = event.message?.usage ?? event.usage ?? {};
    const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
    if (usage.input_tokens != null) used.input = usage.input_tokens + cached;
    used.output = usage.output_tokens ?? event.eval_count ?? used.output;
    used.input = event.prompt_eval_count ?? used.input;
    used.isOver ||= event.type === "message_stop" || event.done === true;
  }

  async function tokensLeft() {
    const response = await fetch("/api/inference/usage").catch(() => null);
    if (!response?.ok) return "";
    const usage = await response.json();
    document.dispatchEvent(new CustomEvent("recount", { detail: usage }));
    if (usage.token_limit === null) return "You have no limit.";
    const until = usage.resets_at ? `, until ${new Date(usage.resets_at).toLocaleString()}` : "";
    return `${count(usage.remaining_tokens)} of your ${count(usage.token_limit)} are left${until}.`;
  }

  const count = (number) => number.toLocaleString("en-US");

  // ---- finding a route

  customElements.define("api-search", class extends HTMLElement {
    connectedCallback() {
      this.addEventListener("input", (event) => this.find(event.target.value.trim().toLowerCase()));
    }

    find(wanted) {
      let found = 0;
      for (const part of document.querySelectorAll("[data-part]")) {
        let shown = 0;
        for (const each of part.querySelectorAll("[data-words]")) {
          each.hidden = !wanted.split(/\s+/).every((word) => each.dataset.words.includes(word));
          shown += !each.hidden;
        }
        part.hidden = !shown;
        found += shown;
      }
      this.querySelector("#api-none").hidden = found > 0;
    }
  });
})();
