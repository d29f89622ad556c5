// Answers in the browser itself: nothing leaves the device. The contract is remote.js's.

import * as given from "./given.js";
import { model, observed, session, watch } from "./network.js";
import { address } from "./photo.js";
import { occasionOf, weigher } from "./prior.js";
import { retell as retold } from "./retelling.js";
import { conclude, concludeTogether } from "./verdict.js";

export const travels = false;
export const teaching = "teach.html";
export const privacy = {
  en: "Photos never leave this device: they are answered in the browser. It works offline, too.",
  es: "Las fotos no salen de este dispositivo: se responden en el navegador. También sin conexión.",
};

export { given };
export const { collect } = given;

session().catch(() => {}); // begun early; whoever asks for an answer hears of what fails

export async function about() {
  const { subject, shorter, calibration, classes, prior } = await model();
  const named = ({ class_id, names }) => ({ class_id, name: names.en, nombre: names.es });
  const named_from = calibration?.sure ?? null;
  return { subject, shorter, named_from, prior: Boolean(prior), collects: true, classes: classes.map(named) };
}

// The answer that an address tells of, null where it can be none of this model's.
export async function retell(told, language) {
  return retold(await model(), told, language);
}

export async function identify(blob, { language, occasion, progress = () => {} }) {
  watch(progress);
  return answered(await observed(blob), language, { occasion });
}

// Nothing travels here either.
export async function together(photos, { language, occasion }) {
  const seen = [];
  for (const photo of photos) seen.push(await observed(photo)); // one at a time: phones are small
  const told = await model();
  const group = concludeTogether(told, seen, language, weigher(told, occasionOf(occasion)));
  const results = await Promise.all(seen.map((one) => answered(one, language, { also: shown(group) })));
  return { results, together: group };
}

// also: ids of further classes whose maps are wanted; occasion: when and where, for the prior.
async function answered({ square, size, found, logits, alike, nearest, ratios }, language, { also = [], occasion } = {}) {
  const told = await model();
  const answer = conclude(told, logits, alike, language, nearest, ratios, weigher(told, occasionOf(occasion)));
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
