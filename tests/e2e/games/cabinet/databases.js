// IndexedDB as games and their libraries use it.
const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const ended = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve();
  transaction.onabort = transaction.onerror = () => reject(transaction.error);
});

async function opened() {
  const opening = indexedDB.open("cabinet", 2);
  opening.onupgradeneeded = () => {
    const store = opening.result.createObjectStore("saves", { keyPath: "slot" });
    store.createIndex("byLevel", "level");
    opening.result.createObjectStore("log", { autoIncrement: true });
  };
  return done(opening);
}

async function checkDatabases() {
  await check("a database is made", async () => {
    const database = await opened();
    return [database.version, [...database.objectStoreNames]];
  }, [2, ["log", "saves"]]);
  await check("records are written and found", async () => {
    const database = await opened();
    const writing = database.transaction(["saves", "log"], "readwrite");
    writing.objectStore("saves").put({ slot: 1, level: 3, at: new Date(86400000), map: new Uint8Array([1, 2, 255]), seen: new Set(["cave"]) });
    writing.objectStore("saves").put({ slot: 2, level: 3 });
    writing.objectStore("saves").put({ slot: 3, level: 9 });
    writing.objectStore("log").add("began");
    await ended(writing);
    const saves = database.transaction("saves").objectStore("saves");
    const found = await done(saves.index("byLevel").getAllKeys(3));
    return [found, await done(saves.count())];
  }, [[1, 2], 3]);
  await check("a transaction that is aborted changes nothing", async () => {
    const database = await opened();
    const writing = database.transaction("saves", "readwrite");
    writing.objectStore("saves").clear();
    writing.abort();
    await ended(writing).catch(() => {});
    return done(database.transaction("saves").objectStore("saves").count());
  }, 3);
  await check("a cursor walks", async () => {
    const database = await opened();
    const walked = [];
    const request = database.transaction("saves").objectStore("saves").openCursor(IDBKeyRange.lowerBound(2), "prev");
    await new Promise((resolve) => {
      request.onsuccess = () => {
        if (!request.result) return resolve();
        walked.push(request.result.key);
        request.result.continue();
      };
    });
    return walked;
  }, [3, 2]);
}

async function checkKeptDatabases() {
  await check("a database is there again", async () => (await indexedDB.databases()).map(({ name, version }) => [name, version]), [["cabinet", 2]]);
  await check("its records are what they were", async () => {
    const saves = (await opened()).transaction("saves").objectStore("saves");
    const { level, at, map, seen } = await done(saves.get(1));
    return [level, at.getTime(), [...map], [...seen], await done(saves.index("byLevel").count(3))];
  }, [3, 86400000, [1, 2, 255], ["cave"], 2]);
  await check("its generator goes on", async () => done((await opened()).transaction("log", "readwrite").objectStore("log").add("again")).then((key) => key > 1));
}
