// The whole answer at once
const name = await vanilla.chat("Invent a name for a tavern. Answer with the name alone.", { maxTokens: 20 });
document.body.append(name);
