// The first pixel of an image, read back from a canvas: impossible for an image from another origin without CORS.
export async function pixelOf(image, address) {
  if (address) image.src = address;
  await image.decode();
  const pen = document.getElementById("canvas").getContext("2d");
  pen.drawImage(image, 0, 0);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
