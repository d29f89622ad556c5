// The page: a photo in, an answer out.

import * as answerer from "./answerer.js";
import { account, evidence, paint, sharedScale } from "./heat.js";
import { comparison } from "./similar.js";
import { filled, WORDS } from "./words.js";

const SAMPLES = [1, 2, 3, 4].map((number) => `static/samples/${number}.webp`);
const LONGEST = 1024; // pixels: larger photos are made smaller before they are sent
const $ = (id) => document.getElementById(id);
const state = { language: startLanguage(), photo: null, result: null, picture: null, asked: 0 };
const words = () => WORDS[state.language];

function startLanguage() {
  const asked = new URLSearchParams(location.search).get("language") ?? navigator.language;
  return asked.startsWith("es") ? "es" : "en";
}

function speak(language) {
  state.language = language;
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = words()[node.dataset.word];
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  $("privacy").textContent = answerer.privacy[language];
  document.querySelectorAll("#samples img").forEach((image, place) => {
    image.alt = filled(words().sample, { number: place + 1 });
  });
}

async function ask(photo) {
  const turn = ++state.asked;
  state.photo = photo;
  $("error").textContent = "";
  $("status").textContent = words().looking;
  try {
    const result = await answerer.identify(photo, { language: state.language });
    const picture = await loaded(result.crop.image);
    if (turn !== state.asked) return; // a later photo was chosen meanwhile
    Object.assign(state, { result, picture });
    show();
    $("status").textContent = words().ready;
  } catch (error) {
    if (turn !== state.asked) return;
    $("result").hidden = true;
    $("status").textContent = "";
    $("error").textContent = error.offline ? words().offline : (words().refused[error.status] ?? words().failed);
  }
}

function loaded(source) {
  const image = new Image();
  image.src = source;
  return image.decode().then(() => image);
}

// Large photos need not travel whole: the network looks at a few hundred pixels.
async function smaller(file) {
  if (file.size < 2 ** 20) return file;
  try {
    const whole = await createImageBitmap(file, { imageOrientation: "from-image" });
    const share = LONGEST / Math.min(whole.width, whole.height);
    if (share >= 1) return file;
    const canvas = new OffscreenCanvas(Math.round(whole.width * share), Math.round(whole.height * share));
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(whole, 0, 0, canvas.width, canvas.height);
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  } catch {
    return file; // not a picture that the browser knows: the answerer says so
  }
}

function show() {
  const { result } = state;
  $("result").hidden = false;
  $("result").dataset.level = result.verdict.level;
  $("level").textContent = words().levels[result.verdict.level];
  $("statement").textContent = result.verdict.statement;
  $("advice").textContent = result.advice;
  showCandidates(result);
  list("cautions", result.cautions, (caution) => [
    caution.text,
    element("small", filled(words().source, caution)),
  ]);
  list("lookalikes", result.lookalikes, named);
  showComparison(result);
  showChoices(result);
  $("result").focus({ preventScroll: true });
  $("result").scrollIntoView({ block: "nearest" });
}

function showCandidates(result) {
  $("candidates").replaceChildren(
    ...result.candidates.map((candidate) => {
      const share = percent(candidate.probability);
      const fill = element("i");
      const bar = element("span", fill);
      bar.className = "bar";
      fill.style.width = `${100 * candidate.probability}%`;
      const parts = [element("span", ...named(candidate)), element("strong", share), bar];
      if (result.prediction_set.includes(candidate.class_id) && result.prediction_set.length > 1) {
        const mark = element("span", words().inSet);
        mark.className = "mark";
        parts.push(mark);
      }
      const button = element("button", ...parts);
      button.type = "button";
      button.dataset.class = candidate.class_id;
      button.addEventListener("click", () => choose(candidate.class_id));
      return element("li", button);
    }),
  );
}

// Never a plain 0 or 100 %: no answer is that sure.
function percent(probability) {
  const share = 100 * probability;
  if (share < 0.1) return "< 0.1 %";
  return share > 99.9 ? "> 99.9 %" : `${share.toFixed(1)} %`;
}

function named(entry) {
  const scientific = entry.scientific_name ? [" ", element("em", entry.scientific_name)] : [];
  return [entry.name, ...scientific];
}

function list(id, entries, parts) {
  $(id).hidden = entries.length === 0;
  $(id).querySelector("ul").replaceChildren(...entries.map((entry) => element("li", ...parts(entry))));
}

function showComparison(result) {
  const { rows, links } = comparison(result, words());
  $("compare").hidden = rows.length + links.length === 0;
  $("compare-note").hidden = rows.length === 0;
  $("held").replaceChildren(...rows);
  $("elsewhere").hidden = links.length === 0;
  $("elsewhere").querySelector("ul").replaceChildren(...links);
}

function showChoices(result) {
  const classes = [...result.candidates, ...result.lookalikes].filter(
    (entry, place, all) => all.findIndex((other) => other.class_id === entry.class_id) === place,
  );
  const options = () => classes.map((entry) => new Option(entry.name, entry.class_id));
  $("for").replaceChildren(...options());
  $("against").replaceChildren(new Option(words().nothing, ""), ...options());
  document.querySelector(".controls").hidden = !result.maps;
  document.querySelector("figcaption").hidden = !result.maps;
  document.querySelector(".nomap").hidden = Boolean(result.maps);
  choose(result.candidates[0].class_id);
}

function choose(classId) {
  $("for").value = classId;
  if ($("against").value === classId) $("against").value = "";
  draw();
}

function draw() {
  const { result, picture } = state;
  const [own, other] = [$("for").value, $("against").value];
  for (const button of document.querySelectorAll("#candidates button")) {
    button.setAttribute("aria-pressed", String(button.dataset.class === own));
  }
  if (!result.maps) {
    paint($("picture"), picture, result.crop.size, null, 1, 0);
    return;
  }
  const scale = sharedScale(result.maps);
  const map = { ...result.maps, values: evidence(result.maps, own, other) };
  paint($("picture"), picture, result.crop.size, map, scale, $("opacity").value / 100);
  const names = { name: chosen("for"), other: chosen("against") };
  $("question").textContent = filled(other ? words().whyNot : words().why, names);
  $("picture").setAttribute("aria-label", filled(words().pictured, { question: $("question").textContent }));
  const parts = account(result.maps, own, other);
  $("account").textContent = filled(other ? words().difference : words().logit, {
    whole: signed(parts.whole),
    bias: signed(parts.bias),
  });
  const value = ((scale * map.rows * map.columns) / 100).toPrecision(2);
  $("least").textContent = filled(words().less, { value: `−${value}` });
  $("most").textContent = filled(words().more, { value: `+${value}` });
}

function signed(value) {
  return value.toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "−");
}

const chosen = (id) => $(id).selectedOptions[0].textContent;

function element(tag, ...children) {
  const node = document.createElement(tag);
  node.append(...children);
  return node;
}

async function take(files) {
  const file = [...files].find((one) => one.type.startsWith("image/")) ?? files[0];
  if (file) await ask(answerer.travels ? await smaller(file) : file);
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
  $("for").addEventListener("change", () => choose($("for").value));
  $("against").addEventListener("change", draw);
  $("opacity").addEventListener("input", draw);
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      speak(button.dataset.language);
      if (state.photo) ask(state.photo);
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
      button.addEventListener("click", async () => ask(await (await fetch(source)).blob()));
      return element("li", button);
    }),
  );
}

offerSamples();
speak(state.language);
listen();
