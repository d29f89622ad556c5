// Which classes are taken for which; a cell shows its photos, and what in each spoke for the answer.

import { filled } from "../shared/dom.js";
import { button, make, picture } from "./make.js";
import { change } from "./photos.js";
import { get } from "./server.js";
import { store } from "./store.js";
import { enlarge, newest } from "./telling.js";
import { percent, say } from "./words.js";

const MOST = 20; // classes of a table that can be read
const LISTED = 12; // confusions
const SHOWN = 24; // photos of a cell
const MAP = "api/runs/{run}/map/{id}?target={target}";

export function confusionView({ number: run }) {
  const node = make("section.card", { id: "confusions" });
  const fill = newest(node, (subset) => get(`api/runs/${run}/confusions?subset=${subset}`), (told, subset) => {
    draw(node, { run, subset, ...told, photos: make("div", { id: "cell", ariaLive: "polite" }) }, fill);
  });
  fill("test");
  return node;
}

// again: called with the photos that are to be shown instead.
function draw(node, view, again) {
  const menu = make("select", { ariaLabel: say("measuredOn") }, ...["test", "val", "train"].map((name) => make("option", { value: name, textContent: say(`subset-${name}`), selected: name === view.subset })));
  menu.onchange = () => again(menu.value);
  view.open = newest(view.photos, (asked) => answersOf(view, asked), (found, asked) => drawCell(view, found, asked));
  const wrong = view.cells.filter(([label, predicted]) => label !== predicted).sort((a, b) => b[2] - a[2]);
  node.replaceChildren(
    make("div.row", {}, make("h2", { textContent: say("errors") }), menu),
    make("p.small", { textContent: say(view.subset === "test" ? "errorsNote" : "notMeasured") }),
    make("div.errors", {}, matrix(view), pairs(view, wrong)),
    view.photos,
  );
}

// The classes that take part in most confusions, in their order.
function mostConfused({ classes, cells }) {
  const errors = new Array(classes.length).fill(0);
  for (const [label, predicted, count] of cells) if (label !== predicted) [label, predicted].forEach((k) => (errors[k] += count));
  const order = [...errors.keys()].sort((a, b) => errors[b] - errors[a]).slice(0, MOST);
  return order.sort((a, b) => a - b);
}

function matrix(view) {
  const shown = mostConfused(view);
  const counts = new Map(view.cells.map(([label, predicted, count]) => [`${label} ${predicted}`, count]));
  const totals = new Map();
  for (const [label, , count] of view.cells) totals.set(label, (totals.get(label) ?? 0) + count);
  const name = (k) => view.classes[k];
  const head = make("tr", {}, make("td"), ...shown.map((k) => make("th", { scope: "col", textContent: name(k), title: name(k) })));
  const rows = shown.map((label) => make("tr", {}, make("th", { scope: "row", textContent: name(label), title: name(label) }), ...shown.map((predicted) => make("td", {}, cell(view, label, predicted, counts.get(`${label} ${predicted}`) ?? 0, totals.get(label) ?? 1)))));
  const some = shown.length < view.classes.length ? make("p.small", { textContent: say("someClasses", { shown: shown.length, all: view.classes.length }) }) : null;
  return make("div", {}, make("p.small", { textContent: say("axes") }), make("div.scroll", {}, make("table.matrix", {}, make("thead", {}, head), make("tbody", {}, ...rows))), some);
}

function cell(view, label, predicted, count, total) {
  if (!count) return make("span", { textContent: "0" });
  const node = make("button", { type: "button", textContent: count, ariaPressed: "false" });
  node.ariaLabel = say("cell", { count, label: view.classes[label], predicted: view.classes[predicted] });
  node.style.backgroundColor = `rgb(var(--${label === predicted ? "right" : "wrong"}) / ${0.2 + (0.6 * count) / total})`;
  node.onclick = () => open(view, label, predicted, node);
  return node;
}

function pairs(view, wrong) {
  if (!wrong.length) return make("p", { textContent: say("noErrors") });
  const items = wrong.slice(0, LISTED).map(([label, predicted, count]) => make("li", {}, button(say("cell", { count, label: view.classes[label], predicted: view.classes[predicted] }), (event) => open(view, label, predicted, event.currentTarget), "button.button.plain")));
  return make("div", {}, make("h3", { textContent: say("mostOften") }), make("ul.pairs", {}, ...items));
}

function open(view, label, predicted, pressed) {
  for (const other of document.querySelectorAll("#confusions [aria-pressed=true]")) other.ariaPressed = "false";
  pressed.ariaPressed = "true";
  view.open({ label, predicted });
}

const answersOf = ({ run, subset }, { label, predicted }) => get(`api/runs/${run}/answers?${new URLSearchParams({ label, predicted, subset })}`);

function drawCell(view, found, { label, predicted }) {
  const title = say("cell", { count: found.length, label: view.classes[label], predicted: view.classes[predicted] });
  const more = found.length > SHOWN ? [make("p.small", { textContent: say("firstShown", { shown: SHOWN }) })] : [];
  view.photos.replaceChildren(make("h3", { textContent: title }), make("p.small", { textContent: say("mapNote") }), make("ul.pictures", {}, ...found.slice(0, SHOWN).map((one) => photo(view, one, label, predicted))), ...more);
  view.photos.scrollIntoView({ behavior: "smooth", block: "nearest" });
}

function photo(view, { id, name, probability }, label, predicted) {
  const map = filled(MAP, { run: view.run, id, target: predicted });
  const versus = label === predicted ? null : { src: `${map}&against=${label}`, caption: say("whyNot", { name: view.classes[predicted], other: view.classes[label] }) };
  const look = () => enlarge(id, {
    more: [{ src: map, caption: say("why", { name: view.classes[predicted] }) }, ...(versus ? [versus] : [])],
    actions: label === predicted ? [] : [[say("itIs", { name: view.classes[predicted] }), () => change("label", [id], view.classes[predicted])], [say("leaveOut"), () => change("remove", [id])]],
  });
  const now = store.labels[id] === view.classes[label] ? "" : ` · ${say("mended")}`;
  return make("li", {}, make("figure", {}, make("button.picture", { type: "button", ariaLabel: say("openPhoto", { name }), onclick: look }, picture(map, "")), make("figcaption", { textContent: `${percent(probability, 0)} ${view.classes[predicted]}${now}` })));
}
