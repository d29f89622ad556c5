/**
 * From a photo to the network's input: the contract of florascope.model.preprocessing.
 *
 * @typedef {object} Photo rows of pixels that are read when they are needed.
 * @property {number} width
 * @property {number} height
 * @property {(left: number, top: number, width: number, height: number) => Uint8ClampedArray} read
 *   four bytes a pixel, RGB first.
 */

import { CHANNELS, fixed, reach, shrinkColumns, shrinkRows, taps } from "./resampling.js";

const STEP = 4; // bytes a pixel of what a photo gives
const STRIP = 2 ** 22; // pixels that are read at once

/**
 * Resize and crop a photo of any size.
 *
 * Only what the crop shows is computed: the same pixels as if the whole photo were resized.
 *
 * @param {Photo} photo
 * @param {object} settings the bundle's preprocessing.
 * @param {number} longest sides that a photo may be longer than wide before its ends are cut off.
 * @returns {Uint8Array} size * size * 3.
 */
export function crop(photo, settings, longest) {
  const { size, interpolation } = settings;
  const short = Math.floor(size / settings.crop_pct);
  const squash = settings.crop_mode === "squash";
  const window = squash ? { left: 0, top: 0, ...dimensions(photo) } : middle(photo, longest);
  const [width, height] = squash ? [short, short] : scaled(window, short);
  const [left, top] = [width, height].map((side) => halfEven((side - size) / 2));
  const across = taps(window.width, width, interpolation, left, size);
  const down = taps(window.height, height, interpolation, top, size);
  const [first, last] = reach(down);
  const narrow = shrinkStrips(photo, window, across, first, last);
  return shrinkColumns(narrow, size * CHANNELS, first, fixed(down));
}

/**
 * Scale and standardise a crop.
 *
 * @param {Uint8Array} pixels size * size * 3.
 * @returns {Float32Array} 3 * size * size, channels first.
 */
export function normalise(pixels, { mean, std, channel_order: order }) {
  const plane = pixels.length / CHANNELS;
  const batch = new Float32Array(pixels.length);
  for (let channel = 0; channel < CHANNELS; channel++) {
    const scale = Math.fround(1 / (255 * std[channel]));
    const shift = Math.fround(mean[channel] / std[channel]);
    const place = (order === "bgr" ? CHANNELS - 1 - channel : channel) * plane;
    for (let k = 0; k < plane; k++) {
      batch[place + k] = Math.fround(pixels[k * CHANNELS + channel] * scale) - shift;
    }
  }
  return batch;
}

/** Read the rows that are needed a few at a time: a photo in memory whole may take 350 MB. */
function shrinkStrips(photo, window, across, first, last) {
  const [left, right] = reach(across);
  const width = right - left;
  const axis = fixed(across);
  const narrow = new Uint8Array((last - first) * axis.length * CHANNELS);
  const strip = Math.max(1, Math.floor(STRIP / width));
  for (let row = first; row < last; row += strip) {
    const rows = Math.min(strip, last - row);
    const pixels = photo.read(window.left + left, window.top + row, width, rows);
    shrinkRows(pixels, { stride: width * STEP, step: STEP, left }, axis, narrow, row - first);
  }
  return narrow;
}

function dimensions({ width, height }) {
  return { width, height };
}

/** Cut off what lies far outside the crop. */
function middle({ width, height }, longest) {
  const most = longest * Math.min(width, height);
  const [left, top] = [width, height].map((side) => Math.max(0, Math.floor((side - most) / 2)));
  return { left, top, width: Math.min(width, most), height: Math.min(height, most) };
}

/** Width and height after the shorter side becomes short. */
function scaled({ width, height }, short) {
  if (width <= height) return [short, Math.trunc((short * height) / width)];
  return [Math.trunc((short * width) / height), short];
}

/** Round as Python does: a half goes to the even neighbour. */
function halfEven(value) {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
