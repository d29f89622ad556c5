/**
 * Pillow's resampling with antialiasing, number for number.
 *
 * A canvas scales pictures in its own way, which differs from browser to browser. The network was
 * trained on Pillow's pixels, so these are computed here: separable filters whose support grows
 * with the scale, 8-bit sums in fixed point, rounded after each of the two passes.
 */

const PRECISION = 22; // bits behind the point: 32 less 8 of the pixel and 2 of headroom
const ROUNDING = 1 << (PRECISION - 1);
export const CHANNELS = 3;

const FILTERS = {
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: triangle },
  bicubic: { support: 2, at: cubic },
  lanczos: { support: 3, at: lanczos },
};

/**
 * Say which inputs make each output along one axis, and how much of each.
 *
 * @param {number} input length of the axis before.
 * @param {number} output length of the axis after.
 * @param {string} interpolation "box", "bilinear", "bicubic" or "lanczos".
 * @param {number} from first output that is wanted.
 * @param {number} count outputs that are wanted.
 * @returns {{start: number, weights: Float64Array}[]} one for each output: weights of the inputs
 *   from start on, which sum to 1.
 */
export function taps(input, output, interpolation, from = 0, count = output) {
  const filter = FILTERS[interpolation];
  const scale = input / output;
  const widened = Math.max(scale, 1);
  const support = filter.support * widened;
  return Array.from({ length: count }, (_, index) => {
    const center = (from + index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(input, Math.trunc(center + support + 0.5));
    const weights = new Float64Array(end - start);
    for (let k = 0; k < weights.length; k++) {
      weights[k] = filter.at((k + start - center + 0.5) * (1 / widened));
    }
    return { start, weights: normalised(weights) };
  });
}

/** The first input that any of these outputs needs, and the one after the last: [from, to]. */
export function reach(axis) {
  const ends = axis.map((tap) => tap.start + tap.weights.length);
  return [Math.min(...axis.map((tap) => tap.start)), Math.max(...ends)];
}

/** Weights in fixed point, for sums over 8-bit pixels. */
export function fixed(axis) {
  const scaled = (w) => Math.trunc(w * 2 ** PRECISION + (w < 0 ? -0.5 : 0.5));
  return axis.map(({ start, weights }) => ({ start, weights: Int32Array.from(weights, scaled) }));
}

/**
 * Resample rows of pixels to columns of RGB.
 *
 * @param {Uint8Array|Uint8ClampedArray} source rows of `stride` bytes, `step` bytes a pixel, RGB
 *   first; its first column is the photo's column `left`.
 * @param {Uint8Array} target rows of axis.length RGB pixels, written from row `row` on.
 */
export function shrinkRows(source, { stride, step, left }, axis, target, row) {
  const rows = source.length / stride;
  let place = row * axis.length * CHANNELS;
  for (let y = 0; y < rows; y++) {
    for (const { start, weights } of axis) {
      let at = y * stride + (start - left) * step;
      let red = ROUNDING;
      let green = ROUNDING;
      let blue = ROUNDING;
      for (let k = 0; k < weights.length; k++, at += step) {
        const weight = weights[k];
        red += source[at] * weight;
        green += source[at + 1] * weight;
        blue += source[at + 2] * weight;
      }
      target[place++] = clipped(red);
      target[place++] = clipped(green);
      target[place++] = clipped(blue);
    }
  }
}

/**
 * Resample columns of bytes.
 *
 * @param {Uint8Array} source rows of `width` bytes; its first row is the photo's row `top`.
 * @returns {Uint8Array} axis.length rows of `width` bytes.
 */
export function shrinkColumns(source, width, top, axis) {
  const target = new Uint8Array(axis.length * width);
  axis.forEach(({ start, weights }, y) => {
    for (let x = 0; x < width; x++) {
      let sum = ROUNDING;
      for (let k = 0, at = (start - top) * width + x; k < weights.length; k++, at += width) {
        sum += source[at] * weights[k];
      }
      target[y * width + x] = clipped(sum);
    }
  });
  return target;
}

function clipped(sum) {
  const value = sum >> PRECISION;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}

function normalised(weights) {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return total === 0 ? weights : weights.map((weight) => weight / total);
}

function triangle(x) {
  return Math.max(0, 1 - Math.abs(x));
}

/** Keys's cubic with a = -0.5. */
function cubic(x) {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

function lanczos(x) {
  return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}
