console.log(vanilla.user.username, vanilla.user.id); // who plays
console.log(vanilla.game.title, vanilla.game.id); // what they play
