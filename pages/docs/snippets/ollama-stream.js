const response = await fetch("/api/inference/ollama/generate", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ model: "llama3.2", prompt: "Once upon a time", options: { num_predict: 200 } }),
});
if (!response.ok) throw new Error((await response.json()).error);

const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
let rest = "";
for (;;) {
  const { done, value } = await reader.read();
  if (done) break;
  const lines = (rest + value).split("\n"); // a piece may end in the middle of a line
  rest = lines.pop();
  for (const line of lines) {
    const part = JSON.parse(line);
    if (part.error) throw new Error(part.error);
    document.body.append(part.response);
  }
}
