/* What the scoop says after a run. The game is the same without a model: then it has a few sentences of its own. */

import { ask } from "./model.js";

const OWN = {
  none: ["We do not speak of that one.", "Were you waiting for the sprinkles to come to you?"],
  some: ["I felt every one of those stones.", "Not bad for a moon.", "Again. I have nowhere to be."],
  best: ["I am telling the other scoops about you.", "Frame that one. I would, if I had hands."],
};

/* One sentence, piece by piece through `show`. Throws what window.vanilla throws. */
export async function comment({ score, isBest, best, flavour }, show) {
  const system = `You are a cheerful scoop of ${flavour} ice cream. A moon flies around you, steered by the player, and eats sprinkles until it hits a stone. After each flight you tease the player in one short funny sentence.`;
  const prompt = [
    { role: "user", content: "The moon ate 3 sprinkles. The best flight was 9." },
    { role: "assistant", content: "Three sprinkles! I have lost more than that in the freezer." },
    { role: "user", content: `The moon ate ${score} sprinkles. ${isBest ? "That is a new best!" : `The best flight was ${best}.`}` },
  ];
  let said = "";
  for await (const piece of ask(prompt, { system, maxTokens: 50, temperature: 0.8 })) show(clean((said += piece)));
  return clean(said);
}

export function ownWords({ score, isBest }) {
  const lines = OWN[isBest ? "best" : score ? "some" : "none"];
  return lines[Math.floor(Math.random() * lines.length)];
}

/* Its first two sentences, without markup. */
function clean(text) {
  const plain = text.replace(/[*_#`"“”]|<[^>]*>?/g, "").replace(/\s+/g, " ").trim();
  return (plain.match(/[^.!?]+[.!?]+/g)?.slice(0, 2).join("") || plain).slice(0, 180);
}
