const response = await fetch("/api/inference/anthropic/messages", {
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
  const lines = (rest + value).split("\n"); // a piece may end in the middle of a line
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data:")) continue;
    const event = JSON.parse(line.slice(5));
    if (event.type === "error") throw new Error(event.error.message);
    if (event.delta?.type === "text_delta") document.body.append(event.delta.text);
  }
}
