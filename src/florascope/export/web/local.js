// Answers in the browser itself: nothing leaves the device. The contract is remote.js's.

import * as ort from "./ort/ort.wasm.min.js";
import { downloaded } from "./download.js";
import { address, decoded } from "./photo.js";
import { crop, normalise } from "./preprocessing.js";
import { conclude, concludeTogether } from "./verdict.js";

export const travels = false;
export const privacy = {
  en: "Photos never leave this device: they are answered in the browser. It works offline, too.",
  es: "Las fotos no salen de este dispositivo: se responden en el navegador. También sin conexión.",
};

const here = (name) => new URL(name, import.meta.url).href;
ort.env.wasm.numThreads = 1; // several would need headers that static hosts do not send
ort.env.wasm.wasmPaths = { mjs: here("./ort/ort-wasm-simd-threaded.js") };
ort.env.logLevel = "error";

// What is loaded once; a download that failed is tried again by whoever asks next.
function once(load) {
  let kept = null;
  return () => (kept ??= load().catch((error) => ((kept = null), Promise.reject(error))));
}

const model = once(async () => JSON.parse(await (await got("./model/model.json")).text()));
let share = 0; // of the network that has come
let watching = () => {}; // told of it

const session = once(async () => {
  const { network_bytes: total } = await model();
  const names = ["./ort/ort-wasm-simd-threaded.wasm", "./model/model.onnx"];
  const [wasm, network] = await downloaded(names.map(here), total, (come) => watching((share = come)));
  ort.env.wasm.wasmBinary = wasm;
  const made = await ort.InferenceSession.create(network);
  keepOffline();
  return made;
});

async function got(name) {
  const answer = await fetch(here(name)).catch(() => null);
  if (!answer?.ok) throw Object.assign(new Error(`no ${name}`), { cut: true });
  return answer;
}

// After the network has come, so that nothing is loaded twice at once.
function keepOffline() {
  navigator.serviceWorker?.register(here("../worker.js")).catch(() => {
    // without one the page still answers, but must be loaded anew
  });
}

session().catch(() => {}); // begun early; whoever asks for an answer hears of what fails

export async function about() {
  const { subject, shorter, calibration, classes } = await model();
  const named = ({ class_id, names }) => ({ class_id, name: names.en, nombre: names.es });
  return { subject, shorter, named_from: calibration?.sure ?? null, classes: classes.map(named) };
}

export async function identify(blob, { language, progress = () => {} }) {
  watching = progress;
  progress(share);
  const seen = await observed(blob);
  return answered(seen, language);
}

// Nothing travels here either.
export async function together(photos, { language }) {
  const seen = [];
  for (const photo of photos) seen.push(await observed(photo)); // one at a time: phones are small
  const group = concludeTogether(await model(), seen, language);
  const results = await Promise.all(seen.map((one) => answered(one, language, shown(group))));
  return { results, together: group };
}

// A photo through the network.
async function observed(blob) {
  const { rules, preprocessing } = await model();
  const { size } = preprocessing;
  const photo = await decoded(blob, rules.max_pixels);
  const square = crop(photo, preprocessing, rules.longest);
  photo.close();
  const image = new ort.Tensor("float32", normalise(square, preprocessing), [1, 3, size, size]);
  const found = await (await session()).run({ image });
  const means = found.similarities?.data;
  const alike = means ? Math.max(...means) : null;
  return { square, size, found, logits: found.logits.data, alike, nearest: means ? means.indexOf(alike) : null, ratios: found.ratios?.data };
}

// also: ids of further classes whose maps are wanted.
async function answered({ square, size, found, logits, alike, nearest, ratios }, language, also = []) {
  const told = await model();
  const answer = conclude(told, logits, alike, language, nearest, ratios);
  return {
    ...answer,
    crop: { size, image: await address(square, size) },
    ...(found.cam && { maps: maps(found, told.classes, new Set([...shown(answer), ...also])) }),
    logits: Array.from(logits),
  };
}

function shown({ candidates, lookalikes, prediction_set: held }) {
  return new Set([...[...candidates, ...lookalikes].map((entry) => entry.class_id), ...held]);
}

function maps({ cam, logits }, classes, ids) {
  const [, , rows, columns] = cam.dims;
  const places = rows * columns;
  const of = (k) => Array.from(cam.data.subarray(k * places, (k + 1) * places));
  const chosen = [...classes.keys()].filter((k) => ids.has(classes[k].class_id));
  const named = (value) => Object.fromEntries(chosen.map((k) => [classes[k].class_id, value(k)]));
  const bias = (k) => logits.data[k] - of(k).reduce((sum, value) => sum + value, 0);
  return { rows, columns, unit: "logit", values: named(of), bias: named(bias) };
}
