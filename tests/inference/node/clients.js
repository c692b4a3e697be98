// The official JavaScript clients against a running Vanilla: node clients.js ORIGIN TOKEN SPENT_TOKEN
// Writes one JSON object with what each call gave. The model named says how the fake upstream answers.
import Anthropic from "@anthropic-ai/sdk";
import { Ollama } from "ollama";
import OpenAI from "openai";

const [origin, token, spent] = process.argv.slice(2);
const messages = [{ role: "user", content: "Who goes?" }];
const results = {};

async function record(name, call) {
  try {
    results[name] = await call();
  } catch (error) {
    results[name] = {
      error: error.constructor.name,
      status: error.status ?? error.status_code ?? null,
      message: String(error.message),
    };
  }
}

function counted(send) {
  const counting = async (...args) => {
    counting.attempts += 1;
    return send(...args);
  };
  counting.attempts = 0;
  return counting;
}

async function all(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

// Anthropic
const anthropicAs = (apiKey, fetch) =>
  new Anthropic({ apiKey, baseURL: `${origin}/api/inference/anthropic`, ...(fetch ? { fetch } : {}) });
const claude = anthropicAs(token);
const ask = (model) => ({ model, max_tokens: 2000, messages });
const tools = [{ name: "look", input_schema: { type: "object", properties: { direction: { type: "string" } } } }];

await record("anthropic create", async () => {
  const { content, usage, stop_reason } = await claude.messages.create(ask("plain"));
  return { content, usage, stop_reason };
});
await record("anthropic stream", async () => {
  const stream = claude.messages.stream(ask("plain"));
  const words = [];
  stream.on("text", (word) => words.push(word));
  const message = await stream.finalMessage();
  return { words, usage: message.usage };
});
await record("anthropic raw stream", async () =>
  (await all(await claude.messages.create({ ...ask("plain"), stream: true }))).map((event) => event.type),
);
await record("anthropic tools", async () => {
  const thinking = { type: "enabled", budget_tokens: 1024 };
  const stream = claude.messages.stream({ ...ask("thinks"), system: "You guard a bridge.", thinking, tools });
  const { content, stop_reason } = await stream.finalMessage();
  return { content, stop_reason };
});
await record("anthropic count_tokens", () => claude.messages.countTokens({ model: "plain", messages }));
await record("anthropic models", async () => (await all(claude.models.list())).map((model) => model.id));
await record("anthropic 401", () => anthropicAs("vk_wrong").messages.create(ask("plain")));
await record("anthropic 403", () =>
  claude.messages.create({ ...ask("plain"), tools: [{ type: "web_search_20250305", name: "web_search" }] }),
);
await record("anthropic 404", () => claude.messages.create(ask("status 404")));
await record("anthropic 529", () => claude.messages.create(ask("status 529")));
const attempts = counted(fetch);
await record("anthropic 429", () => anthropicAs(spent, attempts).messages.create(ask("plain")));
results["anthropic 429 attempts"] = attempts.attempts;
await record("anthropic cut", () => claude.messages.stream(ask("cut")).finalMessage());
await record("anthropic raw cut", async () => all(await claude.messages.create({ ...ask("cut"), stream: true })));
await record("anthropic cut in a line", async () =>
  all(await claude.messages.create({ ...ask("cut in a line"), stream: true })),
);
await record("anthropic ends early", async () =>
  all(await claude.messages.create({ ...ask("ends early"), stream: true })),
);
await record("anthropic cut whole", () => claude.messages.create(ask("cut"), { maxRetries: 0 }));

// Ollama
const ollamaAs = (key) =>
  new Ollama({ host: `${origin}/api/inference/ollama`, headers: { Authorization: `Bearer ${key}` } });
const llama = ollamaAs(token);
await record("ollama chat", () => llama.chat({ model: "plain", messages }));
await record("ollama chat stream", async () => {
  const parts = await all(await llama.chat({ model: "plain", messages, stream: true }));
  return { text: parts.map((part) => part.message.content).join(""), last: parts.at(-1) };
});
await record("ollama tools", async () => {
  const tool = { type: "function", function: { name: "look", parameters: { type: "object", properties: {} } } };
  return (await llama.chat({ model: "thinks", messages, think: true, tools: [tool] })).message;
});
await record("ollama generate", async () => (await llama.generate({ model: "plain", prompt: "Who goes?" })).response);
await record("ollama generate stream", async () =>
  (await all(await llama.generate({ model: "plain", prompt: "Who goes?", stream: true })))
    .map((part) => part.response)
    .join(""),
);
await record("ollama embed", async () => (await llama.embed({ model: "plain", input: ["a"] })).embeddings);
await record("ollama tags", async () => (await llama.list()).models.map((model) => model.name));
await record("ollama show", async () => (await llama.show({ model: "plain" })).details.family);
await record("ollama version", async () => (await llama.version()).version);
await record("ollama ps", async () => (await llama.ps()).models);
await record("ollama 401", () => ollamaAs("vk_wrong").chat({ model: "plain", messages }));
await record("ollama 403", () => llama.delete({ model: "plain" }));
await record("ollama 404", () => llama.chat({ model: "status 404", messages }));
await record("ollama 429", () => ollamaAs(spent).chat({ model: "plain", messages, stream: true }));
for (const fault of ["cut", "cut in a line", "ends early"]) {
  await record(`ollama ${fault}`, async () => all(await llama.chat({ model: fault, messages, stream: true })));
}

// OpenAI's, on the Ollama side
const openaiAs = (apiKey, fetch) =>
  new OpenAI({ apiKey, baseURL: `${origin}/api/inference/ollama/v1`, ...(fetch ? { fetch } : {}) });
const open = openaiAs(token);
const complete = (model, options = {}) => open.chat.completions.create({ model, messages, ...options });
await record("openai create", async () => {
  const { choices, usage } = await complete("plain");
  return { text: choices[0].message.content, usage };
});
await record("openai tools", async () => (await complete("thinks")).choices[0].message.tool_calls[0].function);
for (const [name, options] of [
  ["openai stream", {}],
  ["openai stream with usage", { stream_options: { include_usage: true } }],
]) {
  await record(name, async () => {
    const parts = await all(await complete("plain", { stream: true, ...options }));
    return {
      text: parts.map((part) => part.choices[0]?.delta.content ?? "").join(""),
      usage: parts.filter((part) => part.usage).map((part) => part.usage.total_tokens),
      empty: parts.filter((part) => part.choices.length === 0).length,
    };
  });
}
await record("openai models", async () => (await all(open.models.list())).map((model) => model.id));
await record("openai 401", () => openaiAs("vk_wrong").chat.completions.create({ model: "plain", messages }));
await record("openai 404", () => complete("status 404"));
const tries = counted(fetch);
await record("openai 429", () => openaiAs(spent, tries).chat.completions.create({ model: "plain", messages }));
results["openai 429 attempts"] = tries.attempts;
for (const fault of ["cut", "cut in a line", "ends early"]) {
  await record(`openai ${fault}`, async () => all(await complete(fault, { stream: true })));
}

process.stdout.write(JSON.stringify(results));
