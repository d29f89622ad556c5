// The page: a photo in, an answer out.

import { showAnswer, warning } from "./answer.js";
import * as answerer from "./answerer.js";
import { asked, cancel } from "./asking.js";
import { chosenPart, listenToCropping } from "./crop.js";
import { $, element, filled } from "./dom.js";
import { listenToHistory, recall, remember, showHistory } from "./history.js";
import { carried, edition } from "./link.js";
import { listenToMap, loaded, showPhoto, showViews } from "./map.js";
import { occasion, listenToOccasion, offerOccasion } from "./occasion.js";
import { answerAll, forget, listed, listenToSeveral } from "./several.js";
import { listenToSharing, offerSharing } from "./sharing.js";
import { listenToLarge } from "./similar.js";
import { listenToTelling, offerTelling, showGiven } from "./telling.js";
import { complaint } from "./trouble.js";
import { LANGUAGES, wordsOf } from "./words.js";

const SAMPLES = [1, 2, 3, 4].map((number) => `static/samples/${number}.webp`);
const UNTOLD = { subject: "things", shorter: 512, named_from: null, classes: [] };
const state = { language: startLanguage(), photo: null, result: null, picture: null, views: [], model: UNTOLD };
const words = () => wordsOf(state.language, state.model.subject);
const options = () => ({ language: state.language, shorter: state.model.shorter, occasion: occasion() });
const page = { words, options, language: () => state.language, show: reveal, keep };

function startLanguage() {
  const asked = new URLSearchParams(location.search);
  const wanted = [asked.get("language"), asked.get("lang"), ...navigator.languages].filter(Boolean);
  return wanted.map((one) => one.slice(0, 2).toLowerCase()).find((one) => one in LANGUAGES) ?? "en";
}

function speak(language) {
  state.language = language;
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = words()[node.dataset.word];
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", words()[node.dataset.label]);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  const kept = (state.model.collects && answerer.privacy.collecting) || answerer.privacy;
  $("privacy").textContent = kept[language];
  $("teach").hidden = !answerer.teaching;
  if (answerer.teaching) $("teach").firstElementChild.href = `${answerer.teaching}?language=${language}`;
  document.querySelectorAll("#samples img").forEach((image, place) => {
    image.alt = filled(words().sample, { number: place + 1 });
  });
  offerOccasion(state.model, words(), language);
  introduce();
  showHistory(page);
  showGiven(words());
}

// Say beforehand what can be answered at all.
function introduce() {
  const { classes, subject } = state.model;
  $("known").hidden = classes.length === 0;
  $("known-count").textContent = filled(words().knows, { count: classes.length });
  const names = classes.map((one) => (state.language === "es" ? (one.nombre ?? one.name) : one.name));
  $("known-names").textContent = names.toSorted((a, b) => a.localeCompare(b, state.language)).join(", ");
  document.querySelector(".samples").hidden = subject !== "flowers"; // the drawings are of flowers
}

async function ask(photo) {
  await met;
  begin(photo);
  try {
    const result = await asked(photo, { ...options(), progress: advance });
    const picture = await loaded(result.crop.image);
    if (photo !== state.photo) return; // a later one was chosen meanwhile
    Object.assign(state, { result, picture, views: [] });
    show();
    mark(keep(photo, result, picture));
  } catch (error) {
    if (!error.superseded) await fail(photo, error);
  }
}

// An answer to another photo goes at once; of the same photo it stays, faint, until the next.
function begin(photo) {
  const other = photo !== state.photo;
  state.photo = photo;
  if (other) {
    $("result").hidden = $("shared").hidden = true;
    preview(photo);
  }
  $("result").setAttribute("aria-busy", "true");
  $("error").textContent = "";
  $("again").hidden = true;
  $("waiting").hidden = !$("result").hidden;
  $("progress").removeAttribute("value");
  $("status").textContent = words().looking;
}

function preview(photo) {
  URL.revokeObjectURL($("preview").src);
  $("preview").hidden = false;
  $("preview").src = URL.createObjectURL(photo);
}

// Once all has been sent, how long the answer takes is not known.
function advance(share) {
  if (share < 1) $("progress").value = share;
  else $("progress").removeAttribute("value");
}

// Show an answer that is there already: one of a list's, of several together, or an earlier one.
function reveal(photo, result, picture, views = []) {
  Object.assign(state, { photo, result, picture, views });
  show();
  mark(photo instanceof Blob ? keep(photo, result, picture) : photo.when);
}

function keep(photo, result, picture) {
  return remember(photo, result, picture, page);
}

// Let the browser's "back", and a page that is loaded anew, find an answer again.
function mark(when) {
  if (history.state?.when === when) return;
  history.pushState({ when }, "", location.href.split("#")[0]);
}

