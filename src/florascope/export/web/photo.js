// A photo's pixels as they are in the file: upright, on white, without any change of colours.

import { averaged, reducedJpeg, reduction } from "./jpeg.js";

const SIDE = 8; // pixels of the pattern below

// shorter: pixels of the shorter side that will do; JPEGs of twice as many come smaller.
export async function decoded(blob, maxPixels, shorter) {
  if (altersPixels()) throw refusal("this browser alters the pixels that a page reads", "altered");
  const size = await reduction(blob, shorter);
  if (size.width * size.height > maxPixels) throw refusal("too many pixels", 422);
  const small = size.share > 1 ? await reducedJpeg(blob, size) : null;
  if (small) return readable(small);
  const photo = readable(await whole(blob));
  if (photo.width * photo.height > maxPixels) throw refusal("too many pixels", 422);
  return size.share > 1 ? averaged(photo, size.share) : photo;
}

function readable(bitmap) {
  const { width, height } = bitmap;
  return { width, height, read: (...window) => read(bitmap, ...window), close: () => bitmap.close() };
}

function whole(blob) {
  const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
  return createImageBitmap(blob, options).catch(() => {
    throw refusal("not a photo that can be read", 422);
  });
}

// Larger canvases than a strip would fail on phones.
function read(bitmap, left, top, width, height) {
  const pen = canvas(width, height);
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
  return pen.getImageData(0, 0, width, height).data;
}

// RGB bytes as a picture's address.
export async function address(rgb, size) {
  const image = new ImageData(size, size);
  for (let k = 0; k < size * size; k++) {
    image.data.set(rgb.subarray(3 * k, 3 * k + 3), 4 * k);
    image.data[4 * k + 3] = 255;
  }
  const pen = canvas(size, size);
  pen.putImageData(image, 0, 0);
  return URL.createObjectURL(await pen.canvas.convertToBlob({ type: "image/png" }));
}

// Some browsers add noise to canvases against fingerprinting: the network would be given another
// photo than the person sees, and nobody would know.
function altersPixels() {
  const pen = canvas(SIDE, SIDE);
  const pattern = new ImageData(SIDE, SIDE);
  pattern.data.forEach((_, k) => (pattern.data[k] = k % 4 === 3 ? 255 : (37 * k) % 256));
  pen.putImageData(pattern, 0, 0);
  const found = pen.getImageData(0, 0, SIDE, SIDE).data;
  return found.some((value, k) => value !== pattern.data[k]);
}

function canvas(width, height) {
  return new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
}

function refusal(message, status) {
  return Object.assign(new Error(message), { status });
}
