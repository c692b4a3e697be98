import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: new URL("/api/inference/anthropic", location.href).href,
  apiKey: "any word", // the platform puts in the player's own token
  dangerouslyAllowBrowser: true,
});
const stream = client.messages.stream({
  model: "claude-haiku-4-5",
  max_tokens: 200,
  messages: [{ role: "user", content: "Who goes there?" }],
});
stream.on("text", (text) => document.body.append(text));
await stream.finalMessage();
