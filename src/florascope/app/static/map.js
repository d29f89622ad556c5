// The photo that was looked at and, when asked for, where in it the evidence for a class lies.

import { $, element, filled } from "./dom.js";
import { account, evidence, paint, sharedScale, whereabouts } from "./heat.js";

let shown = null; // {result, picture, words}

// views: of several photos answered together, each [{result, picture}] to choose from.
export function showViews(views, result, words) {
  const several = views.length > 1;
  $("views").hidden = !several;
  if (!several) return;
  const buttons = views.map((view, place) => {
    const label = filled(words.view, { number: place + 1, count: views.length });
    const button = element("button", Object.assign(new Image(56, 56), { src: view.result.crop.image, alt: label }));
    button.type = "button";
    button.addEventListener("click", () => look(view, button));
    return button;
  });
  const look = (view, button) => {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    turnTo({ ...result, crop: view.result.crop, maps: view.result.maps }, view.picture);
  };
  $("views").replaceChildren(...buttons);
  buttons[0].setAttribute("aria-pressed", "true");
}

// Another photo of the same answer, under the same question.
function turnTo(result, picture) {
  shown = { ...shown, result, picture };
  draw();
}

// Show the photo as it is; the map waits for the switch, or for a candidate that is chosen.
// picture: null where the photo is not there.
export function showPhoto(result, picture, words) {
  document.querySelector(".seen").hidden = !picture;
  if (!picture) return;
  shown = { result, picture, words };
  const mapped = Boolean(result.maps) && result.verdict.level !== "none";
  $("evidence").hidden = !mapped;
  $("nomap").hidden = Boolean(result.maps);
  $("mapped").setAttribute("aria-pressed", "false");
  offerClasses();
  choose(result.candidates[0].class_id);
}

export function listenToMap() {
  $("mapped").addEventListener("click", () => reveal($("mapped").getAttribute("aria-pressed") === "false"));
  $("for").addEventListener("change", () => choose($("for").value));
  $("against").addEventListener("change", draw);
  $("opacity").addEventListener("input", draw);
}

// Show the evidence for a candidate.
export function explain(classId) {
  choose(classId);
  if (shown.result.maps) reveal(true);
}

function reveal(on) {
  $("mapped").setAttribute("aria-pressed", String(on));
  draw();
}

function offerClasses() {
  const { result, words } = shown;
  const classes = [...result.candidates, ...result.lookalikes].filter(
    (entry, place, all) => all.findIndex((other) => other.class_id === entry.class_id) === place,
  );
  const options = () => classes.map((entry) => new Option(entry.name, entry.class_id));
  $("for").replaceChildren(...options());
  $("against").replaceChildren(new Option(words.nothing, ""), ...options());
}

function choose(classId) {
  $("for").value = classId;
  if ($("against").value === classId) $("against").value = "";
  draw();
}

function draw() {
  const { result, picture, words } = shown;
  const on = $("mapped").getAttribute("aria-pressed") === "true";
  const [own, other] = [$("for").value, $("against").value];
  for (const button of document.querySelectorAll("#candidates button")) {
    button.setAttribute("aria-pressed", String(button.dataset.class === own));
  }
  $("mapping").hidden = !on;
  $("mapped").textContent = on ? words.unmapped : words.mapped;
  if (!on) {
    paint($("picture"), picture, result.crop.size, null, 1, 0);
    $("picture").setAttribute("aria-label", words.photo);
    return;
  }
  const map = { ...result.maps, values: evidence(result.maps, own, other) };
  const scale = sharedScale(result.maps);
  paint($("picture"), picture, result.crop.size, map, scale, $("opacity").value / 100);
  describe(map);
  tellFigures(result.maps, own, other, scale);
}

// Say the question, and in words where in the picture the answer lies.
function describe(map) {
  const { words } = shown;
  const names = { name: chosen("for"), other: chosen("against") };
  $("question").textContent = filled($("against").value ? words.whyNot : words.why, names);
  const places = whereabouts(map).map(({ row, column, share }) =>
    filled(words.share, { share: Math.round(100 * share), place: words.places[row][column] }),
  );
  $("where").textContent = places.length ? filled(words.where, { places: places.join(words.and) }) : words.nowhere;
  const seen = { question: $("question").textContent, where: $("where").textContent };
  $("picture").setAttribute("aria-label", filled(words.pictured, seen));
}

function tellFigures(maps, own, other, scale) {
  const { words } = shown;
  const parts = account(maps, own, other);
  $("account").textContent = filled(other ? words.difference : words.logit, {
    whole: signed(parts.whole),
    bias: signed(parts.bias),
  });
  const most = ((scale * maps.rows * maps.columns) / 100).toPrecision(2);
  $("unit").textContent = filled(words.unit, { most });
}

function signed(value) {
  return value.toFixed(1).replace(/^-0\.0$/, "0.0").replace("-", "−");
}

const chosen = (id) => $(id).selectedOptions[0].textContent;

// A picture's element once it can be drawn.
export function loaded(source) {
  const image = element("img");
  image.src = source;
  return image.decode().then(() => image);
}
