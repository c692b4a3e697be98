/* The game's heartbeat: input, time, and what stands on the screen besides the canvas. */

import { draw, setFlavour } from "./draw.js";
import { fill, FLAVOURS, flavourOf, keep, open } from "./flavours.js";
import { explain, isStopped, offerModels } from "./model.js";
import { comment, ownWords } from "./scoop.js";
import { note, setSound } from "./sound.js";
import { World } from "./world.js";

const $ = (id) => document.getElementById(id);
let world = new World();
let playing = false;
let shake = 0;
let before = performance.now();
let run = 0; // its number: what the scoop says of an earlier one is not shown
let hasVoice = true; // false once no model will answer on this visit

offerModels($("model"));
const jar = await open();
showJar();
if (jar.runs) $("told").textContent = `Welcome back. Your best is ${jar.best}, and your jar is where you left it.`;
requestAnimationFrame(frame);
document.body.dataset.ready = "yes";

function frame(now) {
  const seconds = Math.min(0.05, (now - before) / 1000); // a tab that slept does not jump
  before = now;
  if (playing) {
    const touched = world.step(seconds);
    if (touched === "sprinkle") {
      note(440 * 2 ** ([0, 2, 4, 7, 9][world.score % 5] / 12 + (Math.floor(world.score / 5) % 2)));
      showScore();
    }
    if (world.over) end();
  }
  shake = Math.max(0, shake - seconds * 2);
  $("go").disabled = shake > 0;
  draw(world, { shake, playing, jar: jar.sprinkles });
  requestAnimationFrame(frame);
}

/* One button, wherever it is: a key, a finger, a mouse. */
addEventListener("pointerdown", (event) => {
  if (playing) hop();
  else if (event.target === $("sky") && shake === 0) start();
});
$("go").addEventListener("click", () => playing || start());
addEventListener("keydown", (event) => {
  if (![" ", "Enter", "ArrowUp", "ArrowDown"].includes(event.key) || event.repeat) return;
  if (playing) hop();
  else if (event.target.closest?.("button, select") || shake > 0) return; // those keys mean the button then
  else start();
  event.preventDefault();
});

function hop() {
  world.hop();
  note(220, 0.05, "sine");
}

function start() {
  world = new World();
  playing = true;
  run += 1;
  document.activeElement?.blur();
  $("card").hidden = true;
  showScore();
}

function end() {
  playing = false;
  shake = 1;
  note(90, 0.4, "sawtooth");
  const score = world.score;
  const { isBest, opened } = fill(jar, score);
  keep(jar);
  $("title").textContent = isBest ? "A new best" : "Crack";
  $("told").textContent = `${score} ${score === 1 ? "sprinkle" : "sprinkles"}.${opened ? ` Your jar opens a flavour: ${opened.name}.` : ""}`;
  $("go").textContent = "Again";
  $("card").hidden = false;
  showJar();
  speak({ score, isBest, best: jar.best, flavour: flavourOf(jar).name });
}

async function speak(about) {
  const mine = run;
  const show = (words) => {
    if (mine === run) $("says").textContent = words || "…";
  };
  $("says").hidden = false;
  show("");
  let said = "";
  try {
    said = hasVoice ? await comment(about, (words) => show((said = words))) : "";
    if (hasVoice) $("note").textContent = "";
  } catch (error) {
    const { words, isOver } = explain(error);
    hasVoice = !isOver;
    $("note").textContent = isStopped(error) ? "Stopped." : `${words} The scoop makes do with its own words.`;
  }
  show(said.length > 8 ? said : ownWords(about));
}

function showScore() {
  $("score").textContent = playing ? world.score : "";
}

function showJar() {
  setFlavour(flavourOf(jar));
  const next = FLAVOURS.find(({ from }) => from > jar.sprinkles);
  const more = next ? `, ${next.from - jar.sprinkles} more for ${next.name}` : "";
  $("jar").textContent = jar.runs ? `${jar.sprinkles} in your jar${more}` : "";
  $("flavours").replaceChildren(...FLAVOURS.map(flavourButton));
  $("sound").setAttribute("aria-pressed", jar.hasSound);
  setSound(jar.hasSound);
  showScore();
}

function flavourButton({ name, from, scoop }) {
  const button = document.createElement("button");
  button.type = "button";
  button.disabled = from > jar.sprinkles;
  button.textContent = button.disabled ? from : "";
  button.setAttribute("aria-label", button.disabled ? `${name}, at ${from} sprinkles` : name);
  button.setAttribute("aria-pressed", flavourOf(jar).name === name);
  button.title = name;
  button.style.setProperty("--flavour", scoop);
  button.addEventListener("click", () => {
    jar.flavour = name;
    keep(jar);
    showJar();
  });
  return button;
}

$("sound").addEventListener("click", () => {
  jar.hasSound = !jar.hasSound;
  keep(jar);
  showJar();
});
