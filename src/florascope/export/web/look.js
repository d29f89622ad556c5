// By what a photo is recognised when it is given twice; follows florascope.data.identity.

import { CHANNELS, fixed, shrinkColumns, shrinkRows, taps } from "./resampling.js";

const SIDE = 16;
const NEAR = 20; // of 256 bits: re-encoded and resized photos differ in fewer
const FLAT = 0.1; // share of set bits, or of clear ones, below which a photo has too little structure

// Whether each of 16 x 16 grey places of a square is brighter than its right neighbour: (256,) of 0 and 1.
export function lookOf(square, size) {
  const grey = new Uint8Array(square.length);
  for (let k = 0; k < square.length; k += CHANNELS) {
    grey.fill((19595 * square[k] + 38470 * square[k + 1] + 7471 * square[k + 2] + 32768) >> 16, k, k + CHANNELS);
  }
  const narrow = new Uint8Array(size * (SIDE + 1) * CHANNELS);
  const across = fixed(taps(size, SIDE + 1, "box"));
  shrinkRows(grey, { stride: size * CHANNELS, step: CHANNELS, left: 0 }, across, narrow, 0);
  const small = shrinkColumns(narrow, (SIDE + 1) * CHANNELS, 0, fixed(taps(size, SIDE, "box")));
  return Uint8Array.from({ length: SIDE * SIDE }, (_, k) => {
    const at = (Math.floor(k / SIDE) * (SIDE + 1) + (k % SIDE)) * CHANNELS;
    return Number(small[at] > small[at + CHANNELS]);
  });
}

// photos: {look, features}. Those without structure are the same only where the network sees no difference.
export function isSamePhoto(one, other) {
  if (one.features.every((value, k) => value === other.features[k])) return true;
  const differing = one.look.reduce((sum, bit, k) => sum + (bit === other.look[k] ? 0 : 1), 0);
  return isStructured(one.look) && isStructured(other.look) && differing <= NEAR;
}

function isStructured(look) {
  const share = look.reduce((a, b) => a + b, 0) / look.length;
  return share > FLAT && share < 1 - FLAT;
}
