const body = JSON.stringify({ model: "llama3.2", prompt: "Who goes there?", stream: false, options: { num_predict: 50 } });

onmessage = async () => {
  const response = await fetch("/api/inference/ollama/generate", { method: "POST", credentials: "include", body });
  postMessage((await response.json()).response);
};
