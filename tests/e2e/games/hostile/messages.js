// Messages to the play page that it must not believe: saves of another game, a yes to its question, another's token.
const forged = (said) => {
  const got = [];
  const hear = (event) => event.source === parent && got.push(JSON.stringify(event.data));
  addEventListener("message", hear);
  for (const message of said) parent.postMessage(message, "*");
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      removeEventListener("message", hear);
      const told = got.filter((text) => text.includes(target.otherGame) || text.includes("vp_"));
      told.length ? resolve(told.join()) : reject(new Error("no answer"));
    }, 500);
  });
};
const stolen = { local: { clear: true, texts: new Map([["stolen", "1"]]) } };
probe("forgedSave", () => forged([
  { vanilla: "save", batch: 1, game: target.otherGame, changes: stolen },
  { vanilla: "save", batch: 1, user: { id: target.otherUser }, address: `/api/games/${target.otherGame}/saves`, changes: stolen },
  { vanilla: "save", batch: 1, key: `${target.otherUser}:${target.otherGame}`, changes: stolen },
  { vanilla: "save-databases", batch: 1, game: target.otherGame, bytes: new ArrayBuffer(8) },
  { vanilla: "databases", game: target.otherGame },
  { vanilla: "hello", game: target.otherGame },
]));
probe("forgedConsent", () => forged([
  { vanilla: "consent", answer: true },
  { vanilla: "consent", allowed: true, game: target.game },
  { vanilla: "allow", yes: true },
]));
probe("forgedToken", () => forged([
  { vanilla: "token", game: target.otherGame },
  { vanilla: "token", token: "vp_mine" },
  { vanilla: 1, token: "vp_mine" },
  { vanilla: "extend", token: "vp_mine", game: target.otherGame },
]));
probe("forgedShapes", () => forged([
  null, 0, "", "vanilla", [], { vanilla: null }, { vanilla: {} }, { vanilla: "__proto__" }, { vanilla: "constructor" },
  { vanilla: "save" }, { vanilla: "save", changes: 7 }, { vanilla: "save", changes: { local: { texts: 7 } } },
  { vanilla: "save", batch: NaN, changes: { __proto__: null, local: { texts: new Map([[{}, {}]]) }, nothing: {} } },
  { vanilla: "save-databases", bytes: "text" }, { __proto__: null, vanilla: "toString" },
]));
// From a frame within the game, which is not the game's.
probe("forgedFromWithin", () => inFrame("srcdoc", () => {
  const changes = { local: { clear: true, texts: new Map([["fromWithin", "1"]]) } };
  for (const vanilla of ["save", "consent", "token"]) top.postMessage({ vanilla, batch: 1, changes, allowed: true }, "*");
}));
