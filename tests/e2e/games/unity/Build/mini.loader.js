// In the manner of an engine's loader: a script element for the framework, streams for data and code.
async function createInstance(canvas, { dataUrl, frameworkUrl, codeUrl, streamingAssetsUrl }) {
  await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = frameworkUrl;
    script.onload = resolve;
    script.onerror = () => reject(new Error("the framework did not load"));
    document.body.appendChild(script);
  });
  const { instance } = await WebAssembly.instantiateStreaming(fetch(codeUrl));
  const data = new TextDecoder().decode(await (await fetch(dataUrl)).arrayBuffer()).trim().split(" ");
  const assets = await (await fetch(`${streamingAssetsUrl}/settings.json`)).json();
  const packed = (await fetch(`${streamingAssetsUrl}/notes.txt.gz`)).body.pipeThrough(new DecompressionStream("gzip"));
  const unpacked = (await new Response(packed).text()).trim();
  return { framework: window.miniFramework, add: instance.exports.add, data, assets, unpacked };
}
