/* The dragon's words. Everything here knows that a model may say anything, or nothing. */

import { ask } from "./model.js";

const FEELINGS = { cross: "angry", wary: "suspicious", curious: "curious", fond: "fond of the traveller", won: "happy" };

/* What it says when no model answers, by mood. */
const OWN_WORDS = {
  cross: ["My bridge. My patience. You are short of both.", "Say that again, and louder, so the river can laugh."],
  wary: ["Travellers talk. Bridges stay. Go on.", "Hm. The last one said that too.", "I am listening with one ear."],
  curious: ["Now that is worth staying awake for.", "Go on. The fish are listening as well.", "You are an odd one. I like odd."],
  fond: ["Sit. The moon is not up yet.", "If you lived nearer I would learn your name.", "One more of those and I may forget to guard."],
  won: ["Go across, friend, and mind the third plank."],
};

/* Speaks one line, piece by piece: `show(text)` gets all of it so far, cleaned. Gives the finished line.
 * Throws what window.vanilla throws; the caller decides what to tell the player. */
export async function speak({ mood, did, words }, show) {
  // An example before the real thing: a small model copies its form far better than it follows instructions.
  const prompt = [
    { role: "user", content: 'You feel suspicious. The traveller is polite to you and says: "Good evening." Answer in one short sentence.' },
    { role: "assistant", content: "Evenings are good when nobody crosses my bridge." },
    { role: "user", content: `You feel ${FEELINGS[mood]}. The traveller ${did} and says: "${words}" Answer in one short sentence.` },
  ];
  const system = "You are Brume, an old dragon who guards a bridge. You speak to a traveller, as I, in one short sentence.";
  let raw = "";
  for await (const piece of ask(prompt, { system, maxTokens: 60, temperature: 0.7 })) {
    raw += piece;
    show(clean(raw));
  }
  const line = clean(raw);
  return line.length < 2 ? ownWords(mood) : line;
}

export function ownWords(mood) {
  const lines = OWN_WORDS[mood];
  return lines[Math.floor(Math.random() * lines.length)];
}

/* Without stage directions, names, quotation marks, markup and all after the second sentence. */
function clean(raw) {
  const text = raw
    .replace(/<[^>]*>?|[*_#`]+[^*_#`]*[*_#`]+|[*_#`"“”]/g, "")
    .replace(/^\s*(brume|dragon|assistant|the dragon says)\s*[:,]\s*/i, "")
    .replace(/\s+/g, " ")
    .trimStart();
  return (text.match(/[^.!?]*[.!?]+/g)?.slice(0, 2).join("") || text).trim().slice(0, 220);
}
