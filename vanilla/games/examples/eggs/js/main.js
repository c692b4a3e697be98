/* The meadow: an egg hears something, a model says what hatches, and all of it is kept in vanilla.storage. */

import { line, promptFor, read, SCHEMA, SYSTEM, TRAITS } from "./creature.js";
import { draw } from "./draw.js";
import { ask, explain, isStopped, offerModels } from "./model.js";

const MOST = 12; // creatures in the meadow; the oldest makes way
const $ = (id) => document.getElementById(id);
let meadow = { creatures: [], seen: [], hatched: 0 };

offerModels($("model"));
meadow = { ...meadow, ...(await load()) };
meadow.creatures.forEach(show);
showFound();
tell(meadow.hatched ? `Welcome back. ${meadow.creatures.length} of your creatures ${meadow.creatures.length === 1 ? "is" : "are"} here.` : "An egg. It seems to be listening.");
document.body.dataset.ready = "yes";
setInterval(wander, 1400);

// ---- hatching

$("whisper").addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = line($("words").value, 80);
  if (!words || document.body.classList.contains("waiting")) return;
  document.body.classList.add("waiting");
  tell("It listens. Something moves.");
  const answer = await listen(words);
  const creature = { id: crypto.randomUUID?.() ?? String(Math.random()), ...read(answer, words) };
  await hatch(creature);
  document.body.classList.remove("waiting");
  $("words").value = "";
});

/* The answer to the end, or as far as it came: the shell cracks a little with every piece. */
async function listen(words) {
  let answer = "";
  say("");
  const late = setTimeout(() => say("If a question stands above the game, the egg waits for your yes."), 4000);
  try {
    for await (const piece of ask(promptFor(words), { system: SYSTEM, schema: SCHEMA, maxTokens: 200, temperature: 1 })) {
      answer += piece;
      $("crack").style.strokeDashoffset = Math.max(0, 100 - answer.length / 2.4);
    }
    say("");
  } catch (error) {
    say(isStopped(error) ? "Stopped: the egg makes up the rest by itself." : `${explain(error).words} The egg hatches all the same.`);
  } finally {
    clearTimeout(late);
  }
  return answer;
}

async function hatch(creature) {
  $("nest").classList.add("open");
  await pause(500);
  meadow.creatures.push(creature);
  meadow.hatched += 1;
  const gone = meadow.creatures.length > MOST ? meadow.creatures.shift() : null;
  if (gone) leave(gone);
  const news = firsts(creature);
  meadow.seen.push(...news);
  keep();
  show(creature).classList.add("born");
  showFound();
  tell(`${creature.name} is here. It eats ${creature.eats}. “${creature.says}”`);
  const told = [news.length && `New in your field guide: ${news.map(nameOf).join(", ")}.`, gone && `${gone.name} has wandered over the hill.`];
  if (!$("note").textContent) say(told.filter(Boolean).join(" ")); // why no model answered comes first
  await pause(900);
  $("nest").classList.remove("open");
  $("crack").style.strokeDashoffset = 100;
}

/* What of it has never been seen before, such as "ears:leaf". */
function firsts(creature) {
  return Object.keys(TRAITS).map((trait) => `${trait}:${creature[trait]}`).filter((mark) => !meadow.seen.includes(mark));
}

function nameOf(mark) {
  const [trait, value] = mark.split(":");
  return `${value === "none" ? "no" : value} ${trait}`;
}

// ---- what is kept

/* Kept for the player by the platform: it is there on another computer too. A game opened elsewhere keeps nothing. */
async function load() {
  return (window.vanilla && (await vanilla.storage.get("meadow"))) || {};
}

function keep() {
  window.vanilla?.storage.set("meadow", meadow);
}

// ---- the creatures

function show(creature) {
  const button = document.createElement("button");
  button.className = "creature";
  button.id = `creature-${creature.id}`;
  button.setAttribute("aria-label", creature.name);
  button.innerHTML = draw(creature); // drawn from checked traits alone: no word of a model's is in it
  button.addEventListener("click", () => meet(creature));
  $("creatures").append(button);
  move(button);
  return button;
}

