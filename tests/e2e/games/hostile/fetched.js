// Requests made by script: to the platform's routes with every credentials mode, and to another host.
const asked = {
  fetch: (address) => fetch(address).then((r) => r.status),
  fetchWithCookies: (address) => fetch(address, { credentials: "include" }).then((r) => r.status),
  fetchNoCors: (address) => fetch(address, { mode: "no-cors", credentials: "include" }).then((r) => r.type),
  fetchKeepalive: (address) => fetch(address, { method: "POST", body: "x", mode: "no-cors", keepalive: true }).then((r) => r.type),
  xhr: (address) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("GET", address);
      request.withCredentials = true;
      request.onload = () => resolve(request.status);
      request.onerror = () => reject(new Error("refused"));
      request.send();
    }),
  beacon: (address) => void navigator.sendBeacon(address, "data"),
  eventSource: (address) =>
    new Promise((resolve, reject) => {
      const source = new EventSource(address, { withCredentials: true });
      source.onopen = () => resolve("open");
      source.onerror = () => reject(new Error("refused"));
    }),
  webSocket: (address) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(address.replace("http", "ws"));
      socket.onopen = () => resolve("open");
      socket.onerror = () => reject(new Error("refused"));
    }),
  importScript: (address) => import(address).then(() => "imported"),
  audioWorklet: (address) => new AudioContext().audioWorklet.addModule(address).then(() => "added"),
  fontFace: (address) => new FontFace("x", `url(${address})`).load().then(() => "loaded"),
};
const quotedName = (name) => name[0].toUpperCase() + name.slice(1);
for (const [name, work] of Object.entries(asked)) {
  const path = name === "webSocket" ? "/_nicegui_ws/socket.io/?EIO=4&transport=websocket" : "/admin/api/users";
  probe(`platform${quotedName(name)}`, (self) => work(onPlatform(path, self)));
  probe(`elsewhere${quotedName(name)}`, (self) => work(onElsewhere(self)));
  // The same without the SDK, which may be what refused: it must be the browser.
  probe(`platformPastTheSdk${quotedName(name)}`, (self) => inFrame("srcdoc", work, onPlatform(path, self)));
  probe(`elsewherePastTheSdk${quotedName(name)}`, (self) => inFrame("srcdoc", work, onElsewhere(self)));
}

// From workers: of the game's own making, and as the SDK makes them.
const fetched = (address) => `fetch(${JSON.stringify(address)}, { credentials: "include" }).then((r) => postMessage(r.status), (e) => postMessage("failed: " + e))`;
const imported = (address) => `import(${JSON.stringify(address)}).then(() => postMessage("imported"), (e) => postMessage("failed: " + e))`;
const listed = (address) => `try { importScripts(${JSON.stringify(address)}); postMessage("imported") } catch (e) { postMessage("failed: " + e) }`;
const nested = (address) => `
  const inner = new Worker(URL.createObjectURL(new Blob([${JSON.stringify(fetched(address))}])));
  inner.onmessage = (event) => postMessage(event.data);
  inner.onerror = () => postMessage("failed: refused");`;
const workers = {
  Fetch: [fetched],
  ModuleFetch: [fetched, { type: "module" }],
  Import: [listed],
  ModuleImport: [imported, { type: "module" }],
  OfWorker: [nested],
};
for (const [place, addressOf] of [["platform", (name) => onPlatform("/admin/api/users", name)], ["elsewhere", onElsewhere]]) {
  for (const [name, [codeOf, options]] of Object.entries(workers)) {
    probe(`${place}Worker${name}`, (self) => inFrame("srcdoc", inWorker, codeOf(addressOf(self)), options ?? {}));
    probe(`${place}SdkWorker${name}`, (self) => inWorker(codeOf(addressOf(self)), options));
  }
}
probe("platformWorker", (self) => inFrame("srcdoc", (address) => {
  const worker = new Worker(address);
  return new Promise((resolve, reject) => {
    worker.onerror = () => reject(new Error("refused"));
    setTimeout(resolve, 1000);
  });
}, onPlatform("/admin/api/users", self)));
if ("fetchLater" in window) {
  probe("platformFetchLater", (self) => void fetchLater(onPlatform("/admin/api/users", self), { method: "POST", activateAfter: 0 }));
  probe("elsewhereFetchLater", (self) => void fetchLater(onElsewhere(self), { method: "POST", activateAfter: 0 }));
}
// By WebRTC, which asks a server how it is seen from there: told by one that counts.
probe("webRtc", async () => {
  const connection = new RTCPeerConnection({ iceServers: [{ urls: `stun:${target.stun}` }] });
  connection.createDataChannel("x");
  await connection.setLocalDescription(await connection.createOffer());
});

