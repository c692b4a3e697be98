// A game of the old kind: globals, window.name, storage before anything else.
var name = "a game of my own";
localStorage.setItem("started", "1");
localStorage.best = 7;
document.cookie = "chosen=1";
