/* Vanilla's game SDK. The platform puts it into every HTML page of a game as its first script.
 *
 * A game runs in a sandboxed frame whose origin is nobody's, and cannot touch its player's account. This script gives
 * back what that takes away, so that a game written for an ordinary page runs as it is:
 *   - calls to /api/inference/... and /auth/me carry the player's play token (fetch, XMLHttpRequest, both in workers
 *     too), whatever credentials or dummy keys the game sets;
 *   - localStorage, sessionStorage, document.cookie and IndexedDB are there, and saved for the player;
 *   - workers start from a file of the game, images and films stay readable on a canvas.
 * It also offers `window.vanilla`: user, game, models(), chat(), stream(), usage(), onLimit(), storage, LimitError.
 */
(() => {
"use strict";

const { origin: platform, search: version } = new URL(document.currentScript.src);
const nativeName = Object.getOwnPropertyDescriptor(window, "name");
const boot = readBoot();

// ---- who is playing

/* The play page hands over in the frame's name: {vanilla: 1, token, user: {id, username}, game: {id, title}, saves:
 * {contents: {local, cookies, storage, session}}}. The name outlives navigation inside the frame, so the game's other
 * pages find it too; `name` is added here, and the contents are kept current. */
function readBoot() {
  try {
    const given = JSON.parse(nativeName.get.call(window));
    if (given && given.vanilla === 1) return given;
  } catch {
    // Opened without a play page around it: the game runs, and calls are answered with 401.
  }
  return { vanilla: 1, token: null, user: null, game: null };
}

/* The frame's name stays ours; a game that uses window.name gets one of its own. */
function keepBoot() {
  if (boot.saves) boot.saves.contents = Object.fromEntries(all.map((area) => [area.name, Object.fromEntries(area)]));
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

const hasPage = Boolean(boot.saves) && window.parent !== window;
const toPage = (message) => hasPage && window.parent.postMessage({ ...message, key: boot.saves.key }, platform);

const hear = {
  /* A new token: the old one ran out, as after the computer slept. */
  token({ token }) {
    boot.token = String(token);
    keepBoot();
  },
};
window.addEventListener("message", (event) => {
  const heard = event.source === window.parent && window.parent !== window && hear[event.data?.vanilla];
  if (!heard) return;
  event.stopImmediatePropagation();
  heard(event.data);
});

// ---- calls to the platform

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

/* With an origin that is nobody's a worker cannot be started from an address, but from a data: address it can: one
 * that first installs carryToken and then loads the game's own script. */
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

// ---- storage and cookies

const QUOTA = 5 * 1024 * 1024; // UTF-16 code units, as browsers count; all that is kept shares them

const sizeOf = (key, text) => (text === null ? 0 : key.length + text.length);

/* What one Storage holds, and which of its changes the page has yet to store. A text that is null is none. */
class Area extends Map {
  told = new Map(); // key -> number of the batch that tells of its change, until that is stored; Infinity: the next
  clearedIn = 0; // the same for a clear(); 0 for none

  constructor(name, budget) {
    super();
    this.name = name;
    this.budget = budget;
    for (const [key, text] of Object.entries(boot.saves?.contents[name] ?? {})) this.put(key, text);
  }

  text(key) {
    return this.get(key) ?? null;
  }

  set(key, text) {
    if (this.text(key) === text) return;
    const more = sizeOf(key, text) - sizeOf(key, this.text(key));
    if (more > 0 && this.budget.used + more > QUOTA) {
      throw new DOMException(`5 MB are used up: "${key.slice(0, 99)}" was not stored.`, "QuotaExceededError");
    }
    this.put(key, text);
    this.told.set(key, Infinity);
    tellSoon();
  }

  clear() {
    for (const key of [...this.keys()]) this.put(key, null);
    this.told.clear();
    this.clearedIn = Infinity;
    tellSoon();
  }

  /* Changes it without telling anybody. */
  put(key, text) {
    this.budget.used += sizeOf(key, text) - sizeOf(key, this.text(key));
    if (text === null) this.delete(key);
    else super.set(key, text);
  }

  /* What the page is to be told: {clear, texts: Map}. */
  tell(batch) {
    const texts = new Map();
    for (const [key, told] of this.told) if (told === Infinity) texts.set(key, this.text(key));
    for (const key of texts.keys()) this.told.set(key, batch);
    const clear = this.clearedIn === Infinity;
    if (clear) this.clearedIn = batch;
    return { clear, texts };
  }

  stored(batch) {
    for (const [key, told] of this.told) if (told <= batch) this.told.delete(key);
    if (this.clearedIn <= batch) this.clearedIn = 0;
  }

  /* Takes over what others wrote. What was written here and is not stored yet comes after it. */
  take({ clear, texts }) {
    if (clear) texts = new Map([...[...this.keys()].map((key) => [key, null]), ...texts]);
    for (const [key, text] of texts) {
      const old = this.text(key);
      if (old === text || this.clearedIn || this.told.has(key)) continue;
      this.put(key, text);
      this.onTaken?.(key, old, text);
    }
  }
}

const kept = { used: 0 };
const [local, cookies, storage] = ["local", "cookies", "storage"].map((name) => new Area(name, kept));
const session = new Area("session", { used: 0 });
const all = [local, cookies, storage, session];
let batch = 0;
let timer = 0;
let pause = 20; // milliseconds from telling to telling
let last = 0; // when it was told
let isLeaving = false;

function tellSoon() {
  if (isLeaving) leave();
  else timer ||= Date.now() < last + pause ? setTimeout(tell, pause) : (queueMicrotask(tell), -1);
}

function tell() {
  clearTimeout(timer);
  timer = 0;
  last = Date.now();
  batch += 1;
  const changes = {};
  let units = 0;
  for (const area of all) {
    const { clear, texts } = area.tell(batch);
    if (clear || texts.size) changes[area.name] = { clear, texts };
    for (const text of texts.values()) units += text?.length ?? 0;
  }
  pause = units > 64 * 1024 ? 500 : 20;
  if (Object.keys(changes).length) toPage({ vanilla: "save", batch, changes });
}

/* Tells at once; the next page of the game finds it in the frame's name. */
function leave() {
  tell();
  keepBoot();
}

// Before the page goes, not as it goes: by then the next page may have its name already. The game itself may store
// something after this: from here on every change is told at once.
window.addEventListener("beforeunload", () => {
  isLeaving = true;
  setTimeout(() => (isLeaving = false), 2000); // it stays after all
  leave();
});
window.addEventListener("pagehide", () => ((isLeaving = true), tell()));
document.addEventListener("visibilitychange", tell);
hear.stored = (message) => all.forEach((area) => area.stored(message.batch));
hear.changed = ({ changes }) => all.forEach((area) => changes[area.name] && area.take(changes[area.name]));
toPage({ vanilla: "hello" });

const areas = new WeakMap(); // the Storage object a game sees -> its Area

/* No real Storage exists in the sandbox, so Storage.prototype can work on ours. */
const methods = {
  getItem(key) {
    return areaOf(this).text(String(key));
  },
  setItem(key, value) {
    areaOf(this).set(String(key), String(value));
  },
  removeItem(key) {
    areaOf(this).set(String(key), null);
  },
  clear() {
    areaOf(this).clear();
  },
  key(index) {
    return [...areaOf(this).keys()][index >>> 0] ?? null;
  },
  get length() {
    return areaOf(this).size;
  },
};
Object.defineProperties(Storage.prototype, Object.getOwnPropertyDescriptors(methods));

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
    defineProperty: (target, key, descriptor) => {
      if (typeof key === "symbol") return Reflect.defineProperty(target, key, descriptor);
      area.set(key, String(descriptor.value));
      return true;
    },
    has: (target, key) => key in target || area.has(key),
    deleteProperty: (target, key) => (typeof key === "symbol" || area.set(key, null), Reflect.deleteProperty(target, key)),
    ownKeys: (target) => [...area.keys(), ...Reflect.ownKeys(target)],
    getOwnPropertyDescriptor: (target, key) =>
      area.has(key)
        ? { value: area.get(key), writable: true, enumerable: true, configurable: true }
        : Reflect.getOwnPropertyDescriptor(target, key),
  });
  areas.set(storage, area);
  return storage;
}

