"""The examples of the guide, as a game author copies them. `ORIGIN` stands for the platform's own address."""

GAME = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>The gatekeeper</title>
  <style>
    body { max-width: 36rem; margin: 2rem auto; padding: 0 1rem; font: 18px/1.5 system-ui; }
    input { width: 100%; padding: 0.6rem; font: inherit; }
  </style>
</head>
<body>
  <h1>The gatekeeper</h1>
  <p id="answer">A guard bars the way. What do you say?</p>
  <form>
    <label for="words">You say</label>
    <input id="words" autocomplete="off" required>
  </form>
  <script>
    const rules = "You guard a gate. Answer in two sentences. " +
      "Only to somebody who makes you laugh, you say OPEN.";
    const told = [];

    document.querySelector("form").addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = document.querySelector("#answer");
      const words = document.querySelector("#words");
      told.push({ role: "user", content: words.value });
      words.value = "";
      answer.textContent = "";
      try {
        for await (const text of vanilla.stream(told, { system: rules, maxTokens: 120 })) {
          answer.textContent += text;
        }
        told.push({ role: "assistant", content: answer.textContent });
        if (answer.textContent.includes("OPEN")) document.body.style.opacity = 0.6;
      } catch (error) {
        told.pop();
        answer.textContent = error.message;
      }
    });
  </script>
</body>
</html>
"""

SDK = """// Who plays: { id, username }
console.log(vanilla.user.username);

// The models that a game may use, the usual one first: [{ backend, model }, ...]
const models = await vanilla.models();

// The whole answer at once
const name = await vanilla.chat("Invent a name for a tavern.", { maxTokens: 20 });

// Piece by piece; leaving the loop ends the call
for await (const text of vanilla.stream("Describe the tavern.", { system: "You are a poet." })) {
  page.textContent += text;
}

// What the player has left
const { remaining_tokens, token_limit, resets_at } = await vanilla.usage();

// A limit that is reached is an error of its own
try {
  await vanilla.chat("One more?");
} catch (error) {
  if (error instanceof vanilla.LimitError) show(`Back on ${error.resetsAt ?? "another day"}`);
  else show(error.message);
}

// Or in one place, for every call
vanilla.onLimit((error) => show(`${error.used} of ${error.limit} tokens are used`));
"""

CLAUDE = """const response = await fetch("/api/inference/anthropic/messages", {
  method: "POST",
  headers: { "content-type": "application/json", "anthropic-version": "2023-06-01" },
  body: JSON.stringify({
    model: "claude-haiku-4-5",
    max_tokens: 200,
    messages: [{ role: "user", content: "Greet the hero." }],
  }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.error.message);
console.log(answer.content[0].text, answer.usage);
"""

CLAUDE_STREAM = """const response = await fetch("/api/inference/anthropic/messages", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    model: "claude-haiku-4-5",
    max_tokens: 200,
    stream: true,
    messages: [{ role: "user", content: "Tell a story." }],
  }),
});
if (!response.ok) throw new Error((await response.json()).error.message);
const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
let rest = "";
for (;;) {
  const { done, value } = await reader.read();
  if (done) break;
  const lines = (rest + value).split("\\n"); // a piece may end in the middle of a line
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data:")) continue;
    const event = JSON.parse(line.slice(5));
    if (event.type === "error") throw new Error(event.error.message);
    if (event.delta?.type === "text_delta") page.textContent += event.delta.text;
  }
}
"""

OLLAMA = """const response = await fetch("/api/inference/ollama/chat", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    model: "llama3.2",
    stream: false,
    options: { num_predict: 200 },
    messages: [{ role: "user", content: "Greet the hero." }],
  }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.error);
console.log(answer.message.content, answer.prompt_eval_count, answer.eval_count);
"""

OLLAMA_STREAM = """const response = await fetch("/api/inference/ollama/generate", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ model: "llama3.2", prompt: "Once upon a time" }),
});
if (!response.ok) throw new Error((await response.json()).error);
const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
let rest = "";
for (;;) {
  const { done, value } = await reader.read();
  if (done) break;
  const lines = (rest + value).split("\\n"); // a piece may end in the middle of a line
  rest = lines.pop();
  for (const line of lines) {
    const part = JSON.parse(line);
    if (part.error) throw new Error(part.error);
    page.textContent += part.response;
  }
}
"""

MODELS = """const { models } = await (await fetch("/api/inference/models")).json();
// [{ backend: "anthropic", model: "claude-haiku-4-5" }, { backend: "ollama", model: "llama3.2" }, ...]
"""

USAGE = """const usage = await (await fetch("/api/inference/usage")).json();
// { prompt_tokens, completion_tokens, total_tokens,
//   token_limit, limit_period, remaining_tokens, resets_at }
// token_limit and remaining_tokens are null for somebody without a limit

const stats = await (await fetch("/api/inference/usage/stats")).json();
// { totals, by_backend: [{ backend, ... }], by_model: [{ model, ... }], by_day: [{ day, ... }] }
"""

ME = """const { user } = await (await fetch("/auth/me")).json();
// { id, username }
"""

PYTHON_ANTHROPIC = """from anthropic import Anthropic

client = Anthropic(base_url="ORIGIN/api/inference/anthropic", api_key="vk_your_token")
with client.messages.stream(
    model="claude-haiku-4-5",
    max_tokens=200,
    messages=[{"role": "user", "content": "Greet the hero."}],
) as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
"""

PYTHON_OLLAMA = """from ollama import Client

client = Client(
    host="ORIGIN/api/inference/ollama",
    headers={"Authorization": "Bearer vk_your_token"},
)
for part in client.chat(
    model="llama3.2",
    messages=[{"role": "user", "content": "Greet the hero."}],
    stream=True,
):
    print(part.message.content, end="", flush=True)
"""

JAVASCRIPT_ANTHROPIC = """import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({
  baseURL: "ORIGIN/api/inference/anthropic",
  apiKey: "vk_your_token", // inside a game: any word, the platform puts in the player's token
  dangerouslyAllowBrowser: true,
});
const message = await client.messages.create({
  model: "claude-haiku-4-5",
  max_tokens: 200,
  messages: [{ role: "user", content: "Greet the hero." }],
});
"""

OPENAI = """from openai import OpenAI

client = OpenAI(base_url="ORIGIN/api/inference/ollama/v1", api_key="vk_your_token")
answer = client.chat.completions.create(
    model="llama3.2",
    messages=[{"role": "user", "content": "Greet the hero."}],
)
print(answer.choices[0].message.content)
"""

CURL = """curl ORIGIN/api/inference/anthropic/v1/messages \\
  -H "authorization: Bearer vk_your_token" \\
  -H "content-type: application/json" \\
  -d '{"model": "claude-haiku-4-5", "max_tokens": 100,
       "messages": [{"role": "user", "content": "Greet the hero."}]}'
"""

ERROR = """{
  "type": "error",
  "error": {
    "type": "rate_limit_error",
    "message": "You have used 100,000 of 100,000 tokens. They count anew on 1 December.",
    "used": 100000,
    "limit": 100000,
    "remaining": 0,
    "resets_at": "2026-12-01T00:00:00Z"
  }
}
"""
