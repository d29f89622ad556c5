// The network that answers: the edition's own, or with a head that was taught on this device.

import * as ort from "./ort/ort.wasm.min.js";
import { downloaded } from "./download.js";
import { recall } from "./kept.js";
import { withHead } from "./onnx.js";
import { decoded } from "./photo.js";
import { crop, normalise } from "./preprocessing.js";
import { toldOf } from "./taught.js";

const here = (name) => new URL(name, import.meta.url).href;
const WASM = "./ort/ort-wasm-simd-threaded.wasm";
const GRAPH = "./model/model.onnx";
ort.env.wasm.numThreads = 1; // several would need headers that static hosts do not send
ort.env.wasm.wasmPaths = { mjs: here("./ort/ort-wasm-simd-threaded.js") };
ort.env.logLevel = "error";

// What is loaded once; a download that failed is tried again by whoever asks next.
function once(load) {
  let kept = null;
  return () => (kept ??= load().catch((error) => ((kept = null), Promise.reject(error))));
}

// What the edition itself is told of its model.
export const edition = once(async () => (await got("./model/model.json")).json());

// What teaching and what was taught need besides: see florascope.export.web.teaching.
export const lesson = once(async () => (await got("./model/teaching.json")).json());

// What was taught, where the page's address asks for it and it is of this very network.
const taught = once(async () => {
  if (new URLSearchParams(location.search).get("model") !== "taught") return null;
  const found = (await recall())?.taught;
  return found?.network === (await edition()).network ? found : null;
});

export const model = once(async () => {
  const own = await taught();
  return own ? toldOf(await edition(), await lesson(), own) : edition();
});

let share = 0; // of the network that has come
let watching = () => {}; // told of it

export function watch(progress) {
  watching = progress;
  progress(share);
}

export const session = once(async () => {
  const { network_bytes: total } = await edition();
  const own = await taught();
  const [wasm, network] = await downloaded([WASM, GRAPH].map(here), total, (come) => watching((share = come)));
  ort.env.wasm.wasmBinary = wasm;
  const made = await opened(own ? withHead(network, own.head, own.places) : network);
  keepOffline();
  return made;
});

// The edition's own graph, of which another is made.
export const graph = async () => new Uint8Array(await (await got(GRAPH)).arrayBuffer());
export const opened = (network) => ort.InferenceSession.create(network);

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

// The square of a photo that the network sees, what it finds there, and what a verdict asks of it.
export async function observed(blob) {
  const { rules, preprocessing, shorter } = await edition();
  const photo = await decoded(blob, rules.max_pixels, shorter);
  const square = crop(photo, preprocessing, rules.longest);
  photo.close();
  const found = await run(await session(), square, preprocessing);
  const means = found.similarities?.data;
  const alike = means ? Math.max(...means) : null;
  const nearest = means ? means.indexOf(alike) : null;
  return { square, size: preprocessing.size, found, logits: found.logits.data, alike, nearest, ratios: found.ratios?.data };
}

export function run(network, square, preprocessing) {
  const { size } = preprocessing;
  return network.run({ image: new ort.Tensor("float32", normalise(square, preprocessing), [1, 3, size, size]) });
}
