// What was chosen or dropped, as one thing: its files, read without sending anything, and what is sent in the end.
// A folder is packed into a zip here, so that the server checks it as it checks every zip.
window.vanillaSources = (() => {
  "use strict";
  const MOST_READ = 64 * 1024; // bytes of meta.json, or of a page, that are looked at
  const MOST_LISTED = 8 << 20; // bytes of a zip's directory
  const PAGE = /\.html?$/i;
  // What is worth compressing: pictures, sound and film are compressed already.
  const COMPRESSES = /\.(html?|[cm]?js|css|json|map|svg|xml|txt|md|csv|glsl|wasm|gltf|obj|mtl|tmx|tmj|atlas|fnt|ttf|otf|wav|bmp|data|pck|bin)$/i;

  // files: path to {size, read(): Promise<Blob>}, null where they cannot be known here.
  class Source {
    constructor(name, size, files, leftOut = []) {
      Object.assign(this, { name, size, files, leftOut, isFolder: false });
    }

    // The one folder that everything lies in, with its slash, as the server takes it away.
    get wrapper() {
      const paths = [...(this.files?.keys() ?? [])];
      const first = paths[0]?.split("/")[0];
      return paths.length && paths.every((path) => path.startsWith(`${first}/`)) ? `${first}/` : "";
    }

    // Its pages, likeliest first, as the server orders them.
    get pages() {
      const wrapper = this.wrapper;
      const depth = (path) => path.split("/").length;
      const isIndex = (path) => /index\.html$/i.test(path);
      return [...(this.files?.keys() ?? [])]
        .map((path) => path.slice(wrapper.length))
        .filter((path) => PAGE.test(path))
        .sort((a, b) => depth(a) - depth(b) || isIndex(b) - isIndex(a) || (a < b ? -1 : 1));
    }

    // Those of them that somebody has to choose from; none where it is clear which one opens.
    get candidates() {
      const pages = this.pages;
      const atRoot = pages.filter((path) => !path.includes("/"));
      return atRoot.includes("index.html") || atRoot.length === 1 ? [] : pages;
    }

    // What the game says of itself: {title, description, tags}.
    async about() {
      const meta = await this.#meta();
      const string = (value) => (typeof value === "string" ? value.trim() : "");
      const tags = Array.isArray(meta.tags) ? meta.tags.filter((tag) => typeof tag === "string").join(", ") : string(meta.tags);
      return { title: string(meta.title) || (await this.#pageTitle()), description: string(meta.description), tags };
    }

    async #meta() {
      try {
        const meta = JSON.parse(await this.#text("meta.json"));
        return meta && typeof meta === "object" ? meta : {};
      } catch {
        return {}; // none, or one that the server will warn of
      }
    }

    async #pageTitle() {
      const pages = this.pages;
      const page = pages.includes("index.html") ? "index.html" : pages[0];
      const html = page ? await this.#text(page).catch(() => "") : "";
      return new DOMParser().parseFromString(html, "text/html").title.trim(); // nothing in it runs or loads
    }

    async #text(path) {
      const file = this.files?.get(this.wrapper + path);
      return file ? (await file.read(MOST_READ)).slice(0, MOST_READ).text() : "";
    }
  }

  async function ofFile(file) {
    if (PAGE.test(file.name)) {
      return own(new Source(file.name, file.size, new Map([["index.html", { size: file.size, read: async () => file }]])), file);
    }
    const files = /\.zip$/i.test(file.name) ? await listed(file).catch(() => null) : null;
    return own(new Source(file.name, file.size, files), file);
  }

  // rows: [path, File]. Leftovers that a game does not need are not even read.
  function ofFolder(rows, isJunk) {
    const kept = rows.filter(([path]) => !path.split("/").some(isJunk));
    const names = rows.flatMap(([path]) => path.split("/").filter(isJunk).slice(0, 1));
    const files = new Map(kept.map(([path, file]) => [path, { size: file.size, read: async () => file }]));
    const size = kept.reduce((sum, [, file]) => sum + file.size, 0);
    const source = new Source("", size, files, [...new Set(names)]);
    source.name = source.wrapper.slice(0, -1) || "Dropped files";
    source.isFolder = true;
    source.toSend = async (tell, signal) => [await packed(files, tell, signal), `${source.name}.zip`];
    return source;
  }

  function own(source, file) {
    source.toSend = async () => [file, file.name];
    return source;
  }

  // Entries as a drop gives them; they must be asked for before the drop is over.
  async function ofDrop(entries, isJunk, most) {
    const rows = [];
    const walk = async (entry, path) => {
      if (rows.length > most) return;
      if (entry.isFile) {
        rows.push([path, await new Promise((done, failed) => entry.file(done, failed))]);
        return;
      }
      if (isJunk(entry.name)) {
        rows.push([path, new File([], entry.name)]); // counts as one left out; what is in it is not looked at
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, failed) => reader.readEntries(done, failed));
        if (!some.length) return;
        for (const each of some) await walk(each, `${path}/${each.name}`);
      }
    };
    for (const entry of entries) await walk(entry, entry.name);
    return ofFolder(rows, isJunk);
  }

  // The directory of a zip, read from its end (APPNOTE 4.3.12 and 4.3.16). Throws where it is not a plain one.
  async function listed(zip) {
    const tail = new DataView(await zip.slice(-65557).arrayBuffer());
    let end = tail.byteLength - 22;
    while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end -= 1;
    const [length, start] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
    if (length > MOST_LISTED) throw new RangeError("a very long directory");
    const view = new DataView(await zip.slice(start, start + length).arrayBuffer());
    const files = new Map();
    for (let at = 0; at + 46 <= view.byteLength; ) {
      if (view.getUint32(at, true) !== 0x02014b50) throw new RangeError("no directory");
      const [names, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
      const path = new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, names));
      const [method, packedSize, size] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
      const place = view.getUint32(at + 42, true);
      if (!path.endsWith("/") && !path.startsWith("__MACOSX/")) {
        files.set(path, { size, read: (most) => unpacked(zip, place, packedSize, method, most) });
      }
      at += 46 + names + extra + comment;
    }
    return files;
  }

  async function unpacked(zip, place, packedSize, method, most) {
    const header = new DataView(await zip.slice(place, place + 30).arrayBuffer());
    const from = place + 30 + header.getUint16(26, true) + header.getUint16(28, true);
    const data = zip.slice(from, from + packedSize);
    if (method === 0) return data;
    const reader = data.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const pieces = [];
    for (let size = 0; size < most; ) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      size += value.length;
    }
    reader.cancel().catch(() => {});
    return new Blob(pieces);
  }

  // A zip of these files, in pieces that the browser keeps where it likes: nothing is whole in memory.
  async function packed(files, tell, signal) {
    const [parts, directory] = [[], []];
    let [at, done] = [0, 0];
    for (const [path, file] of files) {
      signal.throwIfAborted();
      tell(done, files.size);
      const data = await file.read();
      const sum = await crc32(data, signal);
      const shrinks = COMPRESSES.test(path) && data.size > 1024 && "CompressionStream" in window;
      const stored = shrinks ? await new Response(data.stream().pipeThrough(new CompressionStream("deflate-raw"))).blob() : data;
      const name = new TextEncoder().encode(path);
      const head = header(0x04034b50, 30, name, [[4, 20], [6, 0x0800], [8, shrinks ? 8 : 0], [12, 33], [26, name.length]], [[14, sum], [18, stored.size], [22, data.size]]);
      directory.push(header(0x02014b50, 46, name, [[4, 20], [6, 20], [8, 0x0800], [10, shrinks ? 8 : 0], [14, 33], [28, name.length]], [[16, sum], [20, stored.size], [24, data.size], [42, at]]));
      parts.push(head, stored);
      at += head.length + stored.size;
      done += 1;
    }
    const length = directory.reduce((sum, each) => sum + each.length, 0);
    const end = header(0x06054b50, 22, new Uint8Array(), [[8, files.size], [10, files.size]], [[12, length], [16, at]]);
    return new Blob([...parts, ...directory, end], { type: "application/zip" });
  }

  function header(signature, size, name, shorts, longs) {
    const bytes = new Uint8Array(size + name.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, signature, true);
    for (const [at, value] of shorts) view.setUint16(at, value, true);
    for (const [at, value] of longs) view.setUint32(at, value, true);
    bytes.set(name, size);
    return bytes;
  }

  const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n;
  });

  async function crc32(blob, signal) {
    let sum = 0xffffffff;
    const reader = blob.stream().getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ~sum >>> 0;
      signal.throwIfAborted();
      for (let at = 0; at < value.length; at += 1) sum = TABLE[(sum ^ value[at]) & 255] ^ (sum >>> 8);
    }
  }

  return { ofFile, ofFolder, ofDrop };
})();
