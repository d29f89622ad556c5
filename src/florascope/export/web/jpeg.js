// JPEGs at a half, quarter or eighth of their size, as florascope.images has them decoded: a browser
// whose decoder can do so (WebCodecs) gives the same pixels, in a third of the time.

const SHARES = [8, 4, 2];
const HEADER = 2 ** 20; // bytes in which a photo's size stands, thumbnails before it included

// How many times smaller a JPEG is decoded of which `shorter` pixels a side will do; 1 for anything else.
export async function reduction(blob, shorter) {
  const size = sizeOf(new Uint8Array(await blob.slice(0, HEADER).arrayBuffer()));
  if (!size) return { share: 1 };
  const share = SHARES.find((one) => Math.floor(Math.min(size.width, size.height) / shorter) >= one) ?? 1;
  return { ...size, share };
}

// The reduced photo, upright, or null where this browser cannot do it.
export async function reducedJpeg(blob, { width, height, share }) {
  if (!globalThis.ImageDecoder) return null;
  const [desiredWidth, desiredHeight] = [width, height].map((side) => Math.ceil(side / share));
  const data = await blob.arrayBuffer();
  const options = { data, type: "image/jpeg", desiredWidth, desiredHeight, colorSpaceConversion: "none" };
  let decoder;
  try {
    decoder = new ImageDecoder(options);
    const { image } = await decoder.decode();
    const right = image.codedWidth === desiredWidth && image.codedHeight === desiredHeight;
    const bitmap = right ? await createImageBitmap(image) : null; // wishes need not be granted
    image.close();
    return bitmap;
  } catch {
    return null; // the other decoder says what is wrong
  } finally {
    decoder?.close();
  }
}

// A photo that averages squares of pixels of another one: near what a reducing decoder gives.
export function averaged({ width, height, read, close }, share) {
  const smaller = (left, top, columns, rows) => {
    const target = new Uint8ClampedArray(columns * rows * 4);
    const across = Math.min(columns * share, width - left * share);
    for (let y = 0; y < rows; y++) {
      const down = Math.min(share, height - (top + y) * share);
      const source = read(left * share, (top + y) * share, across, down);
      for (let x = 0; x < columns; x++) mean(source, across, x * share, share, target, 4 * (y * columns + x));
    }
    return target;
  };
  return { width: Math.ceil(width / share), height: Math.ceil(height / share), read: smaller, close };
}

// The mean colour of the columns from `left` on of some rows of `across` pixels.
function mean(source, across, left, share, target, at) {
  const right = Math.min(left + share, across);
  const rows = source.length / (4 * across);
  for (let channel = 0; channel < 3; channel++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) {
      for (let column = left; column < right; column++) sum += source[4 * (row * across + column) + channel];
    }
    target[at + channel] = sum / (rows * (right - left));
  }
}

// Width and height from a JPEG's frame header (ITU-T T.81, B.2.2), as the pixels are stored.
export function sizeOf(bytes) {
  const word = (at) => (bytes[at] << 8) | bytes[at + 1];
  if (word(0) !== 0xffd8) return null;
  for (let at = 2; at + 8 < bytes.length; at += 2 + word(at + 2)) {
    if (bytes[at] !== 0xff) return null;
    const marker = bytes[at + 1];
    const frame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (frame) return { width: word(at + 7), height: word(at + 5) };
  }
  return null;
}