for (const [name, area] of [["localStorage", local], ["sessionStorage", session]]) {
  const storage = makeStorage(area);
  Object.defineProperty(window, name, { configurable: true, enumerable: true, get: () => storage });
}
local.onTaken = (key, oldValue, newValue) => {
  const event = new StorageEvent("storage", { key, oldValue, newValue, url: location.href });
  Object.defineProperty(event, "storageArea", { value: localStorage });
  window.dispatchEvent(event);
};

/* A cookie is kept as "when it ends;its value", by name. Paths and domains make no difference here. */
Object.defineProperty(document, "cookie", {
  configurable: true,
  get() {
    const pairs = [...cookies].map(([name, text]) => {
      const end = text.split(";", 1)[0];
      if (end && end <= Date.now()) cookies.set(name, null);
      else return (name && `${name}=`) + text.slice(end.length + 1);
    });
    return pairs.filter(Boolean).join("; ");
  },
  set(line) {
    const [, name = "", value] = /^(?:([^=;]*)=)?([^;]*)/.exec(line).map((part) => part?.trim());
    const age = /;\s*max-age\s*=\s*(-?\d+)/i.exec(line);
    const date = /;\s*expires\s*=\s*([^;]+)/i.exec(line);
    const end = age ? Date.now() + age[1] * 1000 : date ? Date.parse(date[1]) : NaN;
    if (name.length + value.length > 4096 || !(name || value)) return;
    try {
      cookies.set(name, end <= Date.now() ? null : `${end || ""};${value}`);
    } catch {
      // A jar that is full says nothing.
    }
  },
});

