const { items } = await (await fetch("/api/inference/models")).json();
// [{ backend: "anthropic", model: "claude-haiku-4-5", name: "Claude Haiku 4.5", embedded: false }, ...]
document.body.append(items.map(({ backend, model }) => `${backend}: ${model}`).join(", "));
