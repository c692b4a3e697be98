const part = "imported";

async function work() {
  const { instance } = await WebAssembly.instantiateStreaming(fetch("../add.wasm"));
  const { levels } = await new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", "../levels.json");
    request.responseType = "json";
    request.onload = () => resolve(request.response);
    request.send();
  });
  const usage = await fetch("/api/inference/usage", { credentials: "include", headers: { "x-api-key": "dummy" } });
  return [instance.exports.add(40, 2), levels[1], usage.status];
}
