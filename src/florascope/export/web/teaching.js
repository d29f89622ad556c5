// The teaching page: classes with their photos in, a model of one's own out.

import { $, element, filled, save } from "./dom.js";
import { forget, keep, recall } from "./kept.js";
import { edition, graph, observed, opened, run } from "./network.js";
import { mapsByWeights, withHead } from "./onnx.js";
import { archive, FEWEST, learned } from "./taught.js";
import { WORDS } from "./teaching-words.js";

const MOST = 200; // photos: each is answered by what was learnt from the others
const SIDE = 112; // pixels of the pictures that are shown
const CLOSE = 1e-3; // of a logit, between a map's sum and what it explains
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u; // as in florascope.data.dataset
const state = { language: "en", examples: [], network: null, taught: null };
const words = () => WORDS[state.language];
const count = () => state.examples.reduce((sum, { photos }) => sum + photos.length, 0);

function speak(language) {
  state.language = language;
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = words()[node.dataset.word];
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  $("status").textContent = $("error").textContent = "";
  show();
}

function show() {
  $("classes").replaceChildren(...state.examples.map(card));
  $("learn").disabled = state.examples.length < 2 || state.examples.some(({ photos }) => photos.length < FEWEST);
  $("forget").hidden = state.examples.length === 0;
  $("outcome").hidden = !state.taught;
  if (!state.taught) return;
  const { classes, calibration, right } = state.taught;
  $("outcome-title").textContent = filled(words().learned, { classes: classes.length, photos: calibration.photos });
  $("tested").textContent = filled(words().tested, { right, photos: calibration.photos });
}

function card(example) {
  const { name, photos } = example;
  const told = photos.length === 1 ? words().photo : filled(words().photos, { count: photos.length });
  const pictures = element("ul", ...photos.map((photo, place) => element("li", picture(example, photo, place))));
  pictures.className = "learnt";
  const ways = element("div", chooser(example, false), chooser(example, true), remover(example));
  ways.className = "choices";
  const amount = Object.assign(element("p", told), { className: "small" });
  return element("li", element("h2", name), amount, pictures, ways);
}

function picture(example, photo, place) {
  const alt = filled(words().removePhoto, { number: place + 1, name: example.name });
  const button = element("button", Object.assign(new Image(56, 56), { src: photo.picture, alt }));
  button.type = "button";
  button.title = alt;
  button.addEventListener("click", () => {
    example.photos.splice(place, 1);
    changed();
    $("name").focus();
  });
  return button;
}

function chooser(example, camera) {
  const input = Object.assign(element("input"), { type: "file", accept: "image/*", multiple: !camera });
  if (camera) input.setAttribute("capture", "environment");
  input.setAttribute("aria-label", filled(camera ? words().cameraFor : words().chooseFor, example));
  input.addEventListener("change", () => take(example, [...input.files]));
  const label = element("label", input, element("span", camera ? words().camera : words().choose));
  label.className = "button";
  return label;
}

function remover(example) {
  const button = element("button", words().removeClass);
  button.type = "button";
  button.className = "button";
  button.setAttribute("aria-label", filled(words().removeClassOf, example));
  button.addEventListener("click", () => {
    state.examples = state.examples.filter((other) => other !== example);
    changed();
    $("name").focus();
  });
  return button;
}

// What was learnt from other photos holds no longer.
async function changed() {
  state.taught = null;
  show();
  await store();
}

async function store() {
  const { examples, network, taught } = state;
  await keep({ examples, network, taught }).catch(() => ($("error").textContent = words().unkept));
}

function add(event) {
  event.preventDefault();
  const name = $("name").value.trim().normalize("NFC");
  const taken = state.examples.some((other) => other.name.toLowerCase() === name.toLowerCase());
  $("error").textContent = taken ? words().taken : UNSHOWABLE.test(name) ? words().unnamed : "";
  if (!name || $("error").textContent) return;
  state.examples.push({ name, photos: [] });
  $("name").value = "";
  changed();
}

