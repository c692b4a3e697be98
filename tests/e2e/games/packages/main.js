// The official JavaScript clients as they come from npm, pointed at the platform by their own options. A bundler makes
// built/main.js of this, as for most games that use packages.
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama/browser";
import OpenAI from "openai";

const browser = { apiKey: "none needed", dangerouslyAllowBrowser: true };
const anthropic = new Anthropic({ ...browser, baseURL: new URL("/api/inference/anthropic", location.href).href });
const ollama = new Ollama({ host: new URL("/api/inference/ollama", location.href).href });
const openai = new OpenAI({ ...browser, baseURL: new URL("/api/inference/ollama/v1", location.href).href });
const messages = [{ role: "user", content: "Who goes there?" }];
const claude = { model: "claude-haiku-4-5", max_tokens: 50, messages };

const words = await vanilla.chat("Who goes there?");
const spoken = (name, work) => check(name, work, words);

await spoken("Anthropic's client gets a message", async () => (await anthropic.messages.create(claude)).content[0].text);
await spoken("Anthropic's client streams", async () => {
  let text = "";
  for await (const event of anthropic.messages.stream(claude)) text += event.delta?.text ?? "";
  return text;
});
await check("Anthropic's client sums a stream up", async () => (await anthropic.messages.stream(claude).finalMessage()).stop_reason, "end_turn");
await check("Anthropic's client tells an error", async () => anthropic.messages.create({ ...claude, model: "status 404" }).catch((error) => [error instanceof Anthropic.NotFoundError, error.status, typeof error.requestID]), [true, 404, "string"]);
await spoken("Ollama's client streams", async () => {
  let text = "";
  for await (const part of await ollama.chat({ model: "llama3.2", messages, stream: true })) text += part.message.content;
  return text;
});
await check("Ollama's client lists the models", async () => (await ollama.list()).models.length > 0);
await spoken("OpenAI's client streams", async () => {
  let text = "";
  for await (const part of await openai.chat.completions.create({ model: "llama3.2", messages, stream: true })) text += part.choices[0]?.delta?.content ?? "";
  return text;
});
finish();
