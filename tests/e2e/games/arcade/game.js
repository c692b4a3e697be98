order.push("deferred");
const CHERRY = [179, 18, 63];
const SOUND = "art/ding.wav";

async function play() {
  await check("scripts run in their order", () => order, ["inline", "engine", "deferred", "onload"]);
  await check("document.write works", () => document.getElementById("written").textContent, "written");
  await check("eval and new Function work", () => eval("20 + 1") + new Function("return 21")(), 42);
  await check("a style sheet applies", () => getComputedStyle(document.body).color, "rgb(1, 2, 3)");
  await check("a timer and a frame come", () => new Promise((resolve) => setTimeout(() => requestAnimationFrame(() => resolve(true)), 1)));
  await check("the address can change", () => {
    history.replaceState({ level: 2 }, "", "?level=2#boss");
    return [location.search, location.hash, history.state.level];
  }, ["?level=2", "#boss", 2]);

  await check("an image is read back from a canvas", async () => Engine.pixel(await Engine.image("art/cherry.png")), CHERRY);
  await check("an image in the page is read back", () => Engine.pixel(document.getElementById("marked")), CHERRY);
  await check("a picture's source is read back", () => Engine.pixel(document.getElementById("chosen")), CHERRY);
  await check("a fetched bitmap is read back", async () => Engine.pixel(await createImageBitmap(await (await fetch("art/cherry.png")).blob())), CHERRY);
  await check("an image of a blob is read back", async () => {
    const blob = await Engine.request("art/cherry.png", "blob");
    return Engine.pixel(await Engine.image(URL.createObjectURL(blob)));
  }, CHERRY);
  await check("a drawing is read back", async () => {
    const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4" fill="#b3123f"/></svg>`;
    return Engine.pixel(await Engine.image(`data:image/svg+xml,${encodeURIComponent(drawing)}`));
  }, CHERRY);
  await check("a canvas is exported", () => document.getElementById("screen").toDataURL().startsWith("data:image/png"));
  for (const kind of ["webgl", "webgl2"]) {
    await check(`an image becomes a texture of ${kind}`, async () => texel(kind, await Engine.image("art/cherry.png")), CHERRY);
  }

  await check("a font of the style sheet loads", async () => (await document.fonts.load("20px Marquee", "Ā")).length, 1);
  await check("a font of a script loads", async () => {
    const face = await new FontFace("Sign", "url(fredoka-latin-ext-wght-normal.woff2)").load();
    document.fonts.add(face);
    return document.fonts.check("20px Sign", "Ā");
  });

  await check("a sound is decoded", async () => {
    const bytes = await (await fetch(SOUND)).arrayBuffer();
    return (await new OfflineAudioContext(1, 1, 8000).decodeAudioData(bytes)).length;
  }, 400);
  await check("a sound plays to its end", () => heard(document.getElementById("ding")));
  await check("a sound of a script plays to its end", () => heard(new Audio(SOUND)));
  await check("an element's sound is worked on", async () => {
    const context = new AudioContext();
    context.createMediaElementSource(new Audio(SOUND)).connect(context.destination);
    return context.destination.numberOfInputs;
  }, 1);
  if (window.isSecureContext) {
    await check("an AudioWorklet runs", async () => {
      const context = new OfflineAudioContext(1, 128, 8000);
      await context.audioWorklet.addModule("worklet.js");
      new AudioWorkletNode(context, "constant").connect(context.destination);
      return (await context.startRendering()).getChannelData(0)[64];
    }, 0.5);
  }

  await check("gamepads can be asked for", () => Array.isArray([...navigator.getGamepads()]));
  await check("fullscreen is there to be asked for", () => document.fullscreenEnabled);
  await check("the keyboard is heard", () => new Promise((resolve) => {
    addEventListener("keydown", (event) => resolve(event.key), { once: true });
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp", bubbles: true }));
  }), "ArrowUp");
  finish();
}

function heard(sound) {
  return new Promise((resolve, reject) => {
    sound.onended = () => resolve(true);
    sound.onerror = () => reject(new Error("not played"));
    sound.play().catch(reject);
  });
}

// The first texel of an image, as the graphics card has it.
function texel(kind, image) {
  const gl = document.createElement("canvas").getContext(kind);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, gl.getParameter(gl.TEXTURE_BINDING_2D), 0);
  const read = new Uint8Array(4);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, read);
  return [...read].slice(0, 3);
}
