// A call, tried again only where that can help
async function call(body, tries = 3) {
  const response = await fetch("/api/inference/anthropic/messages", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.ok) return response.json();
  const { error } = await response.json();
  const seconds = Number(response.headers.get("retry-after"));
  if (response.status === 429 && seconds && tries > 1) {
    await new Promise((done) => setTimeout(done, seconds * 1000)); // busy: other calls hold the tokens
    return call(body, tries - 1);
  }
  if (response.status === 429) {
    // Spent: asking again is of no use before resets_at, which is null for never
    return { content: [{ text: `No more words until ${error.resets_at ?? "the host says so"}.` }] };
  }
  throw new Error(error.message);
}

const messages = [{ role: "user", content: "Who goes there?" }];
const answer = await call({ model: "claude-haiku-4-5", max_tokens: 100, messages });
document.body.append(answer.content[0].text);
