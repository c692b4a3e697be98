/* The jar: every sprinkle ever eaten, and the flavours that it opens. All of it is kept in vanilla.storage. */

export const FLAVOURS = [
  { name: "Vanilla", from: 0, scoop: "#f7dfa3", light: "#fff3d0", deep: "#e3bd6a" },
  { name: "Strawberry", from: 20, scoop: "#ff9fb4", light: "#ffd3dd", deep: "#e26f8b" },
  { name: "Mint", from: 60, scoop: "#8fdcc0", light: "#d3f5e8", deep: "#55b396" },
  { name: "Blueberry", from: 120, scoop: "#a7a4ec", light: "#dcdaff", deep: "#7a75cf" },
  { name: "Night sky", from: 250, scoop: "#4b447f", light: "#8d83d1", deep: "#332d5e" },
];

const EMPTY = { sprinkles: 0, best: 0, runs: 0, flavour: "Vanilla", hasSound: true };

/* What the player has: on this computer or any other, since the platform keeps it with them. */
export async function open() {
  return { ...EMPTY, ...(window.vanilla && (await vanilla.storage.get("jar"))) };
}

export function keep(jar) {
  window.vanilla?.storage.set("jar", jar);
}

export function flavourOf(jar) {
  return FLAVOURS.find(({ name, from }) => name === jar.flavour && from <= jar.sprinkles) ?? FLAVOURS[0];
}

/* Puts the sprinkles of a run into the jar. Gives what is new: { isBest, opened }, `opened` a flavour or undefined. */
export function fill(jar, score) {
  const opened = FLAVOURS.findLast(({ from }) => from > jar.sprinkles && from <= jar.sprinkles + score);
  const isBest = score > jar.best;
  jar.sprinkles += score;
  jar.best = Math.max(jar.best, score);
  jar.runs += 1;
  return { isBest, opened };
}
