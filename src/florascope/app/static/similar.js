// What to compare an answer with: photos that the server holds, else links to photos elsewhere.

import { filled } from "./words.js";

const ELSEWHERE = "https://www.gbif.org/species/search?q="; // asked on a click alone

// Rows of photos by class, nearest first, and links for the classes that have none.
export function comparison(result, words) {
  const ids = (entry) => result.similar?.[entry.class_id];
  const named = entries(result); // in the answer's order, which an object of ids has not
  const rows = named.filter(ids).map((entry) => row(entry, ids(entry), words));
  const rest = named.filter((entry) => entry.scientific_name && !ids(entry));
  return { rows: rows.flat(), links: rest.map((entry) => link(entry, words)) };
}

function row({ name }, ids, words) {
  const title = document.createElement("h4");
  title.textContent = name;
  const list = document.createElement("ul");
  list.className = "thumbnails";
  list.append(...ids.map((id, place) => item(thumbnail(id, filled(words.alike, { name, number: place + 1 })))));
  return [title, list];
}

function thumbnail(id, alt) {
  return Object.assign(new Image(), { alt, loading: "lazy", src: `api/photos/${encodeURIComponent(id)}` });
}

function link({ scientific_name: scientific }, words) {
  const node = document.createElement("a");
  node.href = ELSEWHERE + encodeURIComponent(scientific);
  node.rel = "noreferrer noopener";
  node.target = "_blank";
  node.textContent = filled(words.photosOf, { name: scientific });
  return item(node);
}

function item(node) {
  const place = document.createElement("li");
  place.append(node);
  return place;
}

function entries({ candidates, lookalikes }) {
  const all = [...candidates, ...lookalikes];
  return all.filter((entry, k) => all.findIndex((other) => other.class_id === entry.class_id) === k);
}
