// localStorage and sessionStorage in every form in which games use them, and cookies.
async function checkStorage() {
  await check("a name without a value", () => [localStorage.getItem("none"), localStorage.none, "none" in localStorage], [null, undefined, false]);
  await check("set and read in every way", () => {
    localStorage.setItem("method", 1);
    localStorage.property = { toString: () => "two" };
    localStorage["in brackets"] = null;
    Storage.prototype.setItem.call(localStorage, "borrowed", undefined);
    Object.assign(localStorage, { assigned: true });
    return [localStorage.method, localStorage.getItem("property"), localStorage["in brackets"], localStorage.borrowed, localStorage.getItem("assigned")];
  }, ["1", "two", "null", "undefined", "true"]);
  await check("counted and walked", () => {
    const walked = [];
    for (const name in localStorage) if (Object.hasOwn(localStorage, name)) walked.push(name);
    const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index));
    return [walked.sort().join() === Object.keys(localStorage).sort().join(), keys.sort().join() === walked.join(), localStorage.key(99)];
  }, [true, true, null]);
  await check("copied whole", () => {
    const copy = { ...localStorage };
    return [copy.method, JSON.parse(JSON.stringify(localStorage)).property, Object.entries(localStorage).length === localStorage.length];
  }, ["1", "two", true]);
  await check("removed in every way", () => {
    localStorage.removeItem("method");
    delete localStorage.property;
    localStorage.removeItem("never there");
    return ["method" in localStorage, localStorage.hasOwnProperty("property")];
  }, [false, false]);
  await check("names that are methods' too", () => {
    localStorage.setItem("key", "kept");
    localStorage.setItem("length", "long");
    return [localStorage.getItem("key"), localStorage.getItem("length"), typeof localStorage.key, typeof localStorage.length];
  }, ["kept", "long", "function", "number"]);
  await check("it is a Storage", () => [String(localStorage), localStorage instanceof Storage, Object.getPrototypeOf(sessionStorage) === Storage.prototype], ["[object Storage]", true, true]);
  await check("session storage is another", () => {
    sessionStorage.setItem("only", "now");
    const apart = [localStorage.only, sessionStorage.length];
    sessionStorage.clear();
    return [...apart, sessionStorage.length];
  }, [undefined, 1, 0]);
  await check("too much is refused, and what was there stays", () => {
    localStorage.big = "here";
    try {
      localStorage.big = "x".repeat(6 * 1024 * 1024);
    } catch (error) {
      return [error.name, error instanceof DOMException, localStorage.big];
    }
  }, ["QuotaExceededError", true, "here"]);
  await check("cookies", () => {
    document.cookie = "short=1";
    document.cookie = "chosen=a=b; path=/; max-age=86400; SameSite=Lax";
    document.cookie = "gone=1; max-age=3600";
    document.cookie = "gone=; expires=Thu, 01 Jan 1970 00:00:00 GMT";
    return document.cookie.split("; ").sort();
  }, ["chosen=a=b", "short=1"]);
  localStorage.setItem("état 🎲", "𝄞\u0000\ud800");
  localStorage.setItem("", "no name");
  localStorage.state = JSON.stringify({ level: 3, inventory: ["lamp", "rope"] });
}

async function checkKeptStorage() {
  await check("everything is there again", () => [localStorage["état 🎲"], localStorage.getItem(""), JSON.parse(localStorage.state).inventory], ["𝄞\u0000\ud800", "no name", ["lamp", "rope"]]);
  await check("what was removed is not", () => [localStorage.method, localStorage.property, localStorage.big], [undefined, undefined, "here"]);
  await check("names that are methods' too are there again", () => [localStorage.getItem("key"), localStorage.getItem("length")], ["kept", "long"]);
  await check("a cookie with an age is there again", () => document.cookie.split("; ").includes("chosen=a=b"));
}
