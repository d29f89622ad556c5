// The page: a photo in, an answer out.

import { showAnswer, warning } from "./answer.js";
import * as answerer from "./answerer.js";
import { asked, cancel } from "./asking.js";
import { $, element, filled } from "./dom.js";
import { listenToHistory, remember, showHistory } from "./history.js";
import { listenToMap, loaded, showPhoto, showViews } from "./map.js";
import { occasion, listenToOccasion, offerOccasion } from "./occasion.js";
import { answerAll, forget, listed, listenToSeveral } from "./several.js";
import { listenToSharing, offerSharing } from "./sharing.js";
import { listenToLarge } from "./similar.js";
import { listenToTelling, offerTelling } from "./telling.js";
import { complaint } from "./trouble.js";
import { LANGUAGES, wordsOf } from "./words.js";

const SAMPLES = [1, 2, 3, 4].map((number) => `static/samples/${number}.webp`);
const UNTOLD = { subject: "things", shorter: 512, named_from: null, classes: [] };
const state = { language: startLanguage(), photo: null, result: null, picture: null, views: [], model: UNTOLD };
const words = () => wordsOf(state.language, state.model.subject);
const options = () => ({ language: state.language, shorter: state.model.shorter, occasion: occasion() });
const page = { words, options, language: () => state.language, show: reveal };

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
  const kept = state.model.collects ? answerer.privacy.collecting : answerer.privacy;
  $("privacy").textContent = kept[language];
  $("teach").hidden = !answerer.teaching;
  if (answerer.teaching) $("teach").firstElementChild.href = `${answerer.teaching}?language=${language}`;
  document.querySelectorAll("#samples img").forEach((image, place) => {
    image.alt = filled(words().sample, { number: place + 1 });
  });
  offerOccasion(state.model, words(), language);
  introduce();
  showHistory(page);
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
    remember(photo, result, picture, page);
  } catch (error) {
    if (!error.superseded) await fail(photo, error);
  }
}

// An answer to another photo goes at once; of the same photo it stays, faint, until the next.
function begin(photo) {
  const other = photo !== state.photo;
  state.photo = photo;
  if (other) {
    $("result").hidden = true;
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
  if (photo instanceof Blob) remember(photo, result, picture, page);
}

function show() {
  const { photo, result, picture, views, model } = state;
  end();
  $("result").hidden = false;
  showAnswer(result, model, words());
  showPhoto(result, picture, words());
  showViews(views, result, words());
  offerSharing(result, picture, words());
  offerTelling(views.length > 1 ? null : photo, model, words(), state.language);
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
  const photos = [...files];
  if (photos.length < 2) {
    forget();
    if (photos.length) await ask(photos[0]);
    return;
  }
  await met;
  $("result").hidden = $("waiting").hidden = $("again").hidden = true;
  $("error").textContent = "";
  $("status").textContent = words().looking;
  await answerAll(photos, page);
}

// The same photos again; of one that only the history knows, its answer stays as it was.
function again() {
  if (listed().length) take(listed());
  else if (state.photo instanceof Blob) ask(state.photo);
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
listenToMap();
listenToSeveral();
listenToSharing();
listenToTelling();
listenToLarge();
listenToHistory(page);
listenToOccasion(again);
const met = meet();
