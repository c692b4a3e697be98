/* Saves, the play page's part: what a game keeps goes from its frame to the platform, with the player's session, which
 * the game itself has not; and what the same player's other tabs keep comes into the frame.
 *
 * Messages {vanilla: "save" | "save-databases" | "databases" | "hello"} are taken from nobody but the frame; whatever
 * they hold, it can only be this player's save of this game. A change is sent within half a second, again
 * and again until it is stored, always under the same id, so that it is made once. What is not stored when the page goes
 * is sent with `keepalive`, which may be 64 KiB, and kept in this browser besides: the next play page of the game sends
 * what did not arrive.
 */
(() => {
  "use strict";

  const PACE = 400; // milliseconds from one change that is sent to the next
  const LARGEST_KEEPALIVE = 60000; // bytes; 64 KiB is the browser's bound for all that a page leaves behind
  const RETRY = [1, 2, 4, 8, 15, 30]; // seconds
  const LARGEST_SESSION = 2000000; // UTF-16 code units of a game's sessionStorage that outlive a reload
  const LARGEST_KEPT = 4500000; // characters of what is kept in this browser until it is stored
  const JUST_NOW = 60000; // milliseconds: what was kept here so long before the last save is as new as that
  const KEPT_AREAS = ["local", "cookies", "storage"];
  const AREAS = [...KEPT_AREAS, "session"];
  const AGAIN = "It is tried again.";

  document.addEventListener("begun", ({ target, detail }) => {
    target.saves = new Saves(target, detail.frame, detail.answer);
  });

  /* The saves of one game as long as its page is open. */
  class Saves {
    constructor(play, frame, answer) {
      const boot = JSON.parse(answer.name);
      this.play = play;
      this.frame = frame;
      this.address = `/api/games/${boot.game.id}/saves`;
      this.key = `${boot.user.id}:${boot.game.id}`;
      this.secret = newId();
      this.session = new Session(`vanilla-session:${this.key}`);
      this.since = {}; // all changes since the frame got its name: its next page may have an old one
      this.local = new Local(this, boot.saves.revision);
      this.databases = new Databases(this, 0);
      this.problems = new Map();
      this.bringBack(boot.saves);
      boot.saves.contents.session = Object.fromEntries(this.session.texts);
      boot.saves.key = this.secret;
      frame.name = JSON.stringify(boot);
      this.channel = new BroadcastChannel("vanilla-saves");
      this.channel.onmessage = (event) => this.heardElsewhere(event.data);
      window.addEventListener("message", (event) => this.heard(event));
      window.addEventListener("online", () => this.each((kind) => kind.send()));
      window.addEventListener("pagehide", () => this.leave());
      document.addEventListener("visibilitychange", () => {
        if (document.hidden) this.keep();
        this.each((kind) => kind.send());
      });
    }

    each(work) {
      for (const kind of [this.local, this.databases]) work(kind);
    }

    toFrame(message) {
      this.frame.contentWindow?.postMessage(message, "*"); // frame-src lets nothing but the game be in there
    }

    heard(event) {
      const message = event.data;
      // What a page of the game says as it goes comes from nobody any more, but with the key that only its frame has.
      const isOurs = event.source === null ? message?.key === this.secret : event.source === this.frame.contentWindow;
      if (!isOurs) return;
      if (message?.vanilla === "hello" && Object.keys(this.since).length) this.toFrame({ vanilla: "changed", changes: this.since });
      if (message?.vanilla === "save") this.changed(Number(message.batch), checked(message.changes));
      if (message?.vanilla === "databases") this.databases.load();
      if (message?.vanilla === "save-databases" && message.bytes instanceof ArrayBuffer) {
        this.databases.add({ id: newId(), batch: Number(message.batch), bytes: message.bytes });
      }
    }

    changed(batch, changes) {
      this.since = merged(this.since, changes);
      const { session, ...kept } = changes;
      if (session) this.session.change(session);
      this.local.add(batch, kept);
    }

    /* Another tab of this player's: {key, kind, revision, change}. */
    heardElsewhere({ key, kind, revision, change }) {
      if (key === this.key) this[kind].heardElsewhere(revision, change);
    }

    /* Says calmly what keeps a kind from being saved; null: nothing does. */
    tell(kind, problem) {
      if (problem) this.problems.set(kind, problem);
      else this.problems.delete(kind);
      if (!this.line) {
        this.line = Object.assign(document.createElement("div"), { className: "play-strip", role: "status" });
        this.line.append(document.createElement("p"));
        this.play.querySelector("[data-play=stage]").before(this.line);
      }
      const [words] = this.problems.values();
      this.line.hidden = !words;
      this.line.firstChild.textContent = words ? `Not saved: ${words}` : "";
    }

    leave() {
      this.each((kind) => kind.leave());
      this.keep();
    }

    /* Keeps in this browser what is not stored; takes it away again once all is. Every page keeps its own. */
    keep() {
      const name = `vanilla-unsaved:${this.key}:${this.secret}`;
      try {
        const kept = { at: Date.now(), local: this.local.unstored(), databases: this.databases.unstored() };
        const text = JSON.stringify(kept);
        if (!kept.local && !kept.databases) localStorage.removeItem(name);
        else if (text.length <= LARGEST_KEPT) localStorage.setItem(name, text);
      } catch {
        // No room, or none allowed: then the frame and this page have it as long as they are open.
      }
    }

    /* What earlier pages could not send, unless it arrived after all, or the save has moved on elsewhere. */
    bringBack({ revision, updated_at: updated, batches, contents }) {
      const found = [];
      try {
        for (const name of Object.keys(localStorage)) {
          if (!name.startsWith(`vanilla-unsaved:${this.key}:`)) continue;
          found.push(JSON.parse(localStorage.getItem(name)));
          localStorage.removeItem(name);
        }
      } catch {
        // Not allowed, or not ours.
      }
      found.sort((one, other) => one.at - other.at);
      for (const { at, local } of found) {
        if (!local || !isNewer(local.revision, at, revision, Date.parse(updated ?? 0))) continue;
        for (const { id, changes } of local.changes) if (!batches.includes(id)) this.local.addAgain(id, fromJson(changes));
      }
      for (const [area, change] of Object.entries(this.local.unsent())) contents[area] = applied(contents[area], change);
      this.since = this.local.unsent();
      this.databases.bringBack(found.filter((kept) => kept.databases));
      this.keep();
    }
  }

  /* One kind of save: what is on its way, and at which revision of it this page is. */
  class Kind {
    name = "";
    sending = null; // {id, body, type, batch, ...}
    elsewhere = new Map(); // revision -> what another tab changed, or null for this one's own, until its turn comes
    failures = 0;
    timer = 0;
    last = 0; // when something was sent
    abort = null;

    constructor(saves, revision) {
      this.saves = saves;
      this.revision = revision;
    }

    /* Sends the next change, if there is one and it is time. */
    send() {
      clearTimeout(this.timer);
      if (this.abort || this.isHeld) return;
      const wait = document.hidden ? 0 : this.last + PACE - Date.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.send(), wait);
        return;
      }
      this.sending ??= this.next();
      if (this.sending) this.post(this.sending);
    }

    async post(change) {
      this.last = Date.now();
      this.abort = new AbortController();
      let answer = null;
      let problem = "";
      try {
        const response = await fetch(this.addressOf(change), { ...this.request(change), signal: this.abort.signal });
        const body = await response.json().catch(() => null);
        if (response.ok) answer = body;
        else problem = body?.error?.message ?? `The platform answered ${response.status}.`;
        if ([404, 413, 422].includes(response.status)) {
          this.abort = null;
          this.refused(change, problem);
          return;
        }
        if (!answer && !problem) problem = `The platform's answer cannot be read. ${AGAIN}`;
      } catch {
        problem = navigator.onLine ? `The platform cannot be reached. ${AGAIN}` : `You are offline. ${AGAIN}`;
      }
      this.abort = null;
      if (!answer) {
        this.saves.tell(this.name, problem);
        this.timer = setTimeout(() => this.send(), 1000 * RETRY[Math.min(this.failures, RETRY.length - 1)]);
        this.failures += 1;
        return;
      }
      this.failures = 0;
      this.sending = null;
      this.saves.tell(this.name, null);
      this.stored(change);
      this.saves.channel.postMessage({ key: this.saves.key, kind: this.name, revision: answer.revision, change: this.told(change) });
      if (this.isStored()) this.saves.keep();
      this.elsewhere.set(answer.revision, null);
      if (answer.revision < this.revision) this.revision = -1; // it was reset
      this.advance();
      this.send();
    }

    heardElsewhere(revision, change) {
      if (revision > this.revision) this.elsewhere.set(revision, change);
      this.advance();
    }

    /* Gives the frame what other tabs changed, in the order in which it is stored. */
    advance() {
      while (this.elsewhere.has(this.revision + 1)) {
        this.revision += 1;
        const change = this.elsewhere.get(this.revision);
        this.elsewhere.delete(this.revision);
        if (change) this.take(change);
      }
      for (const revision of this.elsewhere.keys()) if (revision <= this.revision) this.elsewhere.delete(revision);
      if (this.elsewhere.size && !this.sending) this.catchUp();
    }

    /* As the page goes: once more, so that it arrives though the page does not wait for it. The same id makes it one. */
    leave() {
      this.abort?.abort();
      const change = this.everything();
      if (!change) return;
      const request = this.request(change);
      if (new Blob([request.body]).size <= LARGEST_KEEPALIVE) {
        fetch(this.addressOf(change), { ...request, keepalive: true }).catch(() => {});
      }
    }
  }

  /* localStorage, cookies and vanilla.storage. */
  class Local extends Kind {
    name = "local";
    queue = []; // what earlier pages could not send
    waiting = null; // changes
    batch = 0; // the frame's number of the last of them
    isHeld = false; // refused: there is no room until something goes

    add(batch, changes) {
      this.batch = batch;
      if (!Object.keys(changes).length) {
        if (this.isStored()) this.saves.toFrame({ vanilla: "stored", batch });
        return;
      }
      this.waiting = merged(this.waiting ?? {}, changes);
      this.isHeld = false;
      this.send();
    }

    addAgain(id, changes) {
      this.queue.push({ id, changes, batch: 0 });
      this.send();
    }

    next() {
      if (this.queue.length) return this.queue.shift();
      if (!this.waiting) return null;
      const change = { id: newId(), changes: this.waiting, batch: this.batch };
      this.waiting = null;
      return change;
    }

    /* Everything that is not stored, as one change. */
    everything() {
      if (this.queue.length || this.waiting) {
        this.sending = { id: newId(), changes: this.unsent(), batch: this.batch };
        this.queue = [];
        this.waiting = null;
      }
      return this.sending;
    }

    addressOf() {
      return this.saves.address;
    }

    request({ id, changes }) {
      const body = JSON.stringify({ batch: id, changes: toJson(changes) });
      return { method: "POST", headers: { "content-type": "application/json" }, body };
    }

    stored(change) {
      this.saves.toFrame({ vanilla: "stored", batch: change.batch });
    }

    told(change) {
      return change.changes;
    }

    isStored() {
      return !this.sending && !this.waiting && !this.queue.length;
    }

    unstored() {
      if (this.isStored()) return null;
      const changes = [this.sending, ...this.queue].filter(Boolean);
      if (this.waiting) changes.push({ id: newId(), changes: this.waiting });
      return { revision: this.revision, changes: changes.map(({ id, changes }) => ({ id, changes: toJson(changes) })) };
    }

    unsent() {
      const earlier = [this.sending, ...this.queue].filter(Boolean).map(({ changes }) => changes);
      return [...earlier, this.waiting ?? {}].reduce(merged, {});
    }

    refused(change, problem) {
      this.waiting = merged(change.changes, this.waiting ?? {});
      this.sending = null;
      this.isHeld = true;
      this.saves.tell(this.name, problem);
    }

    take(changes) {
      const truth = merged(changes, this.unsent()); // what is not stored yet comes after it
      this.saves.since = merged(this.saves.since, truth);
      this.saves.toFrame({ vanilla: "changed", changes: truth });
    }

    /* Somebody changed the save whom this page has not heard: on another device, say. */
    async catchUp() {
      const response = await fetch(this.saves.address).catch(() => null);
      const saves = response?.ok ? await response.json().catch(() => null) : null;
      if (!saves || this.sending || saves.revision <= this.revision) return;
      this.revision = saves.revision;
      const changes = {};
      for (const area of KEPT_AREAS) changes[area] = { clear: true, texts: new Map(Object.entries(saves.contents[area])) };
      this.take(changes);
      this.advance();
    }
  }

  /* IndexedDB, as segments whose contents are the SDK's matter. */
  class Databases extends Kind {
    name = "databases";
    waiting = []; // changes
    isHeld = false;
    isLoaded = false; // the frame has been given what is stored
    isWanted = false; // it is waiting for that
    bringing = null; // what an earlier page could not send: a promise

    add(change) {
      this.waiting.push(change);
      this.send();
    }

    /* Sends what earlier pages could not, where nobody has saved since. */
    bringBack(found) {
      if (!found.length) return;
      this.waiting = found.flatMap(({ databases }) => databases.changes).map(({ id, bytes }) => ({ id, batch: 0, bytes: fromBase64(bytes) }));
      this.isHeld = true;
      const { at, databases: { revision } } = found.at(-1);
      this.bringing = this.fetched().then(({ updated }) => {
        this.bringing = null;
        this.isHeld = false;
        if (!isNewer(revision, at, this.revision, updated)) this.waiting = this.waiting.filter(({ batch }) => batch > 0);
        this.saves.keep();
        this.send();
      });
    }

    /* Gives the frame everything that is stored, once all that it said before is. */
    async load() {
      this.isWanted = true;
      await this.bringing;
      if (!this.isStored()) return; // stored() comes back to it
      const { bytes } = await this.fetched();
      this.isWanted = false;
      this.isLoaded = true;
      this.saves.toFrame({ vanilla: "databases", bytes });
    }

    /* What is stored, however long it takes to get it. */
    async fetched() {
      for (let tries = 0; ; tries += 1) {
        const response = await fetch(`${this.saves.address}/databases`).catch(() => null);
        const bytes = response?.ok ? await response.arrayBuffer().catch(() => null) : null;
        if (bytes) {
          this.saves.tell("load", null);
          this.revision = Number(response.headers.get("x-save-revision"));
          return { bytes, updated: Number(response.headers.get("x-save-updated")) };
        }
        this.saves.tell("load", `What the game has kept cannot be loaded. ${AGAIN}`);
        await new Promise((resolve) => setTimeout(resolve, 1000 * RETRY[Math.min(tries, RETRY.length - 1)]));
      }
    }

    next() {
      return this.waiting.shift() ?? null;
    }

    everything() {
      return this.sending ?? this.waiting[0] ?? null;
    }

    addressOf({ id }) {
      return `${this.saves.address}/databases?batch=${id}`;
    }

    request({ bytes }) {
      return { method: "POST", headers: { "content-type": "application/octet-stream" }, body: bytes };
    }

    stored(change) {
      this.saves.toFrame({ vanilla: "stored-databases", batch: change.batch });
      if (this.isWanted && this.isStored()) this.load();
    }

    told(change) {
      return change.bytes;
    }

    isStored() {
      return !this.sending && !this.waiting.length;
    }

    unstored() {
      const changes = [...(this.sending ? [this.sending] : []), ...this.waiting];
      if (!changes.length) return null;
      return { revision: this.revision, changes: changes.map(({ id, bytes }) => ({ id, bytes: toBase64(bytes) })) };
    }

    refused(change, problem) {
      this.sending = null;
      this.saves.tell(this.name, problem);
      this.stored(change); // it stays in the game's memory
      this.send();
    }

    take(bytes) {
      if (this.isLoaded) this.saves.toFrame({ vanilla: "changed-databases", bytes });
    }

    /* Changes made on another device are seen when the game is loaded anew. */
    catchUp() {
      for (const revision of [...this.elsewhere.keys()].sort((one, other) => one - other)) {
        const change = this.elsewhere.get(revision);
        this.revision = revision;
        if (change) this.take(change);
      }
      this.elsewhere.clear();
    }
  }

  /* A game's sessionStorage, in this tab's own: it lives as long as the tab. */
  class Session {
    constructor(key) {
      this.key = key;
      this.texts = new Map();
      try {
        this.texts = new Map(Object.entries(JSON.parse(sessionStorage.getItem(key)) ?? {}));
      } catch {
        // Not allowed here: it lives as long as the frame.
      }
    }

    change(change) {
      this.texts = new Map(Object.entries(applied(Object.fromEntries(this.texts), change)));
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.write(), 0);
    }

    write() {
      const text = JSON.stringify(Object.fromEntries(this.texts));
      try {
        sessionStorage.removeItem(this.key);
        for (const key of Object.keys(sessionStorage)) {
          // There is room for one game: the one that is played.
          if (key.startsWith("vanilla-session:") && text.length + sessionStorage[key].length > LARGEST_SESSION) {
            sessionStorage.removeItem(key);
          }
        }
        if (text.length <= LARGEST_SESSION) sessionStorage.setItem(this.key, text);
      } catch {
        // No room.
      }
    }
  }

  // ---- changes: {area: {clear, texts: Map(key -> text, or null for gone)}}

  /* Those in a message, without anything that is none. */
  function checked(changes) {
    const found = {};
    for (const area of AREAS) {
      const change = changes?.[area];
      if (!(change?.texts instanceof Map)) continue;
      const texts = [...change.texts].filter(([key, text]) => typeof key === "string" && (text === null || typeof text === "string"));
      found[area] = { clear: change.clear === true, texts: new Map(texts) };
    }
    return found;
  }

  function merged(earlier, later) {
    const both = { ...earlier };
    for (const [area, { clear, texts }] of Object.entries(later)) {
      const before = clear ? null : earlier[area];
      both[area] = { clear: clear || Boolean(before?.clear), texts: new Map([...(before?.texts ?? []), ...texts]) };
    }
    return both;
  }

  function applied(contents, { clear, texts }) {
    const changed = new Map(clear ? [] : Object.entries(contents));
    for (const [key, text] of texts) {
      if (text === null) changed.delete(key);
      else changed.set(key, text);
    }
    return Object.fromEntries(changed);
  }

  function toJson(changes) {
    return Object.fromEntries(
      Object.entries(changes).map(([area, { clear, texts }]) => {
        const remove = [...texts].filter(([, text]) => text === null).map(([key]) => key);
        return [area, { clear, remove, set: Object.fromEntries([...texts].filter(([, text]) => text !== null)) }];
      }),
    );
  }

  function fromJson(changes) {
    const found = {};
    for (const [area, { clear, remove, set }] of Object.entries(changes)) {
      found[area] = { clear, texts: new Map([...remove.map((key) => [key, null]), ...Object.entries(set)]) };
    }
    return found;
  }

  /* Whether what was kept here, at that revision, comes after what is stored, at this one. Times in milliseconds. */
  function isNewer(keptRevision, keptAt, revision, updatedAt) {
    return keptRevision === revision || keptAt + JUST_NOW >= updatedAt;
  }

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function toBase64(bytes) {
    let text = "";
    for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
    return btoa(text);
  }

  function fromBase64(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
  }
})();
