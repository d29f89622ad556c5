// The page: a photo in, an answer out.

import { showAnswer, warning } from "./answer.js";
import * as answerer from "./answerer.js";
import { asked, cancel } from "./asking.js";
import { chosenPart, dismiss, listenToCropping } from "./crop.js";
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
import { turns } from "./turns.js";
import { LANGUAGES, wordsOf } from "./words.js";

const SAMPLES = [1, 2, 3, 4].map((number) => `static/samples/${number}.webp`);
const UNTOLD = { subject: "things", shorter: 512, named_from: null, classes: [] };
const state = { language: startLanguage(), photo: null, result: null, picture: null, views: [], model: UNTOLD };
const words = () => wordsOf(state.language, state.model.subject);
const options = () => ({ language: state.language, shorter: state.model.shorter, occasion: occasion() });
const page = { words, options, language: () => state.language, show: reveal, keep, wished };
const [takes, wishes] = [turns(), turns()];

// Something else is chosen: what was being chosen before is not asked about.
function taking() {
  dismiss();
  return takes();
}

// Something else is to be shown: no answer that is on its way to an earlier wish is.
function wished() {
  taking();
  return wishes();
}

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
  const wanted = wished();
  begin(photo);
  try {
    const result = await asked(photo, { ...options(), progress: advance });
    const picture = await loaded(result.crop.image);
    if (!wanted()) return;
    Object.assign(state, { result, picture, views: [] });
    show();
    mark(keep(photo, result, picture));
  } catch (error) {
    if (!error.superseded) await fail(photo, error, wanted);
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
  wished();
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

// Show what the address or the browser's history tells of, an empty page where that is nothing.
async function restore() {
  const wanted = wished();
  await met;
  if (!wanted()) return;
  const told = carried(location.hash);
  if (told) await retell(told);
  else if (!(await recall(history.state?.when, page)) && wanted()) clear();
}

async function retell(told) {
  const wanted = wished();
  const { model, language } = state;
  const known = told.get("model") === edition(model);
  state.photo = { told };
  try {
    const result = known ? await answerer.retell(told, language) : null;
    if (!wanted()) return;
    if (!result) return clear(words().unshared, state.photo);
    const more = { photos: Number(told.get("photos")) || null, weighed: told.has("weighed") };
    Object.assign(state, { result: { ...result, ...more }, picture: null, views: [] });
    show();
  } catch (error) {
    const said = await complaint(new Blob(["."]), error, words());
    if (wanted()) clear(said, state.photo);
  }
}

function clear(error = "", photo = null) {
  end();
  state.photo = photo;
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

async function fail(photo, error, wanted) {
  const told = await complaint(photo, error, words());
  if (!wanted()) return;
  end();
  $("result").hidden = true;
  $("again").hidden = false;
  $("status").textContent = error.cancelled ? told : "";
  $("error").textContent = error.cancelled ? "" : told;
}

async function take(files) {
  const given = [...files]; // before anything is waited for: a drop's list empties
  if (!given.length) return;
  const current = taking();
  await met;
  const photos = $("closer").checked ? await parts(given, current) : given;
  if (!current()) return;
  if (photos.length > 1) await askAll(photos);
  else if (photos.length) {
    forget();
    await ask(photos[0]);
  }
}

async function askAll(photos) {
  wished();
  $("result").hidden = $("shared").hidden = $("waiting").hidden = $("again").hidden = true;
  $("error").textContent = "";
  $("status").textContent = words().looking;
  await answerAll(photos, page);
}

// What somebody chooses of each photo; those of which nothing is chosen are left out.
async function parts(files, current) {
  const chosen = [];
  for (const file of files) if (current()) chosen.push(await chosenPart(file, state.model.shorter, current));
  return chosen.filter(Boolean);
}

async function recrop() {
  const current = taking();
  const [part] = await parts([state.photo], current);
  if (part && current()) await ask(part);
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
  window.addEventListener("popstate", restore);
  $("preview").addEventListener("error", () => ($("preview").hidden = true)); // no format of this browser's
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      speak(button.dataset.language);
      if (listed().length || state.photo?.told || !$("result").hidden || !$("waiting").hidden) again();
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
      button.addEventListener("click", () => takeSample(source));
      return element("li", button);
    }),
  );
}

async function takeSample(source) {
  const current = taking();
  const photo = await fetch(source).then((answer) => answer.blob()).catch(() => null);
  if (!current()) return;
  if (photo) await take([photo]);
  else $("error").textContent = await complaint(new Blob(["."]), { cut: true }, words());
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
