/* Draws a World on the canvas. Colours come from style.css, so that both themes work. */

const canvas = document.getElementById("sky");
const pen = canvas.getContext("2d");
const NAMES = ["cherry", "mint", "caramel", "plum"]; // of the sprinkles' colours
let size, colours, twinkles, taste;
const view = { x: 0.5, y: 0.5, scale: 0.6 };

/* Colours written as light-dark(...) are read through an element that uses them. */
function readColours() {
  const probe = document.body.appendChild(document.createElement("i"));
  const read = (name) => ((probe.style.color = `var(${name})`), getComputedStyle(probe).color);
  const names = ["--paper", "--ink", "--soft", "--line", "--cherry", "--mint", "--caramel", "--plum"];
  colours = Object.fromEntries(names.map((name) => [name.slice(2), read(name)]));
  probe.remove();
}

function fit() {
  const scale = Math.min(2, devicePixelRatio);
  size = { width: innerWidth, height: innerHeight };
  canvas.width = size.width * scale;
  canvas.height = size.height * scale;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  twinkles = Array.from({ length: 70 }, () => [Math.random() * size.width, Math.random() * size.height, 0.8 + Math.random() * 1.4]);
  readColours();
}
addEventListener("resize", fit);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
fit();

export function setFlavour(flavour) {
  taste = flavour;
}

/* `shake` is 0 to 1, after a crash; the sprinkles of the `jar` stick to the scoop. */
export function draw(world, { shake, playing, jar }) {
  const { width, height } = size;
  follow(playing);
  const unit = (Math.min(width, height) / 2) * view.scale;
  const [inner, outer] = [unit * 0.52, unit * 0.76];
  const lane = (high) => inner + (outer - inner) * high;
  const at = (angle, high) => [Math.cos(angle) * lane(high), Math.sin(angle) * lane(high)];

  pen.clearRect(0, 0, width, height);
  pen.fillStyle = colours.line;
  for (const [x, y, radius] of twinkles) dot(x, y, radius);

  pen.save();
  const jolt = () => (Math.random() - 0.5) * 16 * shake;
  pen.translate(width * view.x + jolt(), height * view.y + jolt());

  pen.strokeStyle = colours.line;
  pen.lineWidth = 2;
  pen.setLineDash([2, 10]);
  pen.lineCap = "round";
  for (const radius of [inner, outer]) ring(radius);
  pen.setLineDash([]);
  const [moonX, moonY] = at(world.angle, world.height);
  scoop(unit * 0.3, { x: moonX, y: moonY }, { shake, playing, jar: jar + world.score * playing });

  for (const thing of world.things) {
    const [x, y] = at(thing.angle, thing.lane);
    // Things fade in ahead, so that the eye knows which of them come first.
    pen.globalAlpha = Math.max(0, Math.min(1, (5.4 - (thing.angle - world.angle)) / 1.2));
    if (thing.kind === "stone") stone(x, y, unit * 0.062);
    else sprinkle(x, y, thing.angle, unit * 0.05, NAMES[thing.colour]);
  }

  for (let i = 9; i > 0; i -= 1) {
    pen.globalAlpha = 0.24 - i * 0.022;
    pen.fillStyle = colours.ink;
    dot(...at(world.angle - i * 0.05, world.height * 0.9 + world.lane * 0.1), unit * (0.05 - i * 0.0035));
  }
  pen.globalAlpha = 1;
  moon(moonX, moonY, unit * 0.062);
  pen.restore();
}

/* In the middle while one plays; else beside the card, or above it where the screen is tall. */
function follow(playing) {
  const isWide = size.width > size.height * 1.1;
  const aim = playing ? { x: 0.5, y: 0.5, scale: 1 } : isWide ? { x: 0.32, y: 0.5, scale: 1 } : { x: 0.5, y: 0.2, scale: 0.78 };
  for (const part of ["x", "y", "scale"]) view[part] += (aim[part] - view[part]) * 0.12;
}

function dot(x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, Math.PI * 2);
  pen.fill();
}

function ring(radius) {
  pen.beginPath();
  pen.arc(0, 0, radius, 0, Math.PI * 2);
  pen.stroke();
}

