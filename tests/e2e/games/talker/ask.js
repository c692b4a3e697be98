export async function ask(content) {
  const body = { model: "claude-haiku-4-5", max_tokens: 50, messages: [{ role: "user", content }] };
  const headers = { "content-type": "application/json" };
  const response = await fetch("/api/inference/anthropic/messages", { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()).content[0].text;
}
