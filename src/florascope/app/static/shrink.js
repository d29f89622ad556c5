// Photos need not travel whole: the network looks at a few hundred pixels.

const KNOWN = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"]);
const SPARE = 2; // times the pixels that the network wants, so that its own resampling decides

// The photo itself where it is small and the server knows its format, else a smaller JPEG of it.
export async function smaller(file, shorter) {
  const whole = await upright(file);
  if (!whole) return file; // the server may know it, or says what is wrong
  const { width, height } = whole;
  const fits = SPARE * shorter >= Math.min(width, height) && KNOWN.has(file.type);
  const sent = fits ? file : drawnAs(whole, { left: 0, top: 0, width, height }, shorter);
  whole.close(); // what was drawn of it is on the canvas
  return sent;
}

// Its pixels, null where it is no picture that this browser knows.
export function upright(file) {
  return createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
}

// A part of a bitmap as a JPEG of no more pixels than the network has a use for.
export function drawnAs(bitmap, { left, top, side, width = side, height = side }, shorter) {
  const share = Math.min(1, (SPARE * shorter) / Math.min(width, height));
  const [across, down] = [width, height].map((length) => Math.max(1, Math.round(length * share)));
  const canvas = new OffscreenCanvas(across, down);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white"; // under transparent pixels, as the server does
  pen.fillRect(0, 0, across, down);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, left, top, width, height, 0, 0, across, down);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}
