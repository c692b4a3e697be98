onmessage = () => postMessage([location.pathname, name]);
