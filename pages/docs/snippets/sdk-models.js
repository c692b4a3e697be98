// Which models there are: [{ backend, model, name, embedded }, ...]
const models = await vanilla.models();
const large = models.find(({ model }) => /sonnet|opus/.test(model)) ?? models[0];

// Without `model`, the platform takes a quick one
const answer = await vanilla.chat("Who goes there?", { model: large.model, maxTokens: 60 });
document.body.append(answer);
