// The project's photos as the page knows them. labels[id]: a class's name, "" for unsorted, null for
// left out. Whoever shows them listens.

import { get, post } from "./server.js";

export const store = { name: "", source: "", names: [], labels: [], confirmed: new Set(), undo: null, corrections: 0 };
const listeners = new Set();

export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

const tell = () => listeners.forEach((listener) => listener());

// One after another, as they were wished: what the server says first is never written over what it says later.
let last = Promise.resolve();
const inTurn = (work) => (last = last.then(work, work));

export const load = () => inTurn(async () => {
  const told = await get("api/project");
  const labels = told.labels.map((k) => (k >= 0 ? told.classes[k] : k === -1 ? "" : null));
  Object.assign(store, told, { labels, confirmed: new Set(told.confirmed) });
  tell();
});

// wish: {kind, photos, to, of}; the ids that changed.
export const edit = (wish) => inTurn(async () => taken(await post("api/edits", wish)));
export const undo = () => inTurn(async () => taken(await post("api/edits/undo")));

function taken({ changes, undo: last, confirmed }) {
  for (const [id, label] of changes) store.labels[id] = label;
  Object.assign(store, { undo: last, confirmed: new Set(confirmed) });
  tell();
  return changes.map(([id]) => id);
}

const order = new Intl.Collator(undefined, { numeric: true });

// [[class, photos], ...] in natural order.
export function classes() {
  const counts = new Map();
  for (const label of store.labels) if (label) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => order.compare(one, other));
}

// Ids of the photos of a class; undefined for all that are not left out.
export function photosOf(label) {
  const found = [];
  store.labels.forEach((own, id) => {
    if (label === undefined ? own !== null : own === label) found.push(id);
  });
  return found;
}

export const fileName = (id) => store.names[id].split("/").at(-1);
