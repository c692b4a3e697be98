// The probes by name, and the one who runs them. A probe gives what it got; "failed: ..." where it was refused, and
// "nothing" where its effect is to be seen from outside alone: there, each address asked for holds the probe's name.
var probes = {}; // a property of the window, where the test finds it
let target; // what to go after, told by the test: {elsewhere, quiet, stun, otherUser, otherGame, otherFiles,
// spare, game}

// `leaves` marks those that take the page away, or the session, when they succeed.
function probe(name, work, { leaves = false } = {}) {
  probes[name] = { work, leaves };
}

const onPlatform = (path, name) => `${location.origin}${path}${path.includes("?") ? "&" : "?"}probe=${name}`;
const onElsewhere = (name) => `${target.elsewhere}/${name}?secret=42`;

async function attempt(name, patience) {
  try {
    const late = new Promise((resolve) => setTimeout(resolve, patience, "failed: no answer"));
    return String((await Promise.race([probes[name].work(name), late])) ?? "nothing");
  } catch (error) {
    return `failed: ${error?.name ?? error}: ${error?.message ?? ""}`;
  }
}

async function attack({ names, given, patience }) {
  target = given;
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await attempt(name, patience)])));
}

// What an object holds, if it gives anything away; throws where it is refused.
function shown(value) {
  if (value === null || value === undefined || value === "") throw new Error("empty");
  return String(value);
}

// Runs `work` in a frame inside this one, with a fetch, a document and a storage that no script of ours has touched,
// and gives what it gives. `kind` is where the frame's document comes from. Each kind has one frame for all, since a
// browser may start a process for each.
const frames = {};
function inFrame(kind, work, ...values) {
  frames[kind] ??= frameOf(kind);
  return runIn(frames[kind], work, values);
}

// The same in a frame of its own, for what changes the frame.
const inOwnFrame = (kind, work, ...values) => runIn(frameOf(kind), work, values);

async function runIn(ready, work, values) {
  const frame = await ready;
  const id = `${Math.random()}`;
  const answer = new Promise((resolve) => {
    addEventListener("message", (event) => event.data?.id === id && resolve(event.data.got));
  });
  frame.contentWindow.postMessage({ id, work: `(${work})(...${JSON.stringify(values)})` }, "*");
  return answer;
}

function frameOf(kind) {
  const code = `onmessage = ({ data }) => Promise.resolve().then(() => (0, eval)(data.work)).then(
    (value) => String(value ?? "nothing"), (error) => "failed: " + error).then((got) => parent.postMessage({ id: data.id, got }, "*"));
    const ready = () => parent.postMessage("ready", "*");
    document.readyState === "complete" ? ready() : addEventListener("load", ready);`;
  const page = `<!doctype html><script>${code}<\/script>`;
  const frame = document.createElement("iframe");
  const ready = new Promise((resolve) => {
    addEventListener("message", (event) => event.source === frame.contentWindow && event.data === "ready" && resolve(frame));
  });
  if (kind === "srcdoc") frame.srcdoc = page;
  if (kind === "srcdoc that asks for more") {
    frame.sandbox = "allow-scripts allow-same-origin allow-top-navigation allow-popups allow-popups-to-escape-sandbox";
    frame.srcdoc = page;
  }
  if (kind === "data") frame.src = `data:text/html,${encodeURIComponent(page)}`;
  if (kind === "blob") frame.src = URL.createObjectURL(new Blob([page], { type: "text/html" }));
  if (kind === "javascript") frame.src = `javascript:${encodeURIComponent(`void (() => { ${code} })()`)}`;
  if (kind === "file") frame.src = `inner.html#${encodeURIComponent(code)}`;
  document.body.append(frame);
  if (kind === "written") {
    frame.contentDocument.open();
    frame.contentDocument.write(page);
    frame.contentDocument.close();
  }
  return ready;
}

// What a worker made of this code posts.
function inWorker(code, options) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), options);
    worker.onmessage = (event) => resolve(event.data);
    worker.onerror = (event) => reject(new Error(event.message ?? "the worker failed"));
  });
}
