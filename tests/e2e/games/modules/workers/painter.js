onmessage = ({ data: { canvas } }) => {
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#b3123f";
  pen.fillRect(0, 0, 4, 4);
  postMessage([...pen.getImageData(0, 0, 1, 1).data].slice(0, 3));
};
