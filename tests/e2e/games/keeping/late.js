// A classic script of the old kind that loads a module: it may only if its own tag asked with CORS.
window.late = import("./module.js").then((module) => module.word, (error) => `failed: ${error}`);
