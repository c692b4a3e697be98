import OpenAI from "openai";

const client = new OpenAI({
  baseURL: new URL("/api/inference/ollama/v1", location.href).href,
  apiKey: "any word",
  dangerouslyAllowBrowser: true,
});
const answer = await client.chat.completions.create({
  model: "llama3.2",
  messages: [{ role: "user", content: "Who goes there?" }],
});
document.body.append(answer.choices[0].message.content);