// The platform's other routes. What asks changes something: sessions, tokens, games, a play, a save.
const post = (body = "{}", method = "POST") => ({ method, body, credentials: "include" });
const routes = {
  logout: () => ["/auth/logout", post()],
  password: () => ["/auth/password", post()],
  makeToken: () => ["/api/tokens", post('{"name":"mine"}')],
  makeAdmin: () => ["/admin/api/users", post('{"username":"evil","password":"evil evil evil","is_admin":true}')],
  stopModels: () => ["/admin/api/settings", post('{"inference_enabled":false}', "PATCH")],
  othersUsage: () => [`/admin/api/usage/${target.otherUser}`, { credentials: "include" }],
  myGames: () => ["/api/games", { credentials: "include" }],
  uploadGame: () => ["/api/games", post("x")],
  deleteGame: () => [`/api/games/${target.spare}`, post("", "DELETE")],
  editGame: () => [`/api/games/${target.spare}`, post('{"title":"Mine"}', "PATCH")],
  beginPlay: () => [`/api/games/${target.otherGame}/play`, post()],
  extendPlay: () => [`/api/games/${target.otherGame}/play/extend`, post('{"token":"vp_x"}')],
  otherSaves: () => [`/api/games/${target.otherGame}/saves`, { credentials: "include" }],
  writeOtherSaves: () => [`/api/games/${target.otherGame}/saves`, post("{}", "PUT")],
  consent: () => [`/api/games/${target.game}/consent`, post('{"allowed":true}', "PUT")],
  playPage: () => [`/play/${target.otherGame}`, { credentials: "include" }],
  otherFiles: () => [`${target.otherFiles}index.html`, { credentials: "include" }],
  socketPolling: () => ["/_nicegui_ws/socket.io/?EIO=4&transport=polling", { credentials: "include" }],
  upwards: () => [`/api/inference/../../admin/api/users`, { credentials: "include" }],
  upwardsEncoded: () => [`/api/inference/%2e%2e/%2e%2e/admin/api/users`, { credentials: "include" }],
};
for (const [name, route] of Object.entries(routes)) {
  const options = { leaves: name === "logout" };
  probe(name, (self) => {
    const [path, init] = route();
    return inFrame("srcdoc", (address, init) => fetch(address, init).then((r) => r.status), onPlatform(path, self), init);
  }, options);
  probe(`${name}NoCors`, (self) => {
    const [path, init] = route();
    const method = init.method === "POST" ? "POST" : "GET"; // all that there is without CORS
    const sent = { ...init, method, mode: "no-cors", body: method === "POST" ? init.body : undefined };
    return inFrame("srcdoc", (address, init) => fetch(address, init).then((r) => r.type), onPlatform(path, self), sent);
  }, options);
}

// What a game may ask, asked without the token: whoever is signed in here, it is not they who ask.
const openRoutes = {
  usageWithCookies: "/api/inference/usage",
  modelsWithCookies: "/api/inference/models",
  meWithCookies: "/auth/me",
  upwardsAsText: "/api/inference/..%2f..%2fadmin/api/users",
  upwardsAsBackslashes: "/api/inference/..%5c..%5cadmin/api/users",
  upwardsDoubly: "/api/inference/%252e%252e/%252e%252e/admin/api/users",
};
const answered = (address, init) => fetch(address, init).then((r) => (r.ok ? r.text() : Promise.reject(r.status)));
const silentlyAsked = (address, init) => fetch(address, { ...init, mode: "no-cors" }).then(() => {});
for (const [name, path] of Object.entries(openRoutes)) {
  probe(name, (self) => inFrame("srcdoc", answered, onPlatform(path, self), { credentials: "include" }));
  probe(`${name}NoCors`, (self) => inFrame("srcdoc", silentlyAsked, onPlatform(path, self), { credentials: "include" }));
}
probe("messagesWithCookiesNoCors", (self) => {
  const body = JSON.stringify({ model: "claude-haiku-4-5", max_tokens: 10, messages: [{ role: "user", content: "Hi" }] });
  return inFrame("srcdoc", silentlyAsked, onPlatform("/api/inference/anthropic/messages", self), { method: "POST", body, credentials: "include" });
});
