// What a game of the tests finds out about where it runs, for whoever looks: rows of {name, ok, detail}.
window.report = { rows: [], isDone: false };

// One row: whether `work` gives what an ordinary page would give. Every value goes by way of JSON.
async function check(name, work, expected = true) {
  let got;
  try {
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no answer")), 20000));
    got = await Promise.race([work(), late]);
  } catch (error) {
    got = `${error?.name}: ${error?.message}`;
  }
  const ok = JSON.stringify(got) === JSON.stringify(expected);
  report.rows.push({ name, ok, detail: ok ? "" : `${JSON.stringify(got)} instead of ${JSON.stringify(expected)}` });
}

// The end of the game, and its save.
function finish() {
  localStorage.setItem("finished", navigator.userAgent.includes("Firefox") ? "in firefox" : "in chromium");
  report.isDone = true;
}