// Only looking at these throws in the sandbox. Without them a game sees a browser that lacks them.
Reflect.deleteProperty(Navigator.prototype, "serviceWorker");
for (const name of ["caches", "cookieStore"]) Reflect.deleteProperty(window, name);

/* IndexedDB is a file of its own, fetched when a game first looks for it: at once, since a look finds or does not. */
let databases = null;
const rest = ["Cursor", "CursorWithValue", "Database", "Factory", "Index", "KeyRange", "ObjectStore", "OpenDBRequest"];
const names = [...rest, "Request", "Transaction", "VersionChangeEvent"].map((name) => `IDB${name}`);
for (const name of ["indexedDB", ...names]) {
  const get = () => {
    databases ??= (0, eval)(textNow(`${platform}/static/vanilla-databases.js${version}`))({ hasPage, toPage, hear });
    return databases[name];
  };
  const set = (value) => Object.defineProperty(window, name, { configurable: true, writable: true, value });
  Object.defineProperty(window, name, { configurable: true, get, set });
}

// ---- media, scripts

/* Fetched the ordinary way, a game's own files would be those of another origin: a canvas that shows them unreadable,
 * an audio graph silent, a script without import(). Fetched with CORS they are not. */
const MEDIA = "img, script, audio, video, source";
const readable = (element, address = element.getAttribute("src")) => {
  if (element.localName === "source") element = element.parentElement;
  if (element?.crossOrigin !== null) return;
  try {
    if (new URL(address, document.baseURI).origin === platform) element.crossOrigin = "anonymous";
  } catch {
    // No address.
  }
};
for (const type of [HTMLImageElement, HTMLScriptElement, HTMLMediaElement, HTMLLinkElement]) {
  const name = type === HTMLLinkElement ? "href" : "src";
  const native = Object.getOwnPropertyDescriptor(type.prototype, name);
  Object.defineProperty(type.prototype, name, {
    ...native,
    set(value) {
      readable(this, value);
      native.set.call(this, value);
    },
  });
  type.prototype.setAttribute = function (attribute, value) {
    if (String(attribute).toLowerCase() === name) readable(this, value);
    Element.prototype.setAttribute.call(this, attribute, value);
  };
}
window.Audio = class extends Audio {
  constructor(address) {
    super();
    if (address !== undefined) this.src = address;
  }
};
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) {
      if (node.matches?.(MEDIA)) readable(node);
      if (node.firstElementChild) for (const each of node.querySelectorAll(MEDIA)) readable(each);
    }
  }
}).observe(document, { childList: true, subtree: true });

// ---- window.vanilla

/* What the platform or the model's server said no to. `message` can be shown to the player. */
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

