// Kept for this player by the platform, up to 5 MB, and there again on another computer
await vanilla.storage.set("hero", { level: 3, bag: ["rope", "plum jam"] });
const hero = await vanilla.storage.get("hero"); // null where nothing was kept
await vanilla.storage.set("hero", { ...hero, level: hero.level + 1 });
document.body.append((await vanilla.storage.list()).join(", "));
await vanilla.storage.delete("hero");

// localStorage and IndexedDB work as on any page, and are kept in the same way
localStorage.best = 12;
