import { ask } from "./ask.js";

onmessage = async () => postMessage(await ask("Who goes there?"));
