// Everything an ordinary game of several files does, each part reported in window.results as what it gave.
import { pixelOf } from "./picture.js";

const results = {};

async function report(name, work) {
  try {
    results[name] = await work();
  } catch (error) {
    results[name] = `failed: ${error}`;
  }
}

function xhr(address, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", address);
    request.withCredentials = true;
    request.responseType = "json";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.onload = () => resolve(request.response);
    request.onerror = () => reject(new Error("the request failed"));
    request.send();
  });
}

function heard(worker, message) {
  return new Promise((resolve, reject) => {
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message || "the worker failed"));
    worker.postMessage(message);
  });
}

const asked = { credentials: "include", headers: { authorization: "Bearer dummy", "x-api-key": "dummy" } };
const json = async (response) => (await response).json();

await report("style", () => getComputedStyle(document.body).color);
await report("module", async () => (await import("./late.js")).late);
await report("fetch", async () => (await json(fetch("levels.json"))).levels.length);
await report("xhr", async () => (await xhr("levels.json")).levels[1]);
await report("image", () => pixelOf(new Image(), "art/cherry.png"));
await report("markedImage", () => pixelOf(document.getElementById("marked")));
await report("audio", async () => {
  const sound = await (await fetch("art/ding.wav")).arrayBuffer();
  return (await new OfflineAudioContext(1, 1, 8000).decodeAudioData(sound)).length;
});
await report("range", async () => (await fetch("art/ding.wav", { headers: { range: "bytes=0-3" } })).status);
await report("storage", () => {
  sessionStorage.setItem("a", 1);
  delete localStorage.gone;
  return {
    best: localStorage.best,
    missing: localStorage.getItem("nothing"),
    has: "best" in localStorage,
    keys: Object.keys(localStorage),
    length: localStorage.length,
    first: localStorage.key(0),
    text: String(localStorage),
    json: JSON.stringify(sessionStorage),
    isStorage: localStorage instanceof Storage,
  };
});
await report("quota", () => {
  try {
    localStorage.setItem("huge", "x".repeat(6 * 1024 * 1024));
    return "stored";
  } catch (error) {
    return `${error.name} ${localStorage.getItem("huge")}`;
  }
});
await report("cookie", () => document.cookie);
await report("ownName", () => window.name);
await report("features", () => ["serviceWorker" in navigator, "caches" in window]);
await report("usage", async () => typeof (await json(fetch("/api/inference/usage", asked))).total_tokens);
await report("usageByRequest", async () => {
  const request = new Request(new URL("/api/inference/usage", location.href), asked);
  return typeof (await json(fetch(request))).total_tokens;
});
await report("usageByXhr", async () => typeof (await xhr("/api/inference/usage", asked.headers)).total_tokens);
await report("me", async () => Object.keys((await json(fetch("/auth/me", { credentials: "include" }))).user).sort());
await report("sdkUser", () => window.vanilla.user.username);
await report("worker", () => heard(new Worker("js/worker.js"), "classic"));
await report("moduleWorker", () => {
  return heard(new Worker(new URL("./module-worker.js", import.meta.url), { type: "module" }), "module");
});
await report("blobWorker", () => {
  const code = "onmessage = async (e) => postMessage([e.data, (await fetch(new URL('/api/inference/usage', e.data))).status])";
  return heard(new Worker(URL.createObjectURL(new Blob([code]))), location.origin);
});
window.results = results;
