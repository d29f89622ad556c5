// Teaches lessons with the browser edition's own code: node lesson.mjs FOLDER LESSONS
// LESSONS is a folder of features-K.f32 files beside lessons.json; what was learnt goes to taught.json.

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, lessons] = process.argv.slice(2);
const { learned } = await import(pathToFileURL(`${folder}/taught.js`));
const { figures, width, asked } = JSON.parse(readFileSync(`${lessons}/lessons.json`, "utf8"));
const listed = (parts) =>
  Object.fromEntries(Object.entries(parts).map(([name, one]) => [name, ArrayBuffer.isView(one) ? Array.from(one) : one && listed(one)]));

const found = [];
for (const [number, { labels, elsewhere }] of asked.entries()) {
  const { buffer } = new Uint8Array(readFileSync(`${lessons}/features-${number}.f32`));
  const rows = labels.map((_, k) => new Float32Array(buffer, 4 * width * k, width));
  const classes = Array.from({ length: Math.max(...labels) + 1 }, (_, name) => ({ name, photos: [] }));
  labels.forEach((label, k) => classes[label].photos.push({ features: rows[k], elsewhere: elsewhere[k], feared: [] }));
  const begun = performance.now();
  const { head, calibration, right } = await learned(classes, { figures });
  found.push({ head: listed(head), calibration, right, seconds: (performance.now() - begun) / 1000 });
}
writeFileSync(`${lessons}/taught.json`, JSON.stringify(found));
