/* What a creature is, and how an answer becomes one. The model is asked for JSON of this shape and may still send
 * nonsense: whatever is missing or wrong is made up from the words, always in the same way. So something hatches. */

export const TRAITS = {
  shape: ["round", "tall", "wide", "pear", "cloud", "square"],
  colour: ["cherry", "caramel", "mint", "sky", "plum", "snow"],
  pattern: ["plain", "spots", "stripes", "belly"],
  eyes: [1, 2, 3, 4, 5],
  ears: ["none", "bunny", "bear", "horns", "antennae", "leaf", "fins"],
  feet: ["none", "boots", "many", "wings", "tentacles"],
  mood: ["happy", "grumpy", "sleepy", "surprised"],
};

/* As both backends take it: no key is optional, and there is no other. */
export const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string" },
    ...Object.fromEntries(Object.entries(TRAITS).map(([trait, values]) => [trait, { type: typeof values[0], enum: values }])),
    eats: { type: "string" },
    says: { type: "string" },
  },
  required: ["name", ...Object.keys(TRAITS), "eats", "says"],
  additionalProperties: false,
};

export const SYSTEM =
  "You invent small odd creatures that hatch from eggs. What an egg heard decides what it becomes: make shape, colour, " +
  "eyes, ears, feet and mood fit. The name is one made-up word. Answer with one JSON object, and keep `eats` and `says` " +
  "to a few funny words.";

/* Two of these go before the question: a small model copies their form, and since they change, not their contents. */
const EXAMPLES = [
  ["rain on a tin roof", { name: "Drizzle", shape: "cloud", colour: "sky", pattern: "spots", eyes: 2, ears: "antennae", feet: "none", mood: "sleepy", eats: "wet bread", says: "I only came for the noise." }],
  ["a drum that fell downstairs", { name: "Bumble", shape: "round", colour: "cherry", pattern: "stripes", eyes: 1, ears: "horns", feet: "boots", mood: "grumpy", eats: "echoes", says: "Ow. Ow. Ow. Good morning." }],
  ["the last leaf of autumn", { name: "Rusk", shape: "tall", colour: "caramel", pattern: "plain", eyes: 4, ears: "leaf", feet: "wings", mood: "surprised", eats: "wind", says: "Am I late, or are you early?" }],
  ["jam on a piano", { name: "Plinka", shape: "pear", colour: "plum", pattern: "belly", eyes: 3, ears: "bunny", feet: "many", mood: "happy", eats: "wrong notes", says: "Play me something sticky." }],
  ["a goldfish who reads", { name: "Page", shape: "wide", colour: "mint", pattern: "stripes", eyes: 5, ears: "fins", feet: "tentacles", mood: "happy", eats: "commas", says: "Chapter one: bubbles." }],
  ["a snowman in a box", { name: "Cubert", shape: "square", colour: "snow", pattern: "plain", eyes: 2, ears: "bear", feet: "none", mood: "sleepy", eats: "carrots, with care", says: "Please close the lid, it is warm." }],
];

export function promptFor(words) {
  const shown = [...EXAMPLES].sort(() => Math.random() - 0.5).slice(0, 2);
  const heard = (text) => ({ role: "user", content: `The egg heard: ${text}` });
  return [...shown.flatMap(([text, made]) => [heard(text), { role: "assistant", content: JSON.stringify(made) }]), heard(words)];
}

/* The creature in an answer, whatever the answer is: JSON, half of it, prose, or nothing. */
export function read(answer, words) {
  const given = fieldsOf(answer);
  const made = {};
  for (const [trait, values] of Object.entries(TRAITS)) {
    made[trait] = values.find((value) => String(value) === String(given[trait]).trim().toLowerCase()) ?? pick(values, words + trait);
  }
  const name = line(given.name, 18).replace(/[^\p{L}\p{N}' -]/gu, "").trim();
  const isCopied = EXAMPLES.some(([, example]) => example.name === name);
  made.name = name && !isCopied ? name : nameFrom(words);
  made.eats = line(given.eats, 40).replace(/[.!]+$/, "") || pick(FOODS, words);
  made.says = line(given.says, 110) || pick(GREETINGS, words);
  made.heard = words;
  return made;
}

/* The fields of the JSON in a text, also where it breaks off in the middle. */
function fieldsOf(text) {
  try {
    const found = JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1));
    if (found && typeof found === "object") return found;
  } catch {
    // Not whole: take what can be read.
  }
  return Object.fromEntries([...text.matchAll(/"(\w+)"\s*:\s*(?:"([^"]*)|(\d+))/g)].map(([, key, word, number]) => [key, word ?? number]));
}

/* One short line of text, cut between words. */
export function line(value, longest) {
  const text = typeof value === "string" ? value.replace(/\s+/g, " ").replace(/["“”*_#<>{}]/g, "").trim() : "";
  if (text.length <= longest) return text;
  const ended = text.slice(0, longest + 1).match(/^.*[.!?](?=\s)/)?.[0];
  return ended ?? `${text.slice(0, longest).replace(/\s+\S*$/, "")}…`;
}

/* Always the same one for the same words. */
function pick(values, words) {
  let hash = 7;
  for (const letter of words) hash = (hash * 31 + letter.codePointAt(0)) % 1_000_003;
  return values[hash % values.length];
}

function nameFrom(words) {
  const longest = words.split(/[^\p{L}]+/u).sort((a, b) => b.length - a.length)[0] || "egg";
  const stem = longest.slice(0, 5).replace(/[aeiouy]+$/i, "") || longest;
  return stem[0].toUpperCase() + stem.slice(1).toLowerCase() + pick(["bo", "ik", "umble", "oo", "eth", "ling"], words);
}

const FOODS = ["lost buttons", "the corners of maps", "moonlight, chewed well", "other people's toast", "Tuesdays"];
const GREETINGS = ["Was that you?", "I had plans, you know.", "It smells of outside out here.", "Hello, large egg.", "Is there a manager?"];
