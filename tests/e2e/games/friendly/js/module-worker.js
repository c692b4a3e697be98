import { late } from "./late.js";

onmessage = async (event) => {
  const usage = await fetch("/api/inference/usage", { credentials: "include" });
  postMessage([event.data, late, usage.status]);
};
