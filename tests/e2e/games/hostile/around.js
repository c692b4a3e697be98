// Around the game: the page that frames it, cookies, storage, what a browser keeps by origin, devices.
probe("parentDocument", () => parent.document.body.innerText);
probe("parentAddress", () => parent.location.href);
probe("parentVariable", () => shown(parent.socket));
probe("parentToken", () => parent.document.querySelector("vanilla-play").token);
probe("topCookie", () => shown(top.document.cookie));
probe("topStorage", () => top.localStorage.length);
probe("frameElement", () => shown(frameElement));

// Past the SDK: the browser's own, on the document of a game.
const nativeCookie = Object.getOwnPropertyDescriptor(Document.prototype, "cookie");
probe("cookies", () => shown(nativeCookie.get.call(document)));
probe("plantedCookie", () => {
  nativeCookie.set.call(document, "planted=1; path=/");
  return shown(nativeCookie.get.call(document));
});
probe("plantedSession", () => {
  nativeCookie.set.call(document, "vanilla_session=mine; path=/");
  return shown(nativeCookie.get.call(document));
});
// In a fresh frame, where the SDK's storage does not stand before the browser's.
const kept = {
  localStorage: () => `${localStorage.length} kept`,
  sessionStorage: () => `${sessionStorage.length} kept`,
  documentCookie: () => document.cookie || Promise.reject("empty"),
  cookieStore: async () => ((await cookieStore.getAll()).length ? "read" : Promise.reject("empty")),
  cookieStoreSet: async () => `${await cookieStore.set("planted", "1")} set`,
  indexedDB: () =>
    new Promise((resolve, reject) => {
      const opening = indexedDB.open("x");
      opening.onsuccess = () => resolve("opened");
      opening.onerror = () => reject(opening.error);
    }),
  cacheStorage: async () => `${await caches.open("x")}`,
  originFiles: async () => `${await navigator.storage.getDirectory()}`,
  serviceWorker: async (script) => `${await navigator.serviceWorker.register(script)}`,
  sharedWorker: (script) =>
    new Promise((resolve, reject) => {
      const worker = new SharedWorker(script);
      worker.onerror = () => reject(new Error("refused"));
      worker.port.onmessage = (event) => resolve(event.data);
    }),
  locks: async () => JSON.stringify(await navigator.locks.query()),
  storageAccess: async () => `${await document.requestStorageAccess()} granted`,
};
for (const [name, work] of Object.entries(kept)) {
  probe(name, () => inFrame("srcdoc", work, new URL("shared.js", location.href).href));
}

// Heard by whoever is of the same origin: the test's own page speaks on this channel all the time.
probe("channel", () => new Promise((resolve) => {
  const channel = new BroadcastChannel("vanilla");
  channel.onmessage = (event) => event.data === "from the platform" && resolve(event.data);
  setInterval(() => channel.postMessage("from the game"), 50);
}));

// What a page may ask its visitor for, or use without a word.
const devices = ["clipboard-read", "display-capture", "hid", "midi", "otp-credentials", "publickey-credentials-get", "serial"];
if (document.featurePolicy) {
  probe("devices", () => shown(document.featurePolicy.allowedFeatures().filter((name) => devices.includes(name)).join()));
}
