// The upload page: shows what was chosen, sends it with its progress, and lists what is wrong with it.
(() => {
  "use strict";
  const find = (name) => document.querySelector(`[data-${name}]`);
  const NOTHING_CHOSEN = ["Choose a .zip or a single .html", "or drop it here"];
  let sending = null;

  function showChosen() {
    const file = find("upload").elements.file.files[0];
    find("drop").classList.toggle("full", Boolean(file));
    find("file-name").textContent = file ? file.name : NOTHING_CHOSEN[0];
    find("file-hint").textContent = file ? `${size(file.size)} · choose another` : NOTHING_CHOSEN[1];
    hideResult();
  }

  // What can be told without sending anything.
  function problemsWith(form) {
    const file = form.elements.file.files[0];
    const most = Number(form.dataset.mostBytes);
    if (!file) return ["Choose a .zip or a single .html file first."];
    if (!/\.(zip|html?)$/i.test(file.name)) return [`${file.name} is neither a .zip nor an .html file.`];
    if (file.size > most) return [`${file.name} is ${size(file.size)}; at most ${size(most)} are possible.`];
    if (!file.size) return [`${file.name} is empty.`];
    return [];
  }

  function send(form) {
    if (sending) return;
    const wrong = problemsWith(form);
    if (wrong.length) {
      showProblems("", wrong);
      return;
    }
    hideResult();
    const request = new XMLHttpRequest();
    sending = request;
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) showProgress(event.loaded / event.total, `${size(event.loaded)} of ${size(event.total)}`);
    });
    request.upload.addEventListener("load", () => showProgress(1, "Checking the game"));
    request.addEventListener("load", () => answered(request));
    request.addEventListener("error", () => showProblems("", ["The connection broke. Nothing was published; try again."]));
    request.addEventListener("abort", () => say("Cancelled. Nothing was published."));
    request.addEventListener("loadend", () => {
      sending = null;
      showSending(false);
    });
    showSending(true);
    showProgress(0, "Starting");
    request.open("POST", "/api/games");
    request.setRequestHeader("accept", "application/json");
    request.send(new FormData(form));
  }

  function answered(request) {
    let body = null;
    try {
      body = JSON.parse(request.responseText);
    } catch { /* not from us: a proxy in between, perhaps */ }
    if (request.status === 201 && body) {
      showDone(body);
    } else if (request.status === 401) {
      showProblems("", ["You are signed out. Sign in again in another tab, then publish once more."]);
    } else if (body?.error?.problems?.length > 1) {
      showProblems("The game was not published. Each of these must be put right:", body.error.problems);
    } else {
      const tooLarge = request.status === 413 ? "The file is larger than this host takes." : "";
      showProblems("", [body?.error?.message || tooLarge || `The server answered ${request.status}. Try again.`]);
    }
  }

  function showSending(isSending) {
    find("publish").disabled = isSending;
    find("cancel").hidden = !isSending;
    find("progress").hidden = !isSending;
    if (isSending) addEventListener("beforeunload", ask);
    else removeEventListener("beforeunload", ask);
  }

  function ask(event) {
    event.preventDefault();
  }

  function showProgress(part, words) {
    const bar = find("progress").querySelector(".meter");
    const percent = Math.round(part * 100);
    bar.setAttribute("aria-valuenow", String(percent));
    bar.firstElementChild.style.width = `${percent}%`;
    const line = find("progress-words");
    if (line.textContent !== words) line.textContent = words;
    if (part === 1) say(words);
  }

  function showProblems(title, problems) {
    const list = document.createElement("ul");
    list.append(...problems.map((problem) => element("li", problem)));
    const single = problems.length === 1 && !title;
    find("problems").firstElementChild.replaceChildren(
      ...(single ? [element("span", problems[0])] : [element("strong", title), list]),
    );
    find("problems").hidden = false;
    find("problems").focus();
  }

  function showDone(game) {
    find("done-cover").src = game.cover_url;
    find("done-title").textContent = game.title;
    find("done-play").href = game.play_url;
    find("done-play").setAttribute("aria-label", `Play ${game.title}`);
    find("done-warnings").textContent = (game.warnings || []).join(" ");
    find("done-warnings").hidden = !game.warnings?.length;
    find("upload").hidden = true;
    find("done").hidden = false;
    find("done").focus();
    say(`${game.title} is published.`);
  }

  function startAgain() {
    find("upload").reset();
    find("upload").hidden = false;
    showChosen();
    find("upload").elements.file.focus();
  }

  function hideResult() {
    find("problems").hidden = true;
    find("done").hidden = true;
    say("");
  }

  function say(words) {
    find("status").textContent = words;
  }

  function element(tag, words) {
    const made = document.createElement(tag);
    made.textContent = words;
    return made;
  }

  function size(bytes) {
    if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
    return `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;
  }

  // The page is drawn after this script runs, so it listens above it all.
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-upload] input[name=file]")) showChosen();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches?.("[data-upload]")) return;
    event.preventDefault();
    send(event.target);
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-cancel]")) sending?.abort();
    if (event.target.closest?.("[data-again]")) startAgain();
  });
  // A file dropped beside the zone would otherwise replace the page.
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      const field = find("upload")?.elements.file;
      if (event.target.matches?.("input[type=file]") && event.target !== field) return;
      event.preventDefault();
      find("drop")?.classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind !== "drop" || !field || sending || !event.dataTransfer.files.length) return;
      field.files = event.dataTransfer.files;
      showChosen();
    });
  }
})();
