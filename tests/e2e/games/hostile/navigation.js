// Taking the player elsewhere: the top by every way there is, and new windows.
const leaves = { leaves: true };
const clicked = (values) => {
  const anchor = made("a", values);
  put(anchor);
  anchor.click();
};
const submitted = (values) => {
  const form = made("form", values);
  put(form);
  form.submit();
};
probe("topHref", (self) => void (top.location.href = onElsewhere(self)), leaves);
probe("topLocation", (self) => void (top.location = onElsewhere(self)), leaves);
probe("topReplace", (self) => void top.location.replace(onElsewhere(self)), leaves);
probe("topAssign", (self) => inFrame("srcdoc", (address) => void top.location.assign(address), onElsewhere(self)), leaves);
probe("topHash", () => void (top.location.hash = "changed"), leaves);
probe("topScript", (self) => void (top.location.href = `javascript:fetch(${JSON.stringify(onPlatform("/admin/api/users", self))})`), leaves);
probe("topToAccount", (self) => void (top.location.href = onPlatform("/account", self)), leaves);
probe("topByLink", (self) => clicked({ href: onElsewhere(self), target: "_top" }), leaves);
probe("topByParentLink", (self) => clicked({ href: onElsewhere(self), target: "_parent" }), leaves);
probe("topByForm", (self) => submitted({ action: onElsewhere(self), target: "_top" }), leaves);
probe("topByPost", (self) => submitted({ action: onPlatform("/auth/logout", self), method: "post", target: "_top" }), leaves);
probe("topByOpen", (self) => shown(open(onElsewhere(self), "_top")?.name), leaves);
probe("topByBase", (self) => inOwnFrame("srcdoc", (address) => {
  document.head.append(Object.assign(document.createElement("base"), { target: "_top" }));
  const anchor = Object.assign(document.createElement("a"), { href: address });
  document.body.append(anchor);
  anchor.click();
}, onElsewhere(self)), leaves);
probe("topByRefresh", (self) => inOwnFrame("srcdoc", (address) => {
  const meta = document.createElement("meta");
  meta.httpEquiv = "refresh";
  meta.content = `0; url=${address}; target=_top`;
  document.head.append(meta);
}, onElsewhere(self)));
probe("topStopped", () => {
  top.stop();
  return "stopped";
}, leaves);
probe("topWritten", () => {
  top.document.title = "Mine";
  return top.document.title;
});

probe("popup", (self) => shown(open(onElsewhere(self))));
probe("popupBlank", () => shown(open("about:blank")));
probe("popupOfData", () => shown(open("data:text/html,<h1>Sign in</h1>")));
probe("popupOfBlob", () => shown(open(URL.createObjectURL(new Blob(["<h1>Sign in</h1>"], { type: "text/html" })))));
probe("popupWithoutOpener", (self) => shown(open(onElsewhere(self), "_blank", "noopener")));
probe("popupByLink", (self) => clicked({ href: onElsewhere(self), target: "_blank" }));
probe("popupByForm", (self) => submitted({ action: onElsewhere(self), target: "_blank" }));
probe("popupToPlatform", (self) => shown(open(onPlatform("/account", self))));

// Taking the frame itself elsewhere, which the game's own policy has no say in.
window.leaving = [
  () => (location.href = onElsewhere("left")),
  () => location.replace(`${target.otherFiles}index.html`),
  () => (location.href = onPlatform("/account", "left")),
  () => (location.href = "data:text/html,<h1>Sign in</h1>"),
  () => (location.href = URL.createObjectURL(new Blob(["<h1>Sign in</h1>"], { type: "text/html" }))),
  () => clicked({ href: onElsewhere("left") }),
  () => document.head.append(made("meta", { httpEquiv: "refresh", content: `0; url=${onElsewhere("left")}` })),
];
function leave({ way, given }) {
  target = given;
  leaving[way]();
}
