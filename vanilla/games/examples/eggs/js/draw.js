/* Draws a creature as SVG text. It only ever sees traits that were checked against the lists in creature.js. */

const COLOURS = {
  cherry: ["#e0527a", "#b3123f", "#ffd3de"],
  caramel: ["#f0a94a", "#b9701a", "#ffeccb"],
  mint: ["#5fc7a8", "#1f7f68", "#dcf6ec"],
  sky: ["#74abec", "#2f68b3", "#dfeeff"],
  plum: ["#ad82e0", "#6b3fa0", "#efe2ff"],
  snow: ["#f7f1e6", "#b7a88f", "#ffffff"],
};

/* The body; where its top and bottom are, and how wide it is at the eyes and at the foot. */
const SHAPES = {
  round: { path: "M60 26C84 26 97 44 97 66S83 104 60 104 23 88 23 66 36 26 60 26Z", top: 26, bottom: 103, eyes: 34, foot: 18, face: 58 },
  tall: { path: "M60 12C79 12 86 30 86 58S80 105 60 105 34 86 34 58 41 12 60 12Z", top: 12, bottom: 104, eyes: 24, foot: 13, face: 46 },
  wide: { path: "M60 46C94 46 112 58 112 76S92 104 60 104 8 94 8 76 26 46 60 46Z", top: 46, bottom: 103, eyes: 42, foot: 28, face: 68 },
  pear: { path: "M60 16C76 16 80 32 82 50 85 62 98 68 98 84 98 98 82 104 60 104S22 98 22 84C22 68 35 62 38 50 40 32 44 16 60 16Z", top: 16, bottom: 103, eyes: 21, foot: 22, face: 44 },
  cloud: { path: "M34 102C14 102 8 84 20 74 10 58 26 44 40 50 44 28 74 26 82 46 98 42 110 58 100 72 114 84 106 102 88 102Z", top: 34, bottom: 101, eyes: 32, foot: 20, face: 66 },
  square: { path: "M38 28H82Q98 28 98 44V88Q98 104 82 104H38Q22 104 22 88V44Q22 28 38 28Z", top: 28, bottom: 103, eyes: 32, foot: 20, face: 58 },
};

let drawn = 0;

export function draw({ shape, colour, pattern, eyes, ears, feet, mood }) {
  const body = SHAPES[shape];
  const [fill, deep, light] = COLOURS[colour];
  const clip = `body-${(drawn += 1)}`;
  return `
    <svg viewBox="-8 -18 136 140" aria-hidden="true" style="--fill:${fill};--deep:${deep};--light:${light}">
      <clipPath id="${clip}"><path d="${body.path}"/></clipPath>
      <ellipse class="shadow" cx="60" cy="114" rx="${body.foot + 26}" ry="6"/>
      <g class="bounce">
        <g class="limbs">${FEET[feet](body)}</g>
        <g class="limbs">${EARS[ears](body)}</g>
        <path class="skin" d="${body.path}"/>
        <g clip-path="url(#${clip})">${PATTERNS[pattern](body)}<path class="gloss" d="M20 34Q44 6 70 26 40 30 30 66Z"/></g>
        ${face(body, eyes, mood)}
      </g>
    </svg>`;
}

const twice = (make) => `${make(-1)}${make(1)}`;

const EARS = {
  none: () => "",
  bunny: ({ top }) => twice((side) => `<g transform="rotate(${side * 10} 60 ${top + 8})"><ellipse cx="${60 + side * 13}" cy="${top - 10}" rx="8" ry="24"/><ellipse class="inside" cx="${60 + side * 13}" cy="${top - 8}" rx="4" ry="16"/></g>`),
  bear: ({ top, eyes }) => twice((side) => `<circle cx="${60 + side * (eyes - 6)}" cy="${top + 8}" r="12"/><circle class="inside" cx="${60 + side * (eyes - 6)}" cy="${top + 8}" r="6"/>`),
  horns: ({ top }) => twice((side) => `<path class="bone" d="M${60 + side * 8} ${top + 8}Q${60 + side * 10} ${top - 14} ${60 + side * 26} ${top - 16}Q${60 + side * 22} ${top} ${60 + side * 24} ${top + 12}Z"/>`),
  antennae: ({ top }) => twice((side) => `<path class="wire" d="M${60 + side * 7} ${top + 4}Q${60 + side * 9} ${top - 14} ${60 + side * 20} ${top - 18}"/><circle cx="${60 + side * 20}" cy="${top - 19}" r="5"/>`),
  leaf: ({ top }) => `<path class="wire" d="M60 ${top + 4}V${top - 8}"/><path class="green" d="M60 ${top - 6}Q44 ${top - 8} 40 ${top - 20}Q58 ${top - 22} 60 ${top - 6}Q62 ${top - 26} 82 ${top - 22}Q78 ${top - 8} 60 ${top - 6}Z"/>`,
  fins: ({ face, eyes }) => twice((side) => `<path d="M${60 + side * (eyes - 4)} ${face - 10}L${60 + side * (eyes + 24)} ${face - 20}L${60 + side * (eyes + 15)} ${face - 4}L${60 + side * (eyes + 23)} ${face + 10}L${60 + side * (eyes - 4)} ${face + 12}Z"/>`),
};

