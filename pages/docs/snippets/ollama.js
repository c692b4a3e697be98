const response = await fetch("/api/inference/ollama/chat", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({
    model: "llama3.2",
    stream: false,
    options: { num_predict: 200, temperature: 0.8 },
    messages: [{ role: "user", content: "Who goes there?" }],
  }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.error);
document.body.append(answer.message.content); // prompt_eval_count and eval_count are the tokens
