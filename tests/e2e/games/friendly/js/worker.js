importScripts("shared.js");

onmessage = async (event) => {
  const { levels } = await (await fetch("../levels.json")).json();
  const usage = await fetch("/api/inference/usage", { credentials: "include" });
  postMessage([event.data, shared, levels.length, usage.status, location.pathname.endsWith("/js/worker.js")]);
};
