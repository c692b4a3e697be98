// The cover on the edit page: a chosen picture is shown first, and sent when its owner says so.
(() => {
  "use strict";
  const find = (name) => document.querySelector(`[data-cover-${name}]`);
  let chosen = null;

  function show(file) {
    if (chosen) URL.revokeObjectURL(find("next").src);
    chosen = file;
    if (file) find("next").src = URL.createObjectURL(file);
    find("next").hidden = !file;
    find("now").hidden = Boolean(file);
    find("choose").hidden = Boolean(file);
    find("decide").hidden = !file;
    tell("");
    if (file) find("use").focus();
    else find("choose").querySelector("input").focus();
  }

  function tell(problem) {
    find("problem").textContent = problem;
    find("problem").hidden = !problem;
  }

  async function send() {
    const part = document.querySelector("[data-cover]");
    const data = new FormData();
    data.set("cover", chosen);
    find("use").disabled = true;
    try {
      const response = await fetch(part.dataset.cover, { method: "PUT", body: data });
      if (response.ok) {
        show(null);
        part.dispatchEvent(new Event("changed"));
      } else {
        const answer = await response.json().catch(() => null);
        tell(answer?.error?.message || "That did not work. Try again.");
      }
    } catch {
      tell("The server cannot be reached. Try again.");
    } finally {
      find("use").disabled = false;
    }
  }

  document.addEventListener("change", ({ target }) => {
    if (!target.matches?.("[data-cover-choose] input") || !target.files.length) return;
    show(target.files[0]);
    target.value = ""; // the same one can be chosen again
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-cover-use]")) send();
    if (target.closest?.("[data-cover-cancel]")) show(null);
  });
  // What cannot be shown is no picture, or one that this browser does not know: the server says which.
  document.addEventListener("error", ({ target }) => {
    if (target.matches?.("[data-cover-next]") && chosen) tell("This browser cannot show the picture. You can try it all the same.");
  }, true);
})();
