/* Draws a World on the canvas. Colours come from style.css, so that both themes work. */

const canvas = document.getElementById("sky");
const pen = canvas.getContext("2d");
let size, colours, twinkles;

/* Colours written as light-dark(...) are read through an element that uses them. */
function readColours() {
  const probe = document.body.appendChild(document.createElement("i"));
  const read = (name) => ((probe.style.color = `var(${name})`), getComputedStyle(probe).color);
  const names = ["--ink", "--soft", "--line", "--cherry", "--mint", "--caramel", "--plum"];
  colours = Object.fromEntries(names.map((name) => [name.slice(2), read(name)]));
  probe.remove();
}

function fit() {
  const scale = Math.min(2, devicePixelRatio);
  size = { width: innerWidth, height: innerHeight };
  canvas.width = size.width * scale;
  canvas.height = size.height * scale;
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  twinkles = Array.from({ length: 40 }, () => [Math.random() * size.width, Math.random() * size.height]);
  readColours();
}
addEventListener("resize", fit);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readColours);
fit();

/* `shake` is 0 to 1, after a crash. */
export function draw(world, shake) {
  const { width, height } = size;
  const unit = Math.min(width, height) / 2;
  const [inner, outer] = [unit * 0.52, unit * 0.76];
  const lane = (high) => inner + (outer - inner) * high;
  const at = (angle, high) => [Math.cos(angle) * lane(high), Math.sin(angle) * lane(high)];

  pen.clearRect(0, 0, width, height);
  pen.fillStyle = colours.line;
  for (const [x, y] of twinkles) dot(x, y, 1.5);

  pen.save();
  const jolt = () => (Math.random() - 0.5) * 16 * shake;
  pen.translate(width / 2 + jolt(), height / 2 + jolt());

  pen.strokeStyle = colours.line;
  pen.lineWidth = 2;
  for (const radius of [inner, outer]) ring(radius);
  scoop(unit * 0.3);

  for (const thing of world.things) {
    const [x, y] = at(thing.angle, thing.lane);
    // Things fade in ahead, so that the eye knows which of them come first.
    pen.globalAlpha = Math.max(0, Math.min(1, (5.4 - (thing.angle - world.angle)) / 1.2));
    if (thing.kind === "stone") stone(x, y, unit * 0.062);
    else sprinkle(x, y, thing.angle, unit * 0.05, ["cherry", "mint", "caramel", "plum"][thing.colour]);
  }

  for (let i = 6; i >= 0; i -= 1) {
    pen.globalAlpha = i === 0 ? 1 : 0.22 - i * 0.03;
    pen.fillStyle = colours.ink;
    const [x, y] = at(world.angle - i * 0.06, i === 0 ? world.height : world.height * 0.9 + world.lane * 0.1);
    dot(x, y, unit * (0.055 - i * 0.004));
  }
  pen.restore();
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

function scoop(radius) {
  pen.fillStyle = "#f5dca0";
  dot(0, 0, radius);
  pen.fillStyle = "#fff3d0";
  dot(-radius * 0.28, -radius * 0.3, radius * 0.42);
  pen.fillStyle = "#b3123f";
  dot(radius * 0.2, -radius * 0.86, radius * 0.24);
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
