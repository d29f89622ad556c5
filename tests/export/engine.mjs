// Runs the browser's engine in Node on cases that a test wrote: node engine.mjs FOLDER CASES ANSWERS

import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, cases, answers] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}`));
const { crop, normalise } = await load("preprocessing.js");
const { balancedThresholds, calibrated, calibrationError, fitTemperature, lowerQuantile } = await load("calibrating.js");
const { fitHead } = await load("head.js");
const { leaveOneOut } = await load("held-out.js");
const { fitRatio } = await load("likelihood-ratio.js");
const { isSamePhoto, lookOf } = await load("look.js");
const { eigen } = await load("matrix.js");
const { classesOf, factsTable, fearedIn, resembled, sameName } = await load("naming.js");
const { withHead } = await load("onnx.js");
const { zipped } = await load("zip.js");
const { conclude, concludeTogether, softmax } = await load("verdict.js");
const { occasionOf, weigher } = await load("prior.js");
const { retell } = await load("retelling.js");
const { averaged, reduction } = await load("jpeg.js");

// A photo from a file of raw RGBA bytes; counts the pixels that are read at once.
function photo({ file, width, height }) {
  const bytes = readFileSync(file);
  const read = (left, top, columns, rows) => {
    const part = new Uint8ClampedArray(columns * rows * 4);
    for (let y = 0; y < rows; y++) {
      const from = ((top + y) * width + left) * 4;
      part.set(bytes.subarray(from, from + columns * 4), y * columns * 4);
    }
    return part;
  };
  return { width, height, read };
}

const mapped = (values, how) => Object.fromEntries(Object.entries(values).map(([name, one]) => [name, how(one)]));
const listed = (head) => mapped(head, (values) => Array.from(values));
const typed = ({ ratio, ...head }) => ({ ...floats(head), ratio: ratio && floats(ratio) });
const floats = (head) => mapped(head, (values) => Float32Array.from(values));

const run = {
  crop: ({ settings, longest, ...raw }) => Array.from(crop(photo(raw), settings, longest)),
  normalise: ({ pixels, settings }) => Array.from(normalise(Uint8Array.from(pixels), settings)),
  temperature: ({ logits, labels, prior }) => fitTemperature(logits, labels, prior),
  error: ({ probabilities, labels }) => calibrationError(probabilities, labels),
  thresholds: ({ probabilities, labels, level }) => balancedThresholds(probabilities, labels, level),
  quantile: ({ values, share }) => lowerQuantile(values, share),
  calibrated: ({ answers, figures }) => calibrated(answers, figures),
  head: ({ features, labels, classes }) => listed(fitHead(features, labels, classes)),
  left: ({ classes, ...photos }) => leaveOneOut(photos, classes),
  ratio: ({ features, labels, classes }) => fitRatio(features, labels, classes) && listed(fitRatio(features, labels, classes)),
  eigen: ({ matrix }) => ({ ...mapped(eigen(matrix), Array.from), vectors: eigen(matrix).vectors.map((row) => Array.from(row)) }),
  look: ({ pixels, size }) => Array.from(lookOf(Uint8Array.from(pixels), size)),
  same: ({ one, other }) => isSamePhoto(one, other),
  classes: ({ taught, lesson }) => classesOf(taught, lesson),
  facts: ({ taught, lesson }) => factsTable(taught, lesson),
  feared: ({ answer, lesson }) => fearedIn(answer, lesson),
  resembled: ({ photos }) => resembled(photos),
  name: ({ name, names, lesson }) => sameName(name, names, lesson) ?? null,
  network: ({ from, to, head, places }) => writeFileSync(to, withHead(readFileSync(from), typed(head), places)) ?? to,
  zip: ({ to, files }) => writeFileSync(to, zipped(files.map(([name, text]) => [name, Buffer.from(text)]))) ?? to,
  softmax: ({ logits, temperature }) => softmax(logits, temperature),
  together: ({ model, photos, language, occasion }) =>
    concludeTogether(model, photos, language, weigher(model, occasionOf(occasion))),
  conclude: ({ model, logits, alike, language, nearest, ratios, occasion }) =>
    conclude(model, logits, alike, language, nearest, ratios, weigher(model, occasionOf(occasion))),
  occasion: ({ asked }) => occasionOf(asked),
  retell: ({ model, told, language }) => retell(model, new URLSearchParams(told), language),
  reduction: ({ bytes, shorter }) => reduction(new Blob([Uint8Array.from(bytes)]), shorter),
  averaged: ({ share, window, ...raw }) => Array.from(averaged(photo(raw), share).read(...window)),
};

const { shared, calls } = JSON.parse(readFileSync(cases, "utf8"));
const found = await Promise.all(calls.map(({ what, ...rest }) => run[what]({ ...shared, ...rest })));
writeFileSync(answers, JSON.stringify(found));