async function take(example, files) {
  const room = files.slice(0, Math.max(0, MOST - count()));
  const extra = files.length - room.length;
  const unread = [];
  $("error").textContent = "";
  for (const [place, file] of room.entries()) {
    $("status").textContent = filled(words().looking, { number: place + 1, count: room.length });
    try {
      example.photos.push(await looked(file));
      state.network = (await edition()).teaching.network;
    } catch (error) {
      if (error.status !== 422) return fail(error);
      unread.push(file.name);
    }
  }
  const told = [unread.length && filled(words().unread, { names: unread.join(", ") }), extra && filled(words().tooMany, { most: MOST, extra })];
  $("status").textContent = "";
  $("error").textContent = told.filter(Boolean).join(" ");
  await changed();
}

// A photo as it is kept: what the network finds in it, and a small picture.
async function looked(file) {
  const { square, size, found } = await observed(file);
  if (!found.features) throw Object.assign(new Error("no features"), { status: "untaught" });
  const known = found.similarities?.data;
  return {
    features: Float32Array.from(found.features.data),
    elsewhere: known ? Math.max(...known) : 0,
    picture: thumbnail(square, size),
  };
}

function thumbnail(square, size) {
  const image = new ImageData(size, size);
  for (let k = 0; k < size * size; k++) image.data.set([...square.subarray(3 * k, 3 * k + 3), 255], 4 * k);
  const [whole, small] = [size, SIDE].map((side) => Object.assign(element("canvas"), { width: side, height: side }));
  whole.getContext("2d").putImageData(image, 0, 0);
  small.getContext("2d").drawImage(whole, 0, 0, SIDE, SIDE);
  return small.toDataURL("image/jpeg", 0.85);
}

async function learn() {
  $("learn").disabled = true;
  $("error").textContent = "";
  $("status").textContent = words().learning;
  await new Promise((resolve) => setTimeout(resolve)); // so that it is shown
  try {
    state.taught = learned(state.examples, await edition(), await places());
    await store();
    $("status").textContent = "";
    show();
    $("outcome-title").focus();
  } catch (error) {
    fail(error);
  }
}

// Places of the network's map, if a head's map over it adds up to the head's logits; else 0.
async function places() {
  const network = await graph();
  if (!mapsByWeights(network)) return 0;
  const { preprocessing } = await edition();
  const { size } = preprocessing;
  const noise = Uint8Array.from({ length: 3 * size * size }, (_, k) => (k * 2654435761) >>> 24);
  const probe = learned(state.examples, await edition(), 1).head;
  const session = await opened(withHead(network, probe, 1));
  const { cam, logits } = await run(session, noise, preprocessing);
  await session.release();
  const [, , rows, columns] = cam.dims;
  const sum = cam.data.subarray(0, rows * columns).reduce((a, b) => a + b, 0) / (rows * columns);
  return Math.abs(sum + probe.bias[0] - logits.data[0]) < CLOSE ? rows * columns : 0;
}

async function download() {
  const { head, places: own } = state.taught;
  try {
    const zip = archive(await edition(), state.taught, withHead(await graph(), head, own));
    save(new Blob([zip], { type: "application/zip" }), "taught.zip");
  } catch (error) {
    fail(error);
  }
}

function fail(error) {
  $("status").textContent = "";
  show();
  $("error").textContent = words()[error.status ?? "cut"] ?? words().cut;
}

async function begin() {
  const asked = [new URLSearchParams(location.search).get("language"), ...navigator.languages].filter(Boolean);
  const first = asked.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one in WORDS);
  const kept = await recall().catch(() => undefined);
  const { network = null, examples = [], taught = null } = kept ?? {};
  const current = (await edition().catch(() => null))?.teaching.network;
  const outdated = network && current && network !== current;
  if (outdated) await forget();
  else Object.assign(state, { network, examples, taught });
  speak(first ?? "en");
  if (outdated) $("status").textContent = words().outdated;
}

function listen() {
  $("adding").addEventListener("submit", add);
  $("learn").addEventListener("click", learn);
  $("download").addEventListener("click", download);
  $("forget").addEventListener("click", async () => {
    Object.assign(state, { examples: [], network: null, taught: null });
    await forget().catch(() => {}); // where nothing is kept, nothing is left
    show();
    $("status").textContent = words().forgotten;
    $("title").focus();
  });
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => speak(button.dataset.language));
  }
}

listen();
begin();