function moon(x, y, radius) {
  pen.fillStyle = colours.ink;
  dot(x, y, radius);
  pen.globalAlpha = 0.25;
  pen.fillStyle = colours.paper;
  dot(x - radius * 0.3, y - radius * 0.3, radius * 0.26);
  dot(x + radius * 0.35, y + radius * 0.1, radius * 0.18);
  dot(x - radius * 0.1, y + radius * 0.45, radius * 0.14);
  pen.globalAlpha = 1;
}

/* Ice cream with a face: it looks at the moon, and what it looks at hitting a stone makes it gasp. */
function scoop(radius, looksAt, { shake, playing, jar }) {
  pen.fillStyle = taste.deep;
  for (const [x, y, r] of [[-0.72, 0.62, 0.3], [-0.3, 0.82, 0.32], [0.2, 0.84, 0.34], [0.66, 0.66, 0.32]]) dot(x * radius, y * radius, r * radius);
  pen.fillStyle = taste.scoop;
  dot(0, 0, radius);
  for (const [x, y, r] of [[-0.7, 0.52, 0.28], [-0.26, 0.72, 0.28], [0.24, 0.72, 0.3], [0.68, 0.54, 0.28]]) dot(x * radius, y * radius, r * radius);
  pen.fillStyle = taste.light;
  dot(-radius * 0.42, -radius * 0.46, radius * 0.24);

  // Up to sixty stay in sight, always in the same places.
  for (let i = 0; i < Math.min(60, jar); i += 1) {
    const [turn, far] = [i * 2.39996, radius * (0.42 + 0.5 * Math.sqrt(((i * 37) % 60) / 60))];
    const [x, y] = [Math.cos(turn) * far, Math.sin(turn) * far];
    if (y < -radius * 0.1 || y > radius * 0.56) sprinkle(x, y, turn * 3, radius * 0.1, NAMES[i % 4]);
  }

  pen.fillStyle = colours.cherry;
  dot(0, -radius * 1.08, radius * 0.2);
  pen.fillStyle = "#ffffff88";
  dot(-radius * 0.06, -radius * 1.14, radius * 0.05);
  pen.strokeStyle = colours.mint;
  pen.lineWidth = radius * 0.045;
  pen.beginPath();
  pen.moveTo(0, -radius * 1.24);
  pen.quadraticCurveTo(radius * 0.04, -radius * 1.46, radius * 0.22, -radius * 1.5);
  pen.stroke();

  const far = Math.hypot(looksAt.x, looksAt.y);
  for (const side of [-1, 1]) {
    pen.fillStyle = "#fffdf8";
    dot(side * radius * 0.34, radius * 0.1, radius * 0.2);
    pen.fillStyle = "#2a211a";
    dot(side * radius * 0.34 + (looksAt.x / far) * radius * 0.09, radius * 0.1 + (looksAt.y / far) * radius * 0.09, radius * (shake > 0 ? 0.07 : 0.11));
    pen.fillStyle = "#ff7a9c66";
    dot(side * radius * 0.6, radius * 0.36, radius * 0.09);
  }
  pen.fillStyle = "#7a1f33";
  pen.beginPath();
  if (shake > 0) pen.ellipse(0, radius * 0.46, radius * 0.1, radius * 0.14, 0, 0, Math.PI * 2);
  else pen.arc(0, radius * 0.36, radius * (playing ? 0.16 : 0.2), 0, Math.PI);
  pen.fill();
}

function stone(x, y, radius) {
  pen.fillStyle = colours.soft;
  pen.beginPath();
  for (let i = 0; i < 7; i += 1) {
    const reach = radius * (i % 2 ? 0.82 : 1.08);
    pen.lineTo(x + Math.cos((i / 7) * Math.PI * 2) * reach, y + Math.sin((i / 7) * Math.PI * 2) * reach);
  }
  pen.fill();
}

function sprinkle(x, y, angle, length, name) {
  pen.strokeStyle = colours[name];
  pen.lineWidth = length * 0.7;
  pen.lineCap = "round";
  const [dx, dy] = [Math.cos(angle + 0.8) * length * 0.6, Math.sin(angle + 0.8) * length * 0.6];
  pen.beginPath();
  pen.moveTo(x - dx, y - dy);
  pen.lineTo(x + dx, y + dy);
  pen.stroke();
}
