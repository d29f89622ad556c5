// What is wrong with the photos and their labels, each with what mends it.

import { button, make, picture } from "./make.js";
import { change, classMenu } from "./photos.js";
import { get, post, small } from "./server.js";
import { classes, fileName, listen, photosOf, store } from "./store.js";
import { enlarge, newest, once } from "./telling.js";
import { follow, watch } from "./work.js";
import { percent, say } from "./words.js";

const SHOWN = 30;

export function healthView(node) {
  const view = { node, shown: {} };
  const fill = newest(node, () => get("api/health"), (found) => draw(view, found));
  fill();
  const deaf = listen(fill);
  const ends = follow((job, before) => {
    if (job?.work === "inspect" && before?.state === "running" && job.state !== "running") fill();
  });
  return () => (deaf(), ends());
}

function draw(view, found) {
  const look = button(say(found.looked ? "lookAgain" : "look"), start, found.looked ? "button.button" : "button.button.primary");
  look.id = "look";
  look.disabled = photosOf().every((id) => !store.labels[id]);
  const head = [make("h1", { textContent: say("health") }), make("p.lead", { textContent: say("healthLead") }), make("div.row", {}, look)];
  view.node.replaceChildren(...head, ...(found.looked ? [tidings(found), ...sections(view, found)] : [smallClasses(found)]));
}

const start = once(async () => {
  await post("api/job", { work: "inspect" });
  await watch();
});

function tidings(found) {
  const counts = [
    ["broken", found.broken.length], ["doubts", found.suspects.length],
    ["copies", found.duplicates.length + found.near.length], ["small", found.small.length], ["odd", found.odd.length],
  ];
  const tiles = counts.map(([kind, count]) => make(`li${count ? "" : ".none"}`, {}, make("a", { href: "#health", onclick: (event) => jump(event, kind) }, make("strong", { textContent: count.toLocaleString() }), say(`is-${kind}`))));
  const stale = found.now === found.photos ? null : make("p.small", { textContent: say("stale", { then: found.photos, now: found.now }) });
  return make("div", {}, make("ul.tidings", {}, ...tiles), stale);
}

function jump(event, kind) {
  event.preventDefault();
  document.getElementById(`about-${kind}`)?.scrollIntoView({ behavior: "smooth" });
}

function sections(view, found) {
  const about = (kind, items, row, note = "") => (items.length ? section(view, kind, items, row, note) : null);
  const noise = found.noise === null ? "" : say("noise", { share: percent(found.noise) });
  return [
    about("broken", found.broken, ([id, why]) => brokenRow(id, why)),
    about("doubts", found.suspects, ([id, other]) => doubtRow(id, other), noise),
    about("copies", [...found.duplicates, ...found.near], copiesRow),
    found.small.length ? smallClasses(found) : null,
    about("odd", found.odd, oddRow),
  ].filter(Boolean);
}

function section(view, kind, items, row, note) {
  const limit = view.shown[kind] ?? SHOWN;
  const more = items.length > limit ? button(say("more", { count: items.length - limit }), () => {
    view.shown[kind] = limit + SHOWN;
    node.replaceWith(section(view, kind, items, row, note));
  }) : null;
  const node = make("section.card", { id: `about-${kind}` }, make("h2", { textContent: say(`is-${kind}`) }), make("p.small", { textContent: [say(`why-${kind}`), note].join(" ") }), ...items.slice(0, limit).map(row), more);
  return node;
}

export function shown(id) {
  return make("button.picture", { type: "button", ariaLabel: say("openPhoto", { name: fileName(id) }), onclick: () => enlarge(id) }, picture(small(id), ""));
}

export const told = (...lines) => make("div.grow", {}, ...lines.map((line, n) => make(n ? "div.small" : "div", { textContent: line })));
export const leaveOut = (ids) => button(say("leaveOut"), () => change("remove", ids));

function brokenRow(id, why) {
  return make("div.mend", {}, told(fileName(id), why), leaveOut([id]));
}

function doubtRow(id, other) {
  const label = store.labels[id];
  return make("div.mend.doubt", {}, shown(id), told(say("doubt", { label, other }), store.names[id]), make("div.row", {},
    button(say("itIs", { name: other }), () => change("label", [id], other), "button.button.primary"),
    button(say("keep", { name: label }), () => change("confirm", [id])), classMenu((name) => change("label", [id], name)), leaveOut([id])));
}

function copiesRow(ids) {
  const labels = [...new Set(ids.map((id) => store.labels[id]))];
  return make("div.mend", {}, ...ids.slice(0, 6).map(shown), told(labels.length > 1 ? say("copiesApart", { labels: labels.join(", ") }) : labels[0], ids.map(fileName).join(", ")), make("div.row", {},
    button(say("keepFirst"), () => change("remove", ids.slice(1))), button(say("keepAll"), () => change("confirm", ids))));
}

function oddRow(id) {
  return make("div.mend", {}, shown(id), told(fileName(id), store.labels[id]), make("div.row", {}, button(say("fine"), () => change("confirm", [id])), leaveOut([id])));
}

function smallClasses({ small: few }) {
  const counts = new Map(classes());
  if (!few.length) return make("div");
  const rows = few.map((name) => make("div.mend", {}, told(name, say("counted", { count: counts.get(name) ?? 0 })), make("a.button", { href: `#photos-class-${encodeURIComponent(name)}`, textContent: say("showPhotos") })));
  return make("section.card", { id: "about-small" }, make("h2", { textContent: say("is-small") }), make("p.small", { textContent: say("why-small") }), ...rows);
}
