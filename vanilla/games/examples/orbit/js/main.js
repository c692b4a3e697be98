/* The game's heartbeat: input, time, and what stands on the screen besides the canvas. */

import { draw } from "./draw.js";
import { note } from "./sound.js";
import { World } from "./world.js";

const BEST = "tiny-orbit-best";
const $ = (id) => document.getElementById(id);
let world = new World();
let playing = false;
let shake = 0;
let before = performance.now();

requestAnimationFrame(frame);
showScore();

function frame(now) {
  const seconds = Math.min(0.05, (now - before) / 1000); // a tab that slept does not jump
  before = now;
  if (playing) {
    const touched = world.step(seconds);
    if (touched === "sprinkle") {
      note(440 * 2 ** ((world.score % 12) / 12));
      showScore();
    }
    if (world.over) end();
  }
  shake = Math.max(0, shake - seconds * 2);
  draw(world, shake);
  requestAnimationFrame(frame);
}

/* One button, wherever it is: a key, a finger, a mouse. */
addEventListener("pointerdown", () => press());
addEventListener("keydown", (event) => {
  if (![" ", "Enter", "ArrowUp", "ArrowDown"].includes(event.key) || event.repeat) return;
  event.preventDefault();
  press();
});

function press() {
  if (playing) {
    world.hop();
    note(220, 0.05, "sine");
  } else if (shake === 0) {
    start();
  }
}

function start() {
  world = new World();
  playing = true;
  $("play").hidden = true;
  showScore();
}

function end() {
  playing = false;
  shake = 1;
  note(90, 0.4, "sawtooth");
  const record = world.score > best();
  if (record) localStorage.setItem(BEST, world.score);
  $("title").textContent = record ? "A new best" : "Crack";
  $("told").textContent = `${world.score} ${world.score === 1 ? "sprinkle" : "sprinkles"}. Your best is ${best()}.`;
  $("go").textContent = "Again";
  $("play").hidden = false;
  showScore();
}

function best() {
  return Number(localStorage.getItem(BEST) ?? 0);
}

function showScore() {
  $("score").textContent = best() ? `${world.score} · best ${best()}` : `${world.score}`;
}
