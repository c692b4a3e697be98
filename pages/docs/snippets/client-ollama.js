import { Ollama } from "ollama/browser";

const client = new Ollama({ host: new URL("/api/inference/ollama", location.href).href });
const answer = await client.chat({
  model: "llama3.2",
  messages: [{ role: "user", content: "Who goes there?" }],
  stream: true,
});
for await (const part of answer) document.body.append(part.message.content);
