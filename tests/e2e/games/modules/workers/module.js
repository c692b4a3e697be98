import { work } from "./work.js";

onmessage = async () => {
  const { late } = await import("../lib/late.js");
  postMessage([late === "levels.json" ? "imported" : late, ...(await work())]);
};