/* An error answer in either shape: {error: {type, message, ...}} or {error: "..."}. */
async function failure(response) {
  const body = await response.json().catch(() => ({}));
  const error = typeof body.error === "object" && body.error ? body.error : { ...body, message: body.error };
  const message = error.message || `The platform answered ${response.status}.`;
  const retryAfter = Number(response.headers.get("retry-after")) || null;
  const type = error.type ?? TYPES[response.status]; // not in Ollama's shape
  const rest = { status: response.status, type, retryAfter };
  const isLimit = response.status === 429 && typeof error.limit === "number";
  if (!isLimit) return new VanillaError(message, rest);
  const reached = new LimitError(message, error, rest);
  atLimit.forEach((listener) => listener(reached));
  return reached;
}

/* Calls `listener` with every LimitError; gives what ends that. */
const atLimit = new Set();
const onLimit = (listener) => (atLimit.add(listener), () => atLimit.delete(listener));

let known = null; // asked for once

/* The models a game may use: [{backend, model, name, embedded}]; `embedded` is the platform's tiny one. */
function models() {
  known ??= call("/api/inference/models")
    .then((response) => response.json())
    .then((answer) => answer.items)
    .catch((error) => {
      known = null; // ask again next time
      throw error;
    });
  return known;
}

async function chosen(name) {
  const all = await models();
  // Without a name: quick before large, the tiny embedded one last.
  const quick = () => all.find((each) => /haiku/i.test(each.model)) ?? all.find((each) => !each.embedded) ?? all[0];
  const model = name ? all.find((each) => each.model === name) : quick();
  if (model) return model;
  const there = all.map((each) => each.model).join(", ");
  const message = there ? `There is no model "${name}". There is: ${there}.` : "The host has not set up a model yet.";
  throw new VanillaError(message, { status: 404, type: "not_found_error" });
}

/* The answer to a prompt as an async iterator of pieces of text:
 *   for await (const text of vanilla.stream("Greet the hero")) line.textContent += text;
 * `prompt` is a string or [{role, content}, ...]; with a JSON `schema` the answer is JSON of that shape. Leaving the
 * loop ends the call. Throws LimitError, VanillaError. */
async function* stream(prompt, { model: name, signal, maxTokens = 400, ...rest } = {}) {
  const { backend, model } = await chosen(name);
  const messages = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
  const leaving = new AbortController();
  const stop = () => leaving.abort(signal.reason);
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop);
  try {
    const asked = { ...rest, model, messages, maxTokens };
    yield* backend === "anthropic" ? fromAnthropic(asked, leaving.signal) : fromOllama(asked, leaving.signal);
  } finally {
    signal?.removeEventListener("abort", stop);
    leaving.abort();
  }
}

async function* fromAnthropic({ model, messages, system, maxTokens, schema }, signal) {
  // No temperature: the API refuses it.
  const body = { model, messages, system, max_tokens: maxTokens, stream: true };
  if (schema) body.output_config = { format: { type: "json_schema", schema } };
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

async function* fromOllama({ model, messages, system, maxTokens, temperature, schema: format }, signal) {
  const all = system ? [{ role: "system", content: system }, ...messages] : messages;
  const body = { model, messages: all, options: { num_predict: maxTokens, temperature }, stream: true, format };
  const response = await call("/api/inference/ollama/api/chat", body, signal);
  for await (const line of lines(response)) {
    const part = JSON.parse(line);
    if (part.error) throw new VanillaError(part.error);
    if (part.message?.content) yield part.message.content;
    if (part.done) return;
  }
  throw new VanillaError("The answer broke off.");
}

/* The lines of a body that may be cut anywhere. */
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

/* The whole answer; options as for stream(). */
async function chat(prompt, options) {
  let answer = "";
  for await (const text of stream(prompt, options)) answer += text;
  return answer;
}

/* {total_tokens, token_limit, remaining_tokens, limit_period, resets_at, ...} of the player. */
const usage = async () => (await call("/api/inference/usage")).json();

/* Kept like localStorage, for what JSON can tell: await vanilla.storage.set("hero", { level: 3 }). Missing: null. */
const store = Object.freeze({
  get: async (key) => JSON.parse(storage.get(String(key)) ?? null),
  set: async (key, value) => storage.set(String(key), JSON.stringify(value) ?? "null"),
  delete: async (key) => storage.set(String(key), null),
  list: async (prefix = "") => [...storage.keys()].filter((key) => key.startsWith(prefix)),
});

const { user, game } = boot;
const errors = { VanillaError, LimitError };
window.vanilla = Object.freeze({ user, game, models, chat, stream, usage, onLimit, storage: store, ...errors });
})();