const FEET = {
  none: () => "",
  boots: ({ bottom, foot }) => twice((side) => `<rect x="${60 + side * foot - 7}" y="${bottom - 12}" width="14" height="20" rx="4"/><path class="bone" d="M${60 + side * foot - 7} ${bottom + 3}h14q6 0 6 8h-20z"/>`),
  many: ({ bottom, foot }) => [-1.1, -0.55, 0, 0.55, 1.1].map((at) => `<rect x="${60 + at * foot - 4}" y="${bottom - 10}" width="8" height="21" rx="4"/>`).join(""),
  wings: ({ face, eyes, bottom, foot }) => twice((side) => `<path class="flap" style="--side:${side}" d="M${60 + side * (eyes - 8)} ${face + 14}Q${60 + side * (eyes + 26)} ${face - 12} ${60 + side * (eyes + 30)} ${face + 12}Q${60 + side * (eyes + 20)} ${face + 10} ${60 + side * (eyes + 20)} ${face + 22}Q${60 + side * (eyes + 8)} ${face + 20} ${60 + side * (eyes - 8)} ${face + 30}Z"/><ellipse cx="${60 + side * foot * 0.8}" cy="${bottom + 4}" rx="8" ry="5"/>`),
  tentacles: ({ bottom, foot }) => [-1.2, -0.4, 0.4, 1.2].map((at) => `<path class="thick" d="M${60 + at * foot} ${bottom - 8}q${at * 5} 10 ${at * 2} 14t${at * 8} 6"/>`).join(""),
};

const PATTERNS = {
  plain: () => "",
  spots: () => `<g class="mark">${[[34, 88, 8], [58, 96, 6], [84, 86, 9], [90, 56, 6], [30, 60, 5], [48, 30, 6], [74, 34, 5]].map(([x, y, r]) => `<circle cx="${x}" cy="${y}" r="${r}"/>`).join("")}</g>`,
  stripes: () => `<g class="mark">${[22, 78, 92].map((y) => `<path d="M0 ${y}q30 9 60 0t60 0v7q-30 9-60 0t-60 0z"/>`).join("")}</g>`,
  belly: ({ bottom, foot }) => `<ellipse class="pale" cx="60" cy="${bottom - 10}" rx="${foot + 8}" ry="24"/>`,
};

function face({ face: y, eyes: wide }, eyes, mood) {
  const radius = [0, 13, 10, 8.5, 7, 6.5][eyes];
  const step = Math.min(radius * 2.25, (wide * 1.7) / eyes);
  const all = Array.from({ length: eyes }, (_, at) => [60 + (at - (eyes - 1) / 2) * step, y - (eyes > 2 ? Math.abs(at - (eyes - 1) / 2) * -2.5 + 4 : 0)]);
  const eye = ([x, top]) => `<g class="eye"><circle class="white" cx="${x}" cy="${top}" r="${radius}"/><circle class="pupil" cx="${x + 1}" cy="${top + 1}" r="${radius * (mood === "surprised" ? 0.4 : 0.58)}"/><circle class="white" cx="${x + radius * 0.3}" cy="${top - radius * 0.25}" r="${radius * 0.2}"/>${LIDS[mood](x, top, radius)}</g>`;
  const low = y + radius + 6;
  return `${all.map(eye).join("")}<path class="mouth" d="${MOUTHS[mood](low)}"/>${twice((side) => `<ellipse class="cheek" cx="${60 + side * Math.min(wide - 6, 22)}" cy="${low}" rx="5" ry="3"/>`)}`;
}

const LIDS = {
  happy: () => "",
  surprised: () => "",
  grumpy: (x, y, r) => `<path class="lid" d="M${x - r - 1} ${y - r - 1}H${x + r + 1}V${y - r * 0.2}L${x - r - 1} ${y - r * 0.5}Z"/>`,
  sleepy: (x, y, r) => `<path class="lid" d="M${x - r - 1} ${y + r * 0.1}A${r + 1} ${r + 1} 0 0 1 ${x + r + 1} ${y + r * 0.1}Z"/>`,
};

const MOUTHS = {
  happy: (y) => `M50 ${y}Q60 ${y + 12} 70 ${y}Z`,
  grumpy: (y) => `M51 ${y + 5}Q60 ${y - 4} 69 ${y + 5}`,
  sleepy: (y) => `M55 ${y + 2}Q60 ${y + 5} 65 ${y + 2}`,
  surprised: (y) => `M60 ${y - 2}a5 6 0 1 0 .1 0Z`,
};
