// What to compare an answer with: photos that the server holds, else links to photos elsewhere.

import { $, element, filled } from "./dom.js";
import { badge } from "./harm.js";

const ELSEWHERE = "https://www.gbif.org/species/search?q="; // asked on a click alone

// Rows of photos by class, nearest first, and links for the classes that have none.
export function comparison(result, words) {
  const ids = (entry) => result.similar?.[entry.class_id];
  const named = entries(result); // in the answer's order, which an object of ids has not
  const rows = named.filter(ids).map((entry) => row(entry, ids(entry), words));
  const rest = named.filter((entry) => entry.scientific_name && !ids(entry));
  return { rows: rows.flat(), links: rest.map((entry) => link(entry, words)) };
}

function row(entry, ids, words) {
  const title = element("h4", entry.name, " ", badge(entry, words));
  const list = element("ul");
  list.className = "thumbnails";
  const alt = (place) => filled(words.alike, { name: entry.name, number: place + 1 });
  list.append(...ids.map((id, place) => element("li", thumbnail(id, alt(place)))));
  return [title, list];
}

// A small photo that is a button for the large one.
function thumbnail(id, alt) {
  const source = `api/photos/${encodeURIComponent(id)}`;
  const button = element("button", Object.assign(new Image(), { alt, loading: "lazy", src: source }));
  button.type = "button";
  button.addEventListener("click", () => enlarge(`${source}?large=true`, alt));
  return button;
}

function enlarge(source, alt) {
  Object.assign($("large-photo"), { src: source, alt });
  $("large-name").textContent = alt;
  $("large").showModal();
}

export function listenToLarge() {
  $("large-close").addEventListener("click", () => $("large").close());
  $("large").addEventListener("click", (event) => event.target === $("large") && $("large").close());
}

function link(entry, words) {
  const node = element("a", filled(words.photosOf, { name: entry.scientific_name }));
  node.href = ELSEWHERE + encodeURIComponent(entry.scientific_name);
  node.rel = "noreferrer noopener";
  node.target = "_blank";
  return element("li", node, " ", badge(entry, words));
}

function entries({ candidates, lookalikes }) {
  const all = [...candidates, ...lookalikes];
  return all.filter((entry, k) => all.findIndex((other) => other.class_id === entry.class_id) === k);
}
