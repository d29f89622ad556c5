// Answers in the browser itself: nothing leaves the device. The contract is remote.js's.

import * as ort from "./ort/ort.wasm.min.mjs";
import { crop, normalise } from "./preprocessing.js";
import { conclude } from "./verdict.js";

export const privacy = {
  en: "Photos never leave this device: they are answered in the browser. It works offline, too.",
  es: "Las fotos no salen de este dispositivo: se responden en el navegador. También sin conexión.",
};

const MAX_PIXELS = 89_000_000;

ort.env.wasm.numThreads = 1; // several would need headers that static hosts do not send
ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
ort.env.logLevel = "error";

const model = fetch(new URL("./model/model.json", import.meta.url)).then((answer) => answer.json());
const session = ort.InferenceSession.create(new URL("./model/model.onnx", import.meta.url).href);
navigator.serviceWorker?.register(new URL("../worker.js", import.meta.url)).catch(() => {
  // without one the page still answers, but must be loaded anew
});

export async function identify(photo, { language }) {
  const told = await model;
  const { preprocessing, classes } = told;
  const square = crop(await decoded(photo), preprocessing);
  const { size } = preprocessing;
  const image = new ort.Tensor("float32", normalise(square, preprocessing), [1, 3, size, size]);
  const found = await (await session).run({ image });
  const alike = found.similarities ? Math.max(...found.similarities.data) : null;
  const answer = conclude(told, found.logits.data, alike, language);
  const shown = new Set([...answer.candidates, ...answer.lookalikes].map((entry) => entry.class_id));
  for (const classId of answer.prediction_set) shown.add(classId);
  return {
    ...answer,
    crop: { size, image: await address(square) },
    ...(found.cam && { maps: maps(found.cam, classes, shown) }),
    logits: Array.from(found.logits.data),
  };
}

// An upright picture on white, without any change of its colours.
async function decoded(photo) {
  let bitmap;
  try {
    const options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
    bitmap = await createImageBitmap(photo, options);
  } catch {
    throw Object.assign(new Error("not a photo that can be read"), { status: 422 });
  }
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS) throw Object.assign(new Error("too many pixels"), { status: 422 });
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  return pen.getImageData(0, 0, width, height);
}

function maps(cam, classes, shown) {
  const [, , rows, columns] = cam.dims;
  const places = rows * columns;
  const values = {};
  classes.forEach(({ class_id }, k) => {
    if (shown.has(class_id)) values[class_id] = Array.from(cam.data.subarray(k * places, (k + 1) * places));
  });
  return { rows, columns, unit: "logit", values };
}

async function address({ width, height, data }) {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
  return URL.createObjectURL(await canvas.convertToBlob({ type: "image/png" }));
}
