/* Vanilla's game SDK. The platform puts it into every HTML page of a game as its first script.
 *
 * A game runs in a sandboxed frame whose origin is nobody's, so that it cannot touch its player's account. This script
 * gives back what that takes away, so that a game written for an ordinary page runs as it is:
 *   - calls to the platform's /api/inference/... and /auth/me carry the player's play token (fetch, XMLHttpRequest,
 *     and both inside workers), whatever credentials or dummy keys the game sets;
 *   - localStorage, sessionStorage and document.cookie do not throw;
 *   - workers start from a file of the game, images stay readable on a canvas.
 * On top of that it offers `window.vanilla`: user, game, models(), chat(), stream(), usage(), LimitError.
 */
(() => {
  "use strict";

  const platform = new URL(document.currentScript.src).origin;
  const nativeName = Object.getOwnPropertyDescriptor(window, "name");
  const boot = readBoot();

  // ---------------------------------------------------------------------------------------------- who is playing

  /* The play page hands over in the frame's name: {vanilla: 1, token, user: {id, username}, game: {id, title}}. The name
   * outlives navigation inside the frame, so the game's other pages find it too; `name` and `stored` are added here. */
  function readBoot() {
    try {
      const given = JSON.parse(nativeName.get.call(window));
      if (given && given.vanilla === 1) return given;
    } catch {
      // Not ours: the game was opened without a play page around it. It runs, and calls are answered with 401.
    }
    return { vanilla: 1, token: null, user: null, game: null };
  }

  /* The frame's name stays ours; a game that uses window.name gets one of its own. */
  function keepBoot() {
    nativeName.set.call(window, JSON.stringify(boot));
  }

  Object.defineProperty(window, "name", {
    configurable: true,
    enumerable: true,
    get: () => boot.name ?? "",
    set: (value) => {
      boot.name = String(value);
      keepBoot();
    },
  });

  /* The play page sends a new token when the old one ran out, for instance after the computer slept. */
  window.addEventListener("message", (event) => {
    if (event.source !== window.parent || window.parent === window || event.data?.vanilla !== "token") return;
    event.stopImmediatePropagation();
    boot.token = String(event.data.token);
    keepBoot();
  });

  // ---------------------------------------------------------------------------------------- calls to the platform

  carryToken(window, platform, () => boot.token, null);

  /* Makes fetch and XMLHttpRequest of `scope` put the play token on calls to the platform. Its source text is sent into
   * workers too, so it uses nothing from around it. `base` is the worker's own address, from which its relative
   * addresses go out (a worker of ours has a data: address, from which none would); null in a page. */
  function carryToken(scope, platform, token, base) {
    const { Request, Headers, URL } = scope;
    const nativeFetch = scope.fetch;
    const resolved = (address) => new URL(address, base ?? scope.document.baseURI).href;
    const isKey = (name) => /^(authorization|x-api-key)$/i.test(name);

    /* Where a call goes: "api" (takes the token), "here" (the game's own files) or "" (elsewhere). */
    function kindOf(address) {
      try {
        const url = new URL(resolved(address));
        if (url.origin !== platform) return "";
        return url.pathname.startsWith("/api/inference/") || url.pathname === "/auth/me" ? "api" : "here";
      } catch {
        return "";
      }
    }

    scope.fetch = function fetch(input, init) {
      const isRequest = input instanceof Request;
      const kind = kindOf(isRequest ? input.url : input);
      if (!kind) return nativeFetch.call(scope, input, init);
      try {
        const request = new Request(isRequest ? input : resolved(input), init);
        const headers = new Headers(request.headers);
        if (kind === "api" && token()) {
          headers.delete("x-api-key");
          headers.set("authorization", `Bearer ${token()}`);
        }
        // To an origin that is nobody's all of this host is elsewhere: credentials and "same-origin" are refused.
        return nativeFetch.call(scope, new Request(request, { headers, credentials: "omit", mode: "cors" }));
      } catch (error) {
        return Promise.reject(error);
      }
    };

    const kinds = new WeakMap(); // XMLHttpRequest -> where it goes
    const xhr = scope.XMLHttpRequest.prototype;
    const { open, send, setRequestHeader } = xhr;
    const carries = (request) => kinds.get(request) === "api" && token();
    xhr.open = function (method, address, ...rest) {
      kinds.set(this, kindOf(address));
      return open.call(this, method, base === null ? address : resolved(address), ...rest);
    };
    xhr.setRequestHeader = function (name, value) {
      if (!(carries(this) && isKey(name))) setRequestHeader.call(this, name, value);
    };
    xhr.send = function (body) {
      if (kinds.get(this)) this.withCredentials = false;
      if (carries(this)) setRequestHeader.call(this, "Authorization", `Bearer ${token()}`);
      return send.call(this, body);
    };

    if (base !== null) {
      const { importScripts } = scope;
      scope.importScripts = (...addresses) => importScripts.apply(scope, addresses.map(resolved));
      scope.Request = class extends Request {
        constructor(input, init) {
          super(input instanceof Request ? input : resolved(input), init);
        }
      };
      Object.defineProperty(scope, "location", { configurable: true, value: new URL(base) });
    }
  }

  /* A worker cannot be started from an address when the page's origin is nobody's; from a data: address it can. So it
   * starts from one that first installs carryToken and then loads the game's own script. */
  const NativeWorker = window.Worker;
  window.Worker = class Worker extends NativeWorker {
    constructor(address, options) {
      super(workerAddress(String(address), options?.type === "module"), options);
    }
  };

  function workerAddress(address, isModule) {
    const href = new URL(address, document.baseURI).href;
    const token = JSON.stringify(boot.token);
    const base = /^(blob|data):/.test(href) ? document.baseURI : href;
    const prelude = `(${carryToken})(self, ${JSON.stringify(platform)}, () => ${token}, ${JSON.stringify(base)});`;
    const inline = /^(blob|data):/.test(href) ? textNow(href) : null;
    const script = JSON.stringify(href);
    if (isModule) {
      return dataAddress(`import ${JSON.stringify(dataAddress(prelude))};\n${inline ?? `import ${script};`}`);
    }
    return dataAddress(`${prelude}\n${inline ?? `importScripts(${script});`}`);
  }

  function dataAddress(source) {
    return `data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`;
  }

  /* The text behind a blob: or data: address, at once: the constructor of a worker cannot wait. */
  function textNow(address) {
    const request = new XMLHttpRequest();
    request.open("GET", address, false);
    request.send();
    return request.responseText;
  }

  // ------------------------------------------------------------------------------------------- storage and cookies

  const QUOTA = 5 * 1024 * 1024; // UTF-16 code units, as browsers count

  /* What one Storage holds. */
  class Area extends Map {
    used = 0;

    set(key, value) {
      const used = this.used - this.sizeOf(key) + key.length + value.length;
      if (used > QUOTA) throw new DOMException(`5 MB are used up: "${key}" was not stored.`, "QuotaExceededError");
      this.used = used;
      return super.set(key, value);
    }

    delete(key) {
      this.used -= this.sizeOf(key);
      return super.delete(key);
    }

    clear() {
      this.used = 0;
      super.clear();
    }

    sizeOf(key) {
      return this.has(key) ? key.length + this.get(key).length : 0;
    }
  }

  const areas = new WeakMap(); // the Storage object a game sees -> its Area

  /* No real Storage exists in the sandbox, so Storage.prototype can work on ours. */
  const storageMethods = {
    getItem: (area, key) => area.get(String(key)) ?? null,
    setItem: (area, key, value) => void area.set(String(key), String(value)),
    removeItem: (area, key) => void area.delete(String(key)),
    clear: (area) => area.clear(),
    key: (area, index) => [...area.keys()][index >>> 0] ?? null,
  };
  for (const [name, method] of Object.entries(storageMethods)) {
    Storage.prototype[name] = function (...values) {
      return method(areaOf(this), ...values);
    };
  }
  Object.defineProperty(Storage.prototype, "length", {
    configurable: true,
    enumerable: true,
    get() {
      return areaOf(this).size;
    },
  });

  function areaOf(storage) {
    const area = areas.get(storage);
    if (!area) throw new TypeError("Illegal invocation");
    return area;
  }

  /* A Storage as the browser's own: `storage.best = 3`, `"best" in storage`, `delete storage.best`, Object.keys. */
  function makeStorage(area) {
    const storage = new Proxy(Object.create(Storage.prototype), {
      get: (target, key, self) =>
        typeof key === "symbol" || key in target ? Reflect.get(target, key, self) : area.get(key),
      set: (target, key, value) => {
        if (typeof key === "symbol") return Reflect.set(target, key, value);
        area.set(key, String(value));
        return true;
      },
      defineProperty: (target, key, descriptor) => {
        if (typeof key === "symbol") return Reflect.defineProperty(target, key, descriptor);
        area.set(key, String(descriptor.value));
        return true;
      },
      has: (target, key) => key in target || area.has(key),
      deleteProperty: (target, key) => (area.has(key) ? area.delete(key) : Reflect.deleteProperty(target, key)),
      ownKeys: (target) => [...area.keys(), ...Reflect.ownKeys(target)],
      getOwnPropertyDescriptor: (target, key) =>
        area.has(key)
          ? { value: area.get(key), writable: true, enumerable: true, configurable: true }
          : Reflect.getOwnPropertyDescriptor(target, key),
    });
    areas.set(storage, area);
    return storage;
  }

  /* What is stored lives as long as the frame: it travels in the frame's name from one page of the game to the next. */
  const stored = {};
  for (const name of ["localStorage", "sessionStorage"]) {
    stored[name] = new Area();
    for (const [key, value] of Object.entries(boot.stored?.[name] ?? {})) stored[name].set(key, value);
    const storage = makeStorage(stored[name]);
    Object.defineProperty(window, name, { configurable: true, enumerable: true, get: () => storage });
  }
  // Before the page goes, not as it goes: by then the next page may have its name already.
  window.addEventListener("beforeunload", () => {
    boot.stored = Object.fromEntries(Object.entries(stored).map(([name, area]) => [name, Object.fromEntries(area)]));
    keepBoot();
  });

  Object.defineProperty(document, "cookie", { configurable: true, get: () => "", set: () => {} });

  // Only looking at these throws in the sandbox. Without them a game sees a browser that does not have them.
  Reflect.deleteProperty(Navigator.prototype, "serviceWorker");
  Reflect.deleteProperty(window, "caches");

  // ------------------------------------------------------------------------------------------------------- images

  /* An image fetched the ordinary way would make a canvas unreadable; fetched with CORS (game files allow it) it does
   * not. */
  const imageSource = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
  const readable = (image) => {
    if (image.crossOrigin === null) image.crossOrigin = "anonymous";
  };
  Object.defineProperty(HTMLImageElement.prototype, "src", {
    ...imageSource,
    set(value) {
      readable(this);
      imageSource.set.call(this, value);
    },
  });
  HTMLImageElement.prototype.setAttribute = function (name, value) {
    if (String(name).toLowerCase() === "src") readable(this);
    Element.prototype.setAttribute.call(this, name, value);
  };
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        if (node instanceof HTMLImageElement) readable(node);
        else if (node.firstElementChild) node.querySelectorAll("img").forEach(readable);
      }
    }
  }).observe(document, { childList: true, subtree: true });

  // ----------------------------------------------------------------------------------------------- window.vanilla

  /* Something the platform or the model's server said no to. `message` can be shown to the player. */
  class VanillaError extends Error {
    constructor(message, { status = 0, type = "api_error", retryAfter = null } = {}) {
      super(message);
      this.name = this.constructor.name;
      this.status = status; // of HTTP; 0 when there was no answer
      this.type = type; // such as "rate_limit_error", "authentication_error"
      this.retryAfter = retryAfter; // seconds, when trying again may help
    }
  }

  /* The player's tokens are used up: `used` of `limit`; `resetsAt` is a Date, or null for never. */
  class LimitError extends VanillaError {
    constructor(message, { used, limit, resets_at: resetsAt }, rest) {
      super(message, rest);
      this.used = used;
      this.limit = limit;
      this.resetsAt = resetsAt ? new Date(resetsAt) : null;
    }
  }

  const TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
  };

  async function call(path, body, signal) {
    const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    let response;
    try {
      response = await fetch(platform + path, { ...(body ? post : {}), signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new VanillaError("The platform cannot be reached. Check your connection and try again.");
    }
    if (!response.ok) throw await failure(response);
    return response;
  }

  /* An error answer, in whichever of the platform's shapes it came: {error: {type, message, ...}} or {error: "..."}. */
  async function failure(response) {
    const body = await response.json().catch(() => ({}));
    const error = typeof body.error === "object" && body.error ? body.error : { ...body, message: body.error };
    const message = error.message || `The platform answered ${response.status}.`;
    const retryAfter = Number(response.headers.get("retry-after")) || null;
    const type = error.type ?? TYPES[response.status]; // Ollama's shape has no room for it
    const rest = { status: response.status, type, retryAfter };
    const isLimit = response.status === 429 && typeof error.limit === "number";
    return isLimit ? new LimitError(message, error, rest) : new VanillaError(message, rest);
  }

  let known = null; // the promise of the models, asked for once

  /* The models a game may use: [{backend: "anthropic" | "ollama", model, name, embedded}]. `embedded` is the tiny one
   * that comes with the platform. */
  function models() {
    known ??= call("/api/inference/models")
      .then((response) => response.json())
      .then((answer) => answer.items)
      .catch((error) => {
        known = null; // so that the next call asks again
        throw error;
      });
    return known;
  }

  async function chosen(name) {
    const all = await models();
    // Without a name: quick and cheap before large, and the tiny embedded one only if there is nothing else.
    const quick = () => all.find((each) => /haiku/i.test(each.model)) ?? all.find((each) => !each.embedded) ?? all[0];
    const model = name ? all.find((each) => each.model === name) : quick();
    if (model) return model;
    const there = all.map((each) => each.model).join(", ");
    const message = there ? `There is no model "${name}". There is: ${there}.` : "The host has not set up a model yet.";
    throw new VanillaError(message, { status: 404, type: "not_found_error" });
  }

  /* The answer to a prompt as an async iterator of pieces of text:
   *   for await (const text of vanilla.stream("Greet the hero")) line.textContent += text;
   * `prompt` is a string or [{role, content}, ...]. Leaving the loop ends the call. Throws LimitError, VanillaError. */
  async function* stream(prompt, { model: name, system, maxTokens = 400, temperature, signal } = {}) {
    const { backend, model } = await chosen(name);
    const messages = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
    const leaving = new AbortController();
    const stop = () => leaving.abort(signal.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
    try {
      const asked = { model, messages, system, maxTokens, temperature };
      yield* backend === "anthropic" ? fromAnthropic(asked, leaving.signal) : fromOllama(asked, leaving.signal);
    } finally {
      signal?.removeEventListener("abort", stop);
      leaving.abort();
    }
  }

  async function* fromAnthropic({ model, messages, system, maxTokens }, signal) {
    // No temperature: the current version of the API refuses it.
    const body = { model, messages, system, max_tokens: maxTokens, stream: true };
    const response = await call("/api/inference/anthropic/v1/messages", body, signal);
    for await (const line of lines(response)) {
      if (!line.startsWith("data:")) continue;
      const event = JSON.parse(line.slice(5));
      if (event.type === "error") throw new VanillaError(event.error.message, { type: event.error.type });
      if (event.delta?.type === "text_delta") yield event.delta.text;
      if (event.type === "message_stop") return;
    }
    throw new VanillaError("The answer broke off.");
  }

  async function* fromOllama({ model, messages, system, maxTokens, temperature }, signal) {
    const all = system ? [{ role: "system", content: system }, ...messages] : messages;
    const options = { num_predict: maxTokens, ...(temperature === undefined ? {} : { temperature }) };
    const response = await call("/api/inference/ollama/api/chat", { model, messages: all, options, stream: true }, signal);
    for await (const line of lines(response)) {
      const part = JSON.parse(line);
      if (part.error) throw new VanillaError(part.error);
      if (part.message?.content) yield part.message.content;
      if (part.done) return;
    }
    throw new VanillaError("The answer broke off.");
  }

  /* The lines of a streamed body; it may be cut anywhere, also inside a character. */
  async function* lines(response) {
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      const parts = (rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }))).split("\n");
      rest = done ? "" : parts.pop();
      for (const part of parts) if (part.trim()) yield part;
      if (done) return;
    }
  }

  /* The whole answer to a prompt. Takes the same options as stream(). */
  async function chat(prompt, options) {
    let answer = "";
    for await (const text of stream(prompt, options)) answer += text;
    return answer;
  }

  /* {total_tokens, token_limit, remaining_tokens, limit_period, resets_at, ...} of the player. */
  const usage = async () => (await call("/api/inference/usage")).json();

  const { user, game } = boot;
  window.vanilla = Object.freeze({ user, game, models, chat, stream, usage, VanillaError, LimitError });
})();
