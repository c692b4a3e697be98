importScripts("part.js");

onmessage = async () => postMessage([part, ...(await work())]);
