// A ZIP archive whose files are stored as they are (APPNOTE 6.3, 4.3): weights hardly shrink.

import { joined } from "./onnx.js";

const VERSION = 20;
const UTF8 = 0x0800; // names are
const DAY = (1 << 5) | 1; // 1 January 1980: the same content gives the same archive

// files: [[name, Uint8Array]].
export function zipped(files) {
  const entries = [];
  let at = 0;
  for (const [name, data] of files) {
    const told = described(new TextEncoder().encode(name), data);
    entries.push({ ...told, data, at });
    at += 30 + told.name.length + data.length;
  }
  const local = entries.flatMap(({ name, facts, data }) => [words("PK\u0003\u0004", facts), name, data]);
  const central = entries.flatMap(({ name, facts, at: start }) => [
    words("PK\u0001\u0002", [[2, VERSION], ...facts, [2, 0], [2, 0], [2, 0], [4, 0], [4, start]]),
    name,
  ]);
  const size = central.reduce((sum, { length }) => sum + length, 0);
  const end = [[2, 0], [2, 0], [2, entries.length], [2, entries.length], [4, size], [4, at], [2, 0]];
  return joined([...local, ...central, words("PK\u0005\u0006", end)]);
}

function described(name, data) {
  const sizes = [[4, data.length], [4, data.length], [2, name.length], [2, 0]];
  return { name, facts: [[2, VERSION], [2, UTF8], [2, 0], [2, 0], [2, DAY], [4, checksum(data)], ...sizes] };
}

// A signature and numbers of 2 or 4 bytes, little-endian.
function words(signature, numbers) {
  const view = new DataView(new ArrayBuffer(4 + numbers.reduce((sum, [width]) => sum + width, 0)));
  [...signature].forEach((letter, k) => view.setUint8(k, letter.charCodeAt(0)));
  let at = 4;
  for (const [width, value] of numbers) {
    if (width === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let k = 0; k < 8; k++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

// CRC-32 of ISO 3309, as ZIP asks for it.
export function checksum(data) {
  let value = 0xffffffff;
  for (const byte of data) value = TABLE[(value ^ byte) & 0xff] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