function wander() {
  const all = [...document.querySelectorAll(".creature")];
  if (all.length) move(all[Math.floor(Math.random() * all.length)]);
}

function move(button) {
  const depth = Math.random(); // 0 is near, 1 is far
  // Nobody stands on the nest, which is in the middle.
  const beside = innerWidth < 600 ? 16 : 34;
  const side = Math.random() < 0.5 ? Math.random() * beside : 100 - Math.random() * beside;
  const across = depth < 0.2 ? Math.random() * 100 : side;
  button.style.setProperty("--across", across.toFixed(1));
  button.style.setProperty("--depth", depth.toFixed(2));
  button.style.zIndex = Math.round(100 - depth * 100);
}

function leave(creature) {
  $(`creature-${creature.id}`)?.remove();
}

let met = null;

function meet(creature) {
  met = creature;
  $("portrait").innerHTML = draw(creature);
  $("card-name").textContent = creature.name;
  $("card-facts").textContent = `Hatched from “${creature.heard}”. Eats ${creature.eats}.`;
  $("card-says").textContent = creature.says;
  open($("card"), $("card-name"));
}

$("talk").addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = line($("talk-words").value, 120);
  const creature = met;
  if (!words || $("card").classList.contains("speaking")) return;
  $("talk-words").value = "";
  $("card").classList.add("speaking");
  $("card-says").textContent = "…";
  let spoken = "";
  try {
    const system = `You are ${creature.name}, a small ${creature.mood} creature that hatched from an egg which heard "${creature.heard}" and eats ${creature.eats}. Answer as I, in one short funny sentence.`;
    for await (const piece of ask(words, { system, maxTokens: 60, temperature: 0.9 })) {
      spoken += piece;
      if (met === creature) $("card-says").textContent = line(spoken, 160) || "…";
    }
  } catch (error) {
    if (met === creature) $("card-says").textContent = line(spoken, 160) || `${creature.name} looks at you and says nothing. ${explain(error).words}`;
  }
  $("card").classList.remove("speaking");
});

$("let-go").addEventListener("click", () => {
  meadow.creatures = meadow.creatures.filter((each) => each !== met);
  leave(met);
  keep();
  $("card").close();
  tell(`${met.name} waves, and is gone over the hill.`);
});
$("close-card").addEventListener("click", () => $("card").close());

// ---- the field guide

$("open-guide").addEventListener("click", () => {
  const total = Object.values(TRAITS).flat().length;
  $("guide-told").textContent =
    meadow.seen.length === total ? "You have seen everything there is to see. The eggs are impressed." : `You have seen ${meadow.seen.length} of ${total} marks. Other words make other creatures.`;
  $("pages").replaceChildren(...Object.entries(TRAITS).map(([trait, values]) => guideRow(trait, values)));
  open($("guide"), $("guide-title"));
});

function guideRow(trait, values) {
  const row = document.createElement("section");
  row.append(Object.assign(document.createElement("h3"), { textContent: trait }));
  for (const value of values) {
    const isSeen = meadow.seen.includes(`${trait}:${value}`);
    const mark = Object.assign(document.createElement("span"), { className: isSeen ? "mark seen" : "mark", textContent: isSeen ? value : "?" });
    if (!isSeen) mark.setAttribute("aria-label", "not seen yet");
    row.append(mark);
  }
  return row;
}

/* Begins at its heading, so that a phone shows no keyboard before one wants to type. */
function open(dialog, heading) {
  dialog.showModal();
  heading.focus();
}

function showFound() {
  $("found").textContent = `${meadow.seen.length} of ${Object.values(TRAITS).flat().length}`;
}

function tell(words) {
  $("says").textContent = words;
}

function say(words) {
  $("note").textContent = words;
}

function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}
