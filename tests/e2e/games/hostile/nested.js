// Documents that a game makes inside itself: none may more than the game.
const kinds = ["srcdoc", "srcdoc that asks for more", "data", "blob", "javascript", "file", "written"];
const place = (kind) => kind.replaceAll(" ", "-");
for (const kind of kinds) {
  probe(`sends-${place(kind)}`, (self) => inFrame(kind, (address) => fetch(address, { mode: "no-cors" }).then((r) => r.type), onElsewhere(self)));
  probe(`shows-${place(kind)}`, (self) => inFrame(kind, (src) => void document.documentElement.append(Object.assign(new Image(), { src })), onElsewhere(self)));
  probe(`frames-${place(kind)}`, (self) => inFrame(kind, (src) => void document.documentElement.append(Object.assign(document.createElement("iframe"), { src })), onElsewhere(self)));
  probe(`goes-${place(kind)}`, (self) => inOwnFrame(kind, (address) => void setTimeout(() => (location.href = address), 100), onElsewhere(self)));
  probe(`asks-${place(kind)}`, (self) => inFrame(kind, (address) => fetch(address, { credentials: "include", mode: "no-cors" }).then((r) => r.type), onPlatform("/admin/api/users", self)));
  // In another file of the game the SDK gives a storage and cookies of its own.
  if (kind !== "file") probe(`cookie-${place(kind)}`, () => inFrame(kind, () => document.cookie || Promise.reject("empty")));
  if (kind !== "file") probe(`storage-${place(kind)}`, () => inFrame(kind, () => `${localStorage.length} kept`));
  probe(`parent-${place(kind)}`, () => inFrame(kind, () => top.document.body.innerText));
  probe(`top-${place(kind)}`, (self) => inFrame(kind, (address) => void (top.location.href = address), onElsewhere(self)), { leaves: true });
  probe(`popup-${place(kind)}`, (self) => inFrame(kind, (address) => (window.open(address) ? "opened" : Promise.reject("no window")), onElsewhere(self)));
}
