// Answers in the browser itself: nothing leaves the device. The contract is remote.js's.

import * as ort from "./ort/ort.wasm.min.mjs";
import { address, decoded } from "./photo.js";
import { crop, normalise } from "./preprocessing.js";
import { conclude } from "./verdict.js";

export const travels = false;
export const privacy = {
  en: "Photos never leave this device: they are answered in the browser. It works offline, too.",
  es: "Las fotos no salen de este dispositivo: se responden en el navegador. También sin conexión.",
};

ort.env.wasm.numThreads = 1; // several would need headers that static hosts do not send
ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
ort.env.logLevel = "error";

const model = fetch(new URL("./model/model.json", import.meta.url)).then((answer) => answer.json());
const session = ort.InferenceSession.create(new URL("./model/model.onnx", import.meta.url).href);
navigator.serviceWorker?.register(new URL("../worker.js", import.meta.url)).catch(() => {
  // without one the page still answers, but must be loaded anew
});

export async function identify(blob, { language }) {
  const told = await model;
  const { rules, preprocessing, classes } = told;
  const { size } = preprocessing;
  const photo = await decoded(blob, rules.max_pixels);
  const square = crop(photo, preprocessing, rules.longest);
  photo.close();
  const image = new ort.Tensor("float32", normalise(square, preprocessing), [1, 3, size, size]);
  const found = await (await session).run({ image });
  const alike = found.similarities ? Math.max(...found.similarities.data) : null;
  const answer = conclude(told, found.logits.data, alike, language);
  return {
    ...answer,
    crop: { size, image: await address(square, size) },
    ...(found.cam && { maps: maps(found, classes, shown(answer)) }),
    logits: Array.from(found.logits.data),
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
