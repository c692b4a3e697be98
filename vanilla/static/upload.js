// Uploads: shows what was chosen, fills in what the game says of itself, sends it, and lists what is wrong. The form's
// data-to says where it goes: a new game, or the next version of one.
// upload-sources.js, which comes before, reads files, folders and zips.
(() => {
  "use strict";
  const sources = window.vanillaSources;
  const find = (name) => document.querySelector(`[data-${name}]`);
  const form = () => find("upload");
  let source = null; // what was chosen
  let reading = 0; // counts choices: a slow one that was followed by another is forgotten
  let sending = null; // an AbortController

  const isJunk = (name) => {
    const { names, begins } = JSON.parse(form().dataset.junk);
    const lower = name.toLowerCase();
    return names.includes(lower) || begins.some((start) => lower.startsWith(start));
  };

  async function choose(found) {
    const turn = (reading += 1);
    hideResult();
    find("file-name").textContent = "Looking at it";
    find("file-hint").textContent = "";
    try {
      const chosen = await found;
      if (turn !== reading) return;
      source = chosen;
      showChosen();
      await fillIn(turn);
    } catch {
      if (turn !== reading) return;
      forget();
      showProblems("", [{ message: "What was chosen cannot be read. Choose it again." }]);
    }
  }

  function chooseFiles(files) {
    if (files.length === 1 && !files[0].webkitRelativePath) return choose(sources.ofFile(files[0]));
    return choose(Promise.resolve(sources.ofFolder([...files].map((file) => [file.webkitRelativePath || file.name, file]), isJunk)));
  }

  function showChosen() {
    const { dataset } = find("drop");
    find("drop").classList.toggle("full", Boolean(source));
    find("file-name").textContent = source ? source.name : dataset.nothing;
    find("file-hint").textContent = source ? about(source) : dataset.hint;
    showPages(source?.candidates ?? []);
  }

  function about({ size: bytes, files, leftOut }) {
    const parts = [size(bytes)];
    if (files && files.size > 1) parts.unshift(`${files.size.toLocaleString("en")} files`);
    if (leftOut.length) parts.push(`without ${leftOut.slice(0, 3).join(", ")}${leftOut.length > 3 ? " and more" : ""}`);
    return [...parts, "choose another"].join(" · ");
  }

  function forget() {
    source = null;
    showChosen();
    for (const field of fields()) if (field.dataset.filled) Object.assign(field, { value: "" }), delete field.dataset.filled;
    if (find("filled")) find("filled").hidden = true;
  }

  const fields = () => ["title", "description", "tags"].map((name) => form().elements[name]).filter(Boolean);

  // What somebody typed stays.
  async function fillIn(turn) {
    const said = await source.about();
    if (turn !== reading) return;
    for (const field of fields()) {
      if (field.value && field.value !== field.dataset.filled) continue;
      const value = said[field.name].slice(0, field.maxLength > 0 ? field.maxLength : undefined);
      field.value = value;
      if (value) field.dataset.filled = value;
      else delete field.dataset.filled;
    }
    if (find("filled")) find("filled").hidden = !fields().some((field) => field.dataset.filled);
  }

  // Which page opens, where that is not clear. The likeliest is chosen already.
  function showPages(pages) {
    find("pages").hidden = !pages.length;
    find("choices").replaceChildren(
      ...pages.slice(0, 30).map((page, index) => {
        const label = Object.assign(document.createElement("label"), { className: "choice" });
        const input = Object.assign(document.createElement("input"), { type: "radio", name: "entry", value: page });
        input.checked = index === 0;
        label.append(input, element("span", page));
        return label;
      }),
    );
  }

  // What can be told without sending anything.
  function problems() {
    const { mostBytes, mostFiles } = form().dataset;
    if (!source) return ["Choose a .zip, a single .html or a folder first."];
    if (!source.isFolder && !/\.(zip|html?)$/i.test(source.name)) return [`${source.name} is neither a .zip nor an .html file.`];
    if (!source.isFolder && source.size > Number(mostBytes)) return [`${source.name} is ${size(source.size)}; at most ${size(Number(mostBytes))} are possible.`];
    if (!source.size) return [`${source.name} is empty.`];
    if (source.isFolder && source.files.size > Number(mostFiles)) {
      return [`The folder has more than ${Number(mostFiles).toLocaleString("en")} files. Choose the one that holds the finished game, without what it was built from.`];
    }
    return [];
  }

  async function send(way) {
    if (sending) return;
    const wrong = problems();
    if (wrong.length) {
      showProblems("", wrong.map((message) => ({ message })));
      return;
    }
    hideResult();
    sending = new AbortController();
    const { signal } = sending;
    showSending(true);
    showProgress(0, "Starting");
    try {
      const [blob, name] = await source.toSend((done, all) => showProgress(0, `Packing ${done + 1} of ${all} files`), signal);
      const most = Number(form().dataset.mostBytes);
      if (blob.size > most) {
        showProblems("", [{ message: `The folder is ${size(blob.size)} once packed; at most ${size(most)} are possible.` }]);
        return;
      }
      answered(await post(body(blob, name, way), signal));
    } catch (error) {
      if (signal.aborted) say("Cancelled. Nothing was published.");
      else if (error.name === "NotReadableError" || error.name === "NotFoundError") showProblems("", [{ message: "A file has changed or gone since it was chosen. Choose it again." }]);
      else showProblems("", [{ message: "The connection broke. Nothing was published; try again." }]);
    } finally {
      sending = null;
      showSending(false);
    }
  }

  function body(blob, name, way) {
    const data = new FormData(form());
    for (const field of ["file", "folder"]) data.delete(field);
    if (!data.get("cover")?.size) data.delete("cover");
    data.set(way.name, way.value);
    data.set("file", blob, name);
    return data;
  }

  function post(data, signal) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.upload.addEventListener("progress", ({ lengthComputable, loaded, total }) => {
        if (lengthComputable) showProgress(loaded / total, `${size(loaded)} of ${size(total)}`);
      });
      request.upload.addEventListener("load", () => showProgress(1, "Checking the game"));
      for (const kind of ["error", "abort"]) request.addEventListener(kind, failed);
      request.addEventListener("load", () => done(request));
      signal.addEventListener("abort", () => request.abort());
      request.open("POST", form().dataset.to);
      request.setRequestHeader("accept", "application/json");
      request.send(data);
    });
  }

  function answered(request) {
    let answer = null;
    try {
      answer = JSON.parse(request.responseText);
    } catch { /* not from us: a proxy in between, perhaps */ }
    const error = answer?.error;
    if ((request.status === 201 || request.status === 200) && answer && !error) {
      if (find("done")) showDone(answer);
      else tellPage(answer);
    } else if (request.status === 401) {
      showProblems("", [{ message: "You are signed out. Sign in again in another tab, then publish once more." }]);
    } else if (error?.candidates?.length && error.problems?.length === 1) {
      showPages(error.candidates);
      find("pages").querySelector("input").focus();
      say(`${error.message} Choose it, then publish again.`);
    } else if (error?.problems?.length > 1) {
      showProblems("The game was not published. Each of these must be put right:", error.problems, error.more_problems);
    } else {
      const tooLarge = request.status === 413 ? "The file is larger than this host takes." : "";
      showProblems("", [error?.problems?.[0] || { message: error?.message || tooLarge || `The server answered ${request.status}. Try again.` }]);
    }
  }

  function showSending(isSending) {
    for (const button of document.querySelectorAll("[data-publish]")) button.disabled = isSending;
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

  // problems: [{file, message}], where the sentence may begin with the file's name.
  function showProblems(title, problems, more = 0) {
    const list = document.createElement("ul");
    list.append(...problems.map((problem) => sentence("li", problem)));
    if (more) list.append(element("li", `And ${more.toLocaleString("en")} more.`));
    const isSingle = problems.length === 1 && !title;
    find("problems").firstElementChild.replaceChildren(
      ...(isSingle ? [sentence("span", problems[0])] : [element("strong", title), list]),
    );
    find("problems").hidden = false;
    find("problems").focus();
  }

  function sentence(tag, { file, message }) {
    if (!file || !message.startsWith(file)) return element(tag, message);
    const made = document.createElement(tag);
    made.append(element("code", file), message.slice(file.length));
    return made;
  }

  function showDone(game) {
    const isDraft = game.visibility === "draft";
    find("done-cover").src = game.cover_url;
    find("done-what").textContent = isDraft ? "Saved as a draft: only you see it" : "Published";
    find("done-title").textContent = game.title;
    const play = find("done-play");
    play.href = game.play_url;
    play.textContent = isDraft ? "Try it" : "Play";
    play.setAttribute("aria-label", `${play.textContent}: ${game.title}`);
    const edit = find("done-edit");
    if (edit) edit.href = `/games/${game.id}/edit`;
    const warnings = game.warnings || [];
    find("done-warnings").hidden = !warnings.length;
    find("done-warnings").querySelector("ul").replaceChildren(...warnings.map((warning) => element("li", warning)));
    form().hidden = true;
    find("done").hidden = false;
    find("done").focus();
    say(`${game.title} is ${isDraft ? "saved as a draft" : "published"}.`);
  }

  // The page draws it.
  function tellPage(answer) {
    form().reset();
    forget();
    form().dispatchEvent(new CustomEvent("uploaded", { detail: answer }));
  }

  function startAgain() {
    form().reset();
    forget();
    hideResult();
    form().hidden = false;
    form().elements.file.focus();
  }

  function hideResult() {
    find("problems").hidden = true;
    if (find("done")) find("done").hidden = true;
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
  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("[data-upload] [name=file], [data-upload] [name=folder]") || !target.files.length) return;
    chooseFiles(target.files);
    target.value = ""; // the same one can be chosen again, once it was put right
  });
  document.addEventListener("input", ({ target }) => {
    if (target.dataset?.filled !== undefined && target.value !== target.dataset.filled) delete target.dataset.filled;
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches?.("[data-upload]")) return;
    event.preventDefault();
    send(event.submitter || event.target.querySelector("[data-publish]"));
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-cancel]")) sending?.abort();
    if (target.closest?.("[data-again]")) startAgain();
    if (target.closest?.("[data-choose-folder]")) form().elements.folder.click();
  });
  // A file dropped beside the zone would otherwise replace the page.
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!form() || !event.dataTransfer?.types.includes("Files")) return;
      if (event.target.matches?.("[name=cover]")) return;
      event.preventDefault();
      find("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind !== "drop" || sending || form().hidden) return;
      const files = [...event.dataTransfer.files];
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
      if (entries.length > 1 || entries[0]?.isDirectory) choose(sources.ofDrop(entries, isJunk, Number(form().dataset.mostFiles)));
      else if (files.length) chooseFiles(files);
    });
  }
})();
