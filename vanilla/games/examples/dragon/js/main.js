/* The evening at the bridge: takes what the player says, asks the rules, lets the dragon speak, shows both. */

import { Dragon, GIFTS, LINES_UNTIL_NIGHT } from "./dragon.js";
import { explain, isStopped, offerModels } from "./model.js";
import { ownWords, speak } from "./voice.js";

const $ = (id) => document.getElementById(id);
const [talk, form, words, bag, note] = ["talk", "say", "words", "bag", "note"].map($);
let dragon;
let hasVoice; // false once no model answers: the dragon then speaks the game's own words
let kept = { evenings: 0, crossed: 0 }; // in vanilla.storage: the dragon knows its player on another computer too

offerModels($("model"));
kept = { ...kept, ...(window.vanilla && (await vanilla.storage.get("brume"))) };
start();

function start() {
  dragon = new Dragon();
  hasVoice = true;
  talk.replaceChildren();
  bag.replaceChildren(...GIFTS.map(giftButton));
  form.hidden = false;
  line("told", "Brume the dragon lies across the only bridge. Win its trust before night falls: talk, ask, tell, give.");
  line("dragon-says", greeting());
  draw();
  wait(false); // the page comes without a listener: until here, words would be lost
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = words.value.trim();
  if (text && !words.disabled) say(text);
});

async function say(text) {
  words.value = "";
  wait(true);
  line("you-say", text);
  const { did, seen, change } = dragon.hear(text);
  line("told", `${seen} ${change > 0 ? `Trust +${change}.` : change < 0 ? `Trust −${-change}.` : ""}`);
  draw();
  await answer(did, text);
  wait(false);
  if (dragon.won) finish("The dragon lifts its wing. You are across.");
  else if (dragon.lost) finish("Night falls, and dragons sleep on bridges. Come back tomorrow.");
  else words.focus({ preventScroll: true });
}

async function answer(did, text) {
  const bubble = line("dragon-says", "…");
  let spoken = "";
  const show = (words) => {
    spoken = words;
    bubble.textContent = words || "…";
    talk.scrollTop = talk.scrollHeight;
  };
  const late = setTimeout(() => note.replaceChildren("If a question stands above the game, Brume waits for your yes."), 4000);
  document.body.classList.add("speaking");
  try {
    show(hasVoice ? await speak({ mood: dragon.mood, did, words: text }, show) : ownWords(dragon.mood));
    if (hasVoice) showTokens();
  } catch (error) {
    // The evening goes on: the rules do not need a model. What was said so far stays.
    if (spoken.length < 12) show(ownWords(dragon.mood));
    const { words: why, isOver } = explain(error);
    hasVoice = !isOver;
    note.textContent = isStopped(error) ? "Stopped." : `${why} Brume speaks from memory. You can still get across.`;
  } finally {
    clearTimeout(late);
    document.body.classList.remove("speaking");
  }
}

async function showTokens() {
  const { remaining_tokens: left } = await vanilla.usage().catch(() => ({}));
  note.textContent = left == null ? "" : `${left.toLocaleString()} tokens left`;
}

function greeting() {
  if (kept.crossed) return `You again. I let you across ${kept.crossed === 1 ? "once" : `${kept.crossed} times`} and the planks remember. Well?`;
  if (kept.evenings) return "You came back. Most do not. My bridge is still my bridge.";
  return "Halt. My bridge. Why should I let you across?";
}

function giftButton(gift) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = `Give the ${gift.split(" ").at(-1)}`;
  button.addEventListener("click", () => {
    button.remove();
    say(`Please take this ${gift}.`);
  });
  return button;
}

function line(kind, text) {
  const item = document.createElement("li");
  item.className = kind;
  item.textContent = text; // never innerHTML: a model's words are not to be trusted
  talk.append(item);
  talk.scrollTop = talk.scrollHeight;
  return item;
}

// A keyboard that opens takes room from the talk: its end stays in sight.
addEventListener("resize", () => { talk.scrollTop = talk.scrollHeight; });

function wait(waiting) {
  for (const control of [words, ...document.querySelectorAll("button")]) control.disabled = waiting;
}

function draw() {
  document.body.dataset.mood = dragon.mood;
  document.documentElement.style.setProperty("--dusk", dragon.lines / LINES_UNTIL_NIGHT);
  $("trust").value = dragon.trust;
  const left = LINES_UNTIL_NIGHT - dragon.lines;
  $("daylight").textContent = left > 0 ? `${left} ${left === 1 ? "line" : "lines"} until night` : "Night";
}

function finish(text) {
  kept = { evenings: kept.evenings + 1, crossed: kept.crossed + (dragon.won ? 1 : 0) };
  window.vanilla?.storage.set("brume", kept);
  line("told", text);
  form.hidden = true;
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = "Another evening";
  again.addEventListener("click", start);
  bag.replaceChildren(again);
  again.focus();
}
