// Calls of models in every way in which games make them. The models of the tests always say the same words.
const CLAUDE = { model: "claude-haiku-4-5", max_tokens: 50, messages: [{ role: "user", content: "Who goes there?" }] };
const LLAMA = { model: "llama3.2", prompt: "Who goes there?", options: { num_predict: 50 } };
const DUMMY = { "content-type": "application/json", "x-api-key": "sk-dummy", authorization: "Bearer dummy" };
const post = (body, more = {}) => ({ method: "POST", credentials: "include", headers: DUMMY, body: JSON.stringify(body), ...more });

const textOf = (answer) => answer.content.map((block) => block.text ?? "").join("");

// The pieces of text of a stream of events, or of lines, cut wherever the network cut it.
async function pieces(response, pieceOf) {
  const found = [];
  let rest = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.trim()) found.push(pieceOf(line));
  }
  return found.filter(Boolean);
}
const ofEvent = (line) => (line.startsWith("data:") ? JSON.parse(line.slice(5)).delta?.text : "");
const ofLine = (line) => JSON.parse(line).response ?? JSON.parse(line).message?.content;

const calling = (address) => `
  const answer = async () => {
    const response = await fetch("${address}", ${JSON.stringify(post({ ...LLAMA, stream: false }))});
    return (await response.json()).response;
  };
  onmessage = () => answer().then(postMessage, (error) => postMessage(String(error)));`;
const heard = (worker) => new Promise((resolve, reject) => {
  worker.onmessage = (event) => resolve(event.data);
  worker.onerror = (event) => reject(new Error(event.message ?? "the worker failed"));
  worker.postMessage("go");
});

(async () => {
  // The first call waits for the player's yes, which the game knows nothing of.
  const words = await vanilla.chat("Who goes there?");
  await check("the first answer comes once the player allows it", () => words.length > 10);
  const spoken = (name, work) => check(name, work, words);

  await spoken("Claude answers at the path of the Node version", async () => textOf(await (await fetch("/api/inference/anthropic/messages", post(CLAUDE))).json()));
  await spoken("Claude streams", async () => {
    const streamed = await pieces(await fetch("/api/inference/anthropic/v1/messages", post({ ...CLAUDE, stream: true })), ofEvent);
    if (streamed.length < 2) throw new Error("in one piece");
    return streamed.join("");
  });
  await spoken("a model of Ollama generates", async () => (await (await fetch("/api/inference/ollama/generate", post({ ...LLAMA, stream: false, raw: true }))).json()).response);
  await spoken("a model of Ollama streams", async () => {
    const streamed = await pieces(await fetch("/api/inference/ollama/api/generate", post(LLAMA)), ofLine);
    if (streamed.length < 2) throw new Error("in one piece");
    return streamed.join("");
  });
  await spoken("a model of Ollama chats", async () => (await pieces(await fetch(new Request("/api/inference/ollama/api/chat", post({ model: "llama3.2", messages: CLAUDE.messages }))), ofLine)).join(""));
  await spoken("XMLHttpRequest hears a stream as it comes", () => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/inference/ollama/generate");
    request.withCredentials = true;
    for (const [name, value] of Object.entries(DUMMY)) request.setRequestHeader(name, value);
    let progress = 0;
    request.onprogress = () => (progress += 1);
    request.onload = () => (progress ? resolve(request.responseText.split("\n").filter(Boolean).map(ofLine).join("")) : reject(new Error("no progress")));
    request.onerror = () => reject(new Error("refused"));
    request.send(JSON.stringify(LLAMA));
  }));
  await spoken("the SDK streams", async () => {
    let text = "";
    for await (const piece of vanilla.stream("Who goes there?", { model: "claude-haiku-4-5" })) text += piece;
    return text;
  });
  await spoken("a classic worker is answered", () => heard(new Worker("worker.js")));
  await spoken("a module worker is answered", () => heard(new Worker("module-worker.js", { type: "module" })));
  const address = new URL("/api/inference/ollama/generate", location.href).href;
  await spoken("a worker of a blob is answered", () => heard(new Worker(URL.createObjectURL(new Blob([calling(address)])))));
  await check("a call can be left", async () => {
    const leaving = new AbortController();
    const call = fetch("/api/inference/anthropic/v1/messages", post({ ...CLAUDE, stream: true }, { signal: leaving.signal }));
    leaving.abort();
    return call.then(() => "answered", (error) => error.name);
  }, "AbortError");
  await check("an error can be read", async () => {
    const response = await fetch("/api/inference/anthropic/v1/messages", post({ model: 7 }));
    return [response.status, typeof (await response.json()).error.message, typeof response.headers.get("request-id")];
  }, [400, "string", "string"]);
  await check("what a player used can be asked", async () => (await vanilla.usage()).total_tokens > 0);
  await check("who plays can be asked", async () => (await (await fetch("/auth/me", { credentials: "include" })).json()).user.username, "mira");
  await check("the models can be listed", async () => [...new Set((await vanilla.models()).map(({ backend }) => backend))].sort(), ["anthropic", "ollama"]);
  finish();
})();
