/* Which model speaks, and kind words for when none can. All three example games have this same file: copy it too. */

const KEPT = "model"; // in vanilla.storage
let chosen; // the name of a model; undefined leaves the choice to the platform

/* Fills a <select> with the models there are, and keeps what the player chooses for the next visit. */
export async function offerModels(select) {
  const models = window.vanilla ? await vanilla.models().catch(() => []) : [];
  const kept = window.vanilla && (await vanilla.storage.get(KEPT));
  if (models.some(({ model }) => model === kept)) chosen = kept;
  select.replaceChildren(
    new Option(models.length ? "the quickest" : "no model", ""),
    ...models.map(({ model, name, embedded }) => new Option(embedded ? `${name} (tiny)` : name, model)),
  );
  select.value = chosen ?? "";
  select.addEventListener("change", () => {
    chosen = select.value || undefined;
    vanilla.storage.set(KEPT, chosen ?? null);
  });
}

/* The answer to a prompt, piece by piece. Throws what window.vanilla throws; `explain` has words for it. */
export async function* ask(prompt, options) {
  if (!window.vanilla) throw new Error("This page was opened outside Vanilla, so no model is there.");
  yield* vanilla.stream(prompt, { model: chosen, ...options });
}

/* What to tell the player: { words, isOver }. `isOver`: asking again makes no sense on this visit. */
export function explain(error) {
  const isLimit = Boolean(window.vanilla) && error instanceof vanilla.LimitError;
  const isOver = error.retryAfter == null && (isLimit || [0, 401, 403, 404].includes(error.status ?? 0));
  if (!isLimit || error.retryAfter != null) return { words: error.message, isOver: isOver && !isStopped(error) };
  const again = error.resetsAt ? `They are back ${when(error.resetsAt)}.` : "Ask your host for more.";
  return { words: `${error.used.toLocaleString()} of your ${error.limit.toLocaleString()} tokens are used. ${again}`, isOver };
}

/* The player pressed Stop, above the game: nothing is wrong, and the next answer may come. */
export function isStopped(error) {
  return /stopped this answer/.test(error.message);
}

function when(moment) {
  const isSoon = moment - Date.now() < 20 * 3600 * 1000;
  const time = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return isSoon ? `at ${time}` : `on ${moment.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" })}`;
}
