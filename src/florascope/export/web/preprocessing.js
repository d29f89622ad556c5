// From a photo to the network's input: the bundle's one contract, computed as Pillow computes it.
// A canvas resizes otherwise, and from browser to browser differently.

const BITS = 2 ** 22; // of Pillow's fixed-point weights
const LONGEST = 32; // sides; see florascope.model.preprocessing
const FILTERS = {
  bilinear: [1, (x) => Math.max(1 - Math.abs(x), 0)],
  bicubic: [2, cubic],
  lanczos: [3, (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0)],
};

function cubic(x) {
  const [a, d] = [-0.5, Math.abs(x)];
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

// Pixels are {width, height, data}: RGBA bytes, as canvases have them.
export function crop(pixels, contract) {
  const { size } = contract;
  const short = Math.floor(size / contract.crop_pct);
  const squash = contract.crop_mode === "squash";
  const photo = squash ? pixels : middle(pixels);
  const [width, height] = squash ? [short, short] : scaled(photo, short);
  const resized = resize(photo, width, height, contract.interpolation);
  return cut(resized, roundEven((width - size) / 2), roundEven((height - size) / 2), size, size);
}

function middle({ width, height, data }) {
  const reach = LONGEST * Math.min(width, height);
  const [left, top] = [width, height].map((side) => Math.max(0, Math.floor((side - reach) / 2)));
  return cut({ width, height, data }, left, top, Math.min(width, reach), Math.min(height, reach));
}

function scaled({ width, height }, short) {
  if (width <= height) return [short, Math.trunc((short * height) / width)];
  return [Math.trunc((short * width) / height), short];
}

// Python rounds halves to the even neighbour.
function roundEven(x) {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

function cut(pixels, left, top, width, height) {
  if (width === pixels.width && height === pixels.height) return pixels;
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 4 * ((top + y) * pixels.width + left);
    data.set(pixels.data.subarray(from, from + 4 * width), 4 * y * width);
  }
  return { width, height, data };
}

export function resize(pixels, width, height, interpolation) {
  const across = pixels.width === width ? pixels : pass(pixels, width, interpolation, true);
  return across.height === height ? across : pass(across, height, interpolation, false);
}

// One axis of a separable resize, with antialiasing; the result is rounded to bytes.
function pass(pixels, length, interpolation, across) {
  const [width, height] = across ? [length, pixels.height] : [pixels.width, length];
  const data = new Uint8ClampedArray(4 * width * height);
  const [step, line] = across ? [4, 4 * pixels.width] : [4 * pixels.width, 4];
  const [outStep, outLine] = across ? [4, 4 * width] : [4 * width, 4];
  const lines = across ? height : width;
  weights(across ? pixels.width : pixels.height, length, interpolation).forEach(({ first, taps }, place) => {
    for (let other = 0; other < lines; other++) {
      for (let c = 0; c < 3; c++) {
        let sum = BITS / 2;
        let at = first * step + other * line + c;
        for (const tap of taps) {
          sum += tap * pixels.data[at];
          at += step;
        }
        data[place * outStep + other * outLine + c] = Math.floor(sum / BITS);
      }
      data[place * outStep + other * outLine + 3] = 255;
    }
  });
  return { width, height, data };
}

function weights(from, to, interpolation) {
  const [reach, filter] = FILTERS[interpolation];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const last = Math.min(Math.trunc(centre + support + 0.5), from);
    const raw = Array.from({ length: last - first }, (_, k) => filter((k + first - centre + 0.5) / stretch));
    const sum = raw.reduce((a, b) => a + b, 0);
    const taps = raw.map((w) => Math.trunc((w / sum) * BITS + (w / sum < 0 ? -0.5 : 0.5)));
    return { first, taps };
  });
}

// (1, 3, size, size) float32, standardised.
export function normalise({ data }, contract) {
  const { size, mean, std } = contract;
  const order = contract.channel_order === "bgr" ? [2, 1, 0] : [0, 1, 2];
  const values = new Float32Array(3 * size * size);
  order.forEach((source, channel) => {
    const scale = Math.fround(1 / (255 * std[source]));
    const shift = Math.fround(mean[source] / std[source]);
    for (let place = 0; place < size * size; place++) {
      values[channel * size * size + place] = Math.fround(data[4 * place + source] * scale) - shift;
    }
  });
  return values;
}
