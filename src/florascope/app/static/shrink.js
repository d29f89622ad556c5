// Photos need not travel whole: the network looks at a few hundred pixels.

const KNOWN = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"]);
const SPARE = 2; // times the pixels that the network wants, so that its own resampling decides

// The photo itself where it is small and the server knows its format, else a smaller JPEG of it.
export async function smaller(file, shorter) {
  let whole;
  try {
    whole = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file; // not a picture that this browser knows; the server may, or says what is wrong
  }
  const share = Math.min(1, (SPARE * shorter) / Math.min(whole.width, whole.height));
  if (share === 1 && KNOWN.has(file.type)) return file;
  const [width, height] = [whole.width, whole.height].map((side) => Math.max(1, Math.round(side * share)));
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white"; // under transparent pixels, as the server does
  pen.fillRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(whole, 0, 0, width, height);
  whole.close();
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}
