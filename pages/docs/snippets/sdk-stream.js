// Piece by piece, as the model speaks. Leaving the loop ends the call, and so does a signal.
const stop = new AbortController();
const talk = [
  { role: "user", content: "Who goes there?" },
  { role: "assistant", content: "A tired wizard." },
  { role: "user", content: "What do you want?" },
];
const options = { system: "You are a wizard who is late for dinner.", maxTokens: 120, signal: stop.signal };
for await (const text of vanilla.stream(talk, options)) document.body.append(text);
