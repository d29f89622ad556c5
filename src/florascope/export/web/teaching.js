// The teaching page: classes with their photos in, a model of one's own out.

import { $, element, filled, save } from "./dom.js";
import { forget, keep, recall } from "./kept.js";
import { isSamePhoto, lookOf } from "./look.js";
import { classesOf, fearedIn, sameName, tidied } from "./naming.js";
import { edition, graph, lesson, observed, opened, run } from "./network.js";
import { mapsByWeights, withHead } from "./onnx.js";
import { archive, learned } from "./taught.js";
import { TEXTS } from "./teaching-texts.js";
import { conclude } from "./verdict.js";

const MOST = 200; // photos: each is answered by what was learnt from the others
const SIDE = 112; // pixels of the pictures that are shown
const CLOSE = 1e-3; // of a logit, between a map's sum and what it explains
const PARTS = ["adding", "classes", "learn", "outcome", "forget"];
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u; // as in florascope.data.dataset
const state = { language: "en", lesson: null, examples: [], network: null, taught: null };
const words = () => TEXTS[state.language];
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
  const wanting = state.examples.length < 2 || state.examples.some(({ photos }) => photos.length === 0);
  $("learn").disabled = wanting;
  $("wanted").hidden = !wanting;
  $("forget").hidden = state.examples.length === 0;
  $("outcome").hidden = !(state.taught && state.lesson);
  if (!$("outcome").hidden) showOutcome(state.taught, state.lesson);
}

function showOutcome({ classes, photos, calibration, right }, facts) {
  $("outcome-title").textContent = filled(words().learned, { classes: classes.length, photos });
  const tested = calibration && filled(words().tested, { right, tested: calibration.photos });
  const alone = listed(state.examples.filter((one) => one.photos.length === 1).map(({ name }) => name));
  const doubts = [calibration?.photos < facts.figures.few && words().rough, alone && filled(words().alone, { names: alone })];
  $("tested").textContent = calibration ? [tested, ...doubts].filter(Boolean).join(" ") : words().untested;
  const harms = classesOf(classes, facts).filter((one) => one.cautions).map((one) => element("li", one.cautions[state.language].text));
  $("harms").replaceChildren(...harms);
}

const listed = (names) => names.join(", ");

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

async function add(event) {
  event.preventDefault();
  const name = tidied($("name").value);
  if (!name) return;
  await begun;
  state.lesson ??= await lesson().catch(fail);
  if (!state.lesson) return;
  const there = sameName(name, state.examples.map((one) => one.name), state.lesson);
  $("error").textContent = UNSHOWABLE.test(name) ? words().unnamed : there ? filled(words().taken, { name: there }) : "";
  if ($("error").textContent) return;
  state.examples.push({ name, photos: [] });
  if (tidied($("name").value) === name) $("name").value = ""; // else another is being written already
  changed();
}

async function take(example, files) {
  const room = files.slice(0, Math.max(0, MOST - count()));
  const refused = { extra: files.length - room.length, unread: [], copies: [] };
  $("error").textContent = "";
  await busy(async () => {
    state.lesson ??= await lesson();
    try {
      for (const [place, file] of room.entries()) {
        $("status").textContent = filled(words().looking, { number: place + 1, count: room.length });
        await taken(example, file, refused);
      }
    } finally {
      await changed();
    }
  });
  $("error").textContent ||= told(refused);
}

// Adds a photo, unless it cannot be read or is there already: a copy left in would be no test.
async function taken(example, file, { unread, copies }) {
  const photo = await looked(file).catch((error) => {
    if (error.status !== 422) throw error;
    unread.push(file.name);
  });
  if (!photo) return;
  const there = state.examples.find(({ photos }) => photos.some((other) => isSamePhoto(photo, other)));
  if (there) copies.push(`${file.name} (${there.name})`);
  else example.photos.push(photo);
  state.network = (await edition()).network;
}

function told({ extra, unread, copies }) {
  return [
    unread.length && filled(words().unread, { names: listed(unread) }),
    copies.length && filled(words().copies, { names: listed(copies) }),
    extra && filled(words().tooMany, { most: MOST, extra }),
  ].filter(Boolean).join(" ");
}

// Nothing else can be asked for while something is under way, which goes on being told.
async function busy(work) {
  const rest = (inert) => PARTS.forEach((part) => ($(part).inert = inert));
  rest(true);
  try {
    await work();
    $("status").textContent = "";
  } catch (error) {
    fail(error);
  } finally {
    rest(false);
  }
}

// A photo as it is kept: what the network finds in it, of what it would warn, and a small picture.
async function looked(file) {
  const { square, size, found, logits, alike, nearest, ratios } = await observed(file);
  if (!found.features) throw Object.assign(new Error("no features"), { status: "untaught" });
  const answer = conclude(await edition(), logits, alike, "en", nearest, ratios);
  return {
    features: Float32Array.from(found.features.data),
    elsewhere: alike ?? 0,
    look: lookOf(square, size),
    feared: fearedIn(answer, state.lesson),
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
  $("error").textContent = "";
  $("status").textContent = words().learning;
  await busy(async () => {
    state.lesson ??= await lesson();
    const taught = await learned(state.examples, state.lesson, advance);
    state.taught = { ...taught, network: state.network, places: await places(taught.head) };
    await store();
    show();
  });
  if (state.taught) $("outcome-title").focus();
}

// So that it is shown how far it is.
async function advance(number, all) {
  $("status").textContent = filled(words().testing, { number, count: all });
  await new Promise((resolve) => setTimeout(resolve));
}

// Places of the network's map, if a head's map over it adds up to the head's logits; else 0.
async function places(head) {
  const network = await graph();
  if (!mapsByWeights(network)) return 0;
  const { preprocessing } = await edition();
  const { size } = preprocessing;
  const noise = Uint8Array.from({ length: 3 * size * size }, (_, k) => (k * 2654435761) >>> 24);
  const session = await opened(withHead(network, head, 1));
  const { cam, logits } = await run(session, noise, preprocessing);
  await session.release();
  const [, , rows, columns] = cam.dims;
  const sum = cam.data.subarray(0, rows * columns).reduce((a, b) => a + b, 0) / (rows * columns);
  return Math.abs(sum + head.bias[0] - logits.data[0]) < CLOSE ? rows * columns : 0;
}

async function download() {
  const { head, places: own } = state.taught;
  try {
    const zip = archive(state.lesson, state.taught, withHead(await graph(), head, own));
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

function firstLanguage() {
  const asked = [new URLSearchParams(location.search).get("language"), ...navigator.languages].filter(Boolean);
  return asked.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one in TEXTS) ?? "en";
}

// What was kept comes before anything is added: it would be lost else, here and on the device.
async function begin() {
  const kept = await recall().catch(() => undefined);
  const { network = null, examples = [], taught = null } = kept ?? {};
  const current = (await edition().catch(() => null))?.network;
  state.lesson = await lesson().catch(() => null);
  const outdated = network && current && network !== current;
  if (outdated) await forget().catch(() => {});
  else Object.assign(state, { network, examples, taught });
  show();
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

speak(firstLanguage());
const begun = begin();
listen();
