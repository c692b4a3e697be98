// Whatever markup makes a browser ask for an address: to another host, and to the platform. Told from outside.
const made = (tag, values) => Object.assign(document.createElement(tag), values);
const put = (element) => void document.body.append(element);
const link = (rel, more = {}) => (href) => put(made("link", { rel, href, ...more }));
const written = (markup) => (address) => {
  const place = put(made("div", {})) ?? document.body.lastElementChild;
  place.innerHTML = markup(address.replaceAll("&", "&amp;"));
};
const styled = (css) => (address) => put(made("style", { textContent: css(address) }));

const elements = {
  image: written((at) => `<img src="${at}">`),
  imageWithCookies: written((at) => `<img crossorigin="use-credentials" src="${at}">`),
  imageSet: written((at) => `<img srcset="${at} 1x">`),
  picture: written((at) => `<picture><source srcset="${at}"><img></picture>`),
  inputImage: written((at) => `<input type="image" src="${at}">`),
  background: written((at) => `<p style="background: url('${at}')">x</p>`),
  svgImage: written((at) => `<svg><image href="${at}" width="1" height="1"/></svg>`),
  svgFilter: written((at) => `<svg><filter id="f"><feImage href="${at}"/></filter><rect width="9" height="9" filter="url(#f)"/></svg>`),
  audio: written((at) => `<audio src="${at}" preload="auto"></audio>`),
  video: written((at) => `<video src="${at}" preload="auto"></video>`),
  poster: written((at) => `<video poster="${at}"></video>`),
  source: written((at) => `<video preload="auto"><source src="${at}"></video>`),
  track: written((at) => `<video crossorigin="use-credentials" src="data:video/mp4,"><track default kind="subtitles" src="${at}"></video>`),
  object: written((at) => `<object data="${at}"></object>`),
  embed: written((at) => `<embed src="${at}">`),
  frame: written((at) => `<iframe src="${at}"></iframe>`),
  script: (src) => put(made("script", { src })),
  moduleScript: (src) => put(made("script", { type: "module", src, crossOrigin: "use-credentials" })),
  stylesheet: link("stylesheet"),
  styleImport: styled((at) => `@import url("${at}");`),
  styleFont: (address) => {
    styled((at) => `@font-face { font-family: "${at}"; src: url("${at}"); }`)(address);
    written((at) => `<p style="font-family: '${at}'">x</p>`)(address);
  },
  listImage: written((at) => `<p style="display: list-item; list-style-image: url('${at}')">x</p>`),
  prefetch: link("prefetch"),
  preloadFetch: link("preload", { as: "fetch", crossOrigin: "use-credentials" }),
  preloadImage: link("preload", { as: "image" }),
  preloadScript: link("preload", { as: "script" }),
  modulePreload: link("modulepreload"),
  ping: (ping) => {
    const anchor = made("a", { href: "#pinged", ping });
    put(anchor);
    anchor.click();
  },
  // In a frame of its own, since what is no download takes the place of the page.
  download: (address) => inOwnFrame("srcdoc", (href) => {
    const anchor = Object.assign(document.createElement("a"), { href, download: "taken.txt" });
    document.body.append(anchor);
    anchor.click();
  }, address),
  xslt: (address) => {
    const text = `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="${address.replaceAll("&", "&amp;")}"?><x/>`;
    put(made("iframe", { src: URL.createObjectURL(new Blob([text], { type: "text/xml" })) }));
  },
  formInFrame: (action) => {
    put(made("iframe", { name: action }));
    const form = made("form", { action, method: "post", target: action });
    put(form);
    form.submit();
  },
  refreshInFrame: written((at) => `<iframe srcdoc="<meta http-equiv='refresh' content='0;url=${at}'>"></iframe>`),
};
for (const [name, work] of Object.entries(elements)) {
  probe(`${name}FromElsewhere`, (self) => work(onElsewhere(self)));
  probe(`${name}FromPlatform`, (self) => work(onPlatform("/admin/api/users", self)));
}
// Only a connection is made, without a word: told by a host that counts who knocks.
probe("preconnect", () => link("preconnect")(target.quiet));
probe("preconnectWithCookies", () => link("preconnect", { crossOrigin: "use-credentials" })(target.quiet));
// A relative address after a base that is not ours.
probe("base", (self) => inOwnFrame("srcdoc", (base) => {
  document.head.append(Object.assign(document.createElement("base"), { href: base }));
  document.body.append(Object.assign(new Image(), { src: "from-base" }));
}, `${target.elsewhere}/${self}/`));
probe("otherGameImage", (self) => elements.image(onPlatform(`${target.otherFiles}art/cherry.png`, self)));
probe("otherGameScript", (self) => elements.script(onPlatform(`${target.otherFiles}classic.js`, self)));
probe("otherGameInFrame", (self) => elements.frame(onPlatform(`${target.otherFiles}index.html`, self)));
probe("playPageInFrame", (self) => elements.frame(onPlatform(`/play/${target.otherGame}`, self)));
probe("loginInFrame", (self) => elements.frame(onPlatform("/login", self)));
