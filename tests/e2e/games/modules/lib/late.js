export const late = new URL("../levels.json", import.meta.url).pathname.split("/").at(-1);