// Show what the address or the browser's history tells of; false where that is nothing.
async function restore() {
  await met;
  const told = carried(location.hash);
  if (!told) return recall(history.state?.when, page);
  await retell(told);
  return true;
}

async function retell(told) {
  const { model, language } = state;
  const known = told.get("model") === edition(model);
  try {
    const result = known ? await answerer.retell(told, language) : null;
    if (!result) return clear(words().unshared);
    const more = { photos: Number(told.get("photos")) || null, weighed: told.has("weighed") };
    Object.assign(state, { photo: { told }, result: { ...result, ...more }, picture: null, views: [] });
    show();
  } catch (error) {
    clear(await complaint(new Blob(["."]), error, words()));
  }
}

function clear(error = "") {
  end();
  state.photo = null;
  $("result").hidden = $("shared").hidden = true;
  $("status").textContent = "";
  $("error").textContent = error;
}

function show() {
  const { photo, result, picture, views, model } = state;
  end();
  $("result").hidden = false;
  showAnswer(result, model, words());
  showPhoto(result, picture, words());
  showViews(views, result, words());
  offerSharing(result, picture, model, words());
  $("shared").hidden = Boolean(picture);
  $("recrop").hidden = views.length > 1 || !(photo instanceof Blob);
  offerTelling(views.length > 1 ? null : photo, model, state.language);
  $("error").textContent = "";
  $("again").hidden = true;
  $("status").textContent = [words().ready, warning(result, words())].filter(Boolean).join(" ");
  $("result").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "nearest" });
}

function end() {
  $("waiting").hidden = true;
  $("result").setAttribute("aria-busy", "false");
}

async function fail(photo, error) {
  const told = await complaint(photo, error, words());
  if (photo !== state.photo) return;
  end();
  $("result").hidden = true;
  $("again").hidden = false;
  $("status").textContent = error.cancelled ? told : "";
  $("error").textContent = error.cancelled ? "" : told;
}

async function take(files) {
  const given = [...files]; // before anything is waited for: a drop's list empties
  await met;
  const photos = $("closer").checked ? await parts(given) : given;
  if (photos.length > 1) await askAll(photos);
  else if (photos.length) {
    forget();
    await ask(photos[0]);
  }
}

async function askAll(photos) {
  $("result").hidden = $("shared").hidden = $("waiting").hidden = $("again").hidden = true;
  $("error").textContent = "";
  $("status").textContent = words().looking;
  await answerAll(photos, page);
}

// What somebody chooses of each photo; those of which nothing is chosen are left out.
async function parts(files) {
  const chosen = [];
  for (const file of files) chosen.push(await chosenPart(file, state.model.shorter));
  return chosen.filter(Boolean);
}

async function recrop() {
  const [part] = await parts([state.photo]);
  if (part) await ask(part);
}

// The same photos again; of one that only the history knows, its answer stays as it was.
function again() {
  if (listed().length) askAll(listed());
  else if (state.photo instanceof Blob) ask(state.photo);
  else if (state.photo?.told) retell(state.photo.told);
}

function listen() {
  for (const id of ["file", "camera"]) {
    $(id).addEventListener("change", async () => {
      await take($(id).files);
      $(id).value = ""; // so that the same photo can be chosen again
    });
  }
  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      $("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop") take(event.dataTransfer.files);
    });
  }
  document.addEventListener("paste", (event) => take(event.clipboardData.files));
  $("cancel").addEventListener("click", cancel);
  $("retry").addEventListener("click", again);
  $("recrop").addEventListener("click", recrop);
  window.addEventListener("popstate", async () => (await restore()) || clear());
  $("preview").addEventListener("error", () => ($("preview").hidden = true)); // no format of this browser's
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      speak(button.dataset.language);
      if (listed().length || !$("result").hidden || !$("waiting").hidden) again();
    });
  }
}

function offerSamples() {
  $("samples").replaceChildren(
    ...SAMPLES.map((source) => {
      const image = new Image(56, 56);
      image.src = source;
      const button = element("button", image);
      button.type = "button";
      button.addEventListener("click", async () => take([await (await fetch(source)).blob()]));
      return element("li", button);
    }),
  );
}

async function meet() {
  state.model = await answerer.about().catch(() => UNTOLD); // then the first answer says what is wrong
  speak(state.language);
}

$("unstarted").hidden = true;
offerSamples();
listen();
listenToCropping();
listenToMap();
listenToSeveral();
listenToSharing();
listenToTelling(words);
listenToLarge();
listenToHistory(page);
listenToOccasion(again);
const met = meet();
restore();
