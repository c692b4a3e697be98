const response = await fetch("/api/inference/anthropic/messages", {
  method: "POST",
  headers: { "content-type": "application/json", "anthropic-version": "2023-06-01" },
  body: JSON.stringify({
    model: "claude-haiku-4-5",
    max_tokens: 200,
    system: "You are a wizard who is late for dinner.",
    messages: [{ role: "user", content: "Who goes there?" }],
  }),
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.error.message);
document.body.append(answer.content[0].text); // answer.usage has the tokens
