import Engine, { name } from "engine";
import * as units from "./lib/units.js";

await check("an import map is followed", () => [name, typeof Engine], ["an engine of modules", "function"]);
await check("a module is loaded once, whatever it is called", async () => (await import("lib/units.js")) === units);
await check("a module is loaded late, and knows its address", async () => (await import("./lib/late.js")).late, "levels.json");
await check("a module of text is loaded", async () => {
  const address = URL.createObjectURL(new Blob(["export default 42"], { type: "text/javascript" }));
  return (await import(address)).default;
}, 42);
await check("JSON is imported", async () => (await import("./levels.json", { with: { type: "json" } })).default.levels.length, 2);
await check("JSON is fetched", async () => (await (await fetch(new URL("levels.json", import.meta.url))).json()).levels[1], "cellar");

const added = ({ instance }) => instance.exports.add(40, 2);
await check("wasm is compiled as it streams", async () => added(await WebAssembly.instantiateStreaming(fetch("add.wasm"))), 42);
await check("wasm is compiled, then started", async () => {
  return added({ instance: await WebAssembly.instantiate(await WebAssembly.compileStreaming(fetch("add.wasm"))) });
}, 42);
await check("wasm is compiled from its bytes", async () => added(await WebAssembly.instantiate(await (await fetch("add.wasm")).arrayBuffer())), 42);

// Each worker adds by wasm, reads a file of the game, and asks the platform for the player's usage.
const all = [42, "cellar", 200];
await check("a classic worker runs", () => answerOf(new Worker("workers/classic.js")), ["imported", ...all]);
await check("a worker beside its module runs", () => answerOf(new Worker(new URL("./workers/classic.js", import.meta.url))), ["imported", ...all]);
await check("a module worker runs", () => answerOf(new Worker("workers/module.js", { type: "module" })), ["imported", ...all]);
const [base, platform] = [new URL(".", location.href).href, location.origin];
const inline = `
  onmessage = async () => {
    const { instance } = await WebAssembly.instantiateStreaming(fetch("${base}add.wasm"));
    const { levels } = await (await fetch("${base}levels.json")).json();
    const usage = await fetch("${platform}/api/inference/usage", { credentials: "include" });
    postMessage([instance.exports.add(40, 2), levels[1], usage.status]);
  };`;
await check("a worker of a blob runs", () => answerOf(new Worker(URL.createObjectURL(new Blob([inline])))), all);
await check("a module worker of a blob runs", () => {
  return answerOf(new Worker(URL.createObjectURL(new Blob([inline], { type: "text/javascript" })), { type: "module" }));
}, all);
await check("a worker of a data: address runs", () => answerOf(new Worker(`data:text/javascript,${encodeURIComponent(inline)}`)), all);
await check("a worker draws on a canvas of the page", async () => {
  const canvas = document.getElementById("screen").transferControlToOffscreen();
  return answerOf(new Worker("workers/painter.js"), { canvas }, [canvas]);
}, [179, 18, 63]);
await check("a worker's failure is heard", () => new Promise((resolve) => {
  new Worker(URL.createObjectURL(new Blob(["throw new Error('overheated')"]))).onerror = (event) => resolve(event.message.includes("overheated"));
}));
await check("a worker knows its own address", async () => {
  const [pathname, name] = await answerOf(new Worker("workers/where.js", { name: "scout" }));
  return [pathname.endsWith("/workers/where.js"), name];
}, [true, "scout"]);
finish();

function answerOf(worker, message = "go", transfer = []) {
  return new Promise((resolve, reject) => {
    worker.onmessage = (event) => {
      worker.terminate();
      resolve(event.data);
    };
    worker.onerror = (event) => reject(new Error(event.message ?? "the worker failed"));
    worker.postMessage(message, transfer);
  });
}
