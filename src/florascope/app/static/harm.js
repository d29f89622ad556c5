// How bad a plant is, from what may kill to what no list names: each degree looks different, in
// words too, for who cannot see colours.

import { element, filled } from "./dom.js";

const DEGREES = ["deadly", "poisonous", "harmful", "unknown", "unlisted"];
const rank = (harm) => (harm ? DEGREES.indexOf(harm) : DEGREES.length - 1);

// The worst degree of some entries, to people or to pets.
export function worst(entries) {
  const ranks = entries.flatMap(({ people, pets }) => [rank(people), rank(pets)]);
  return DEGREES[Math.min(DEGREES.length - 1, ...ranks)];
}

export function worstFirst(entries) {
  return entries.toSorted((a, b) => rank(worst([a])) - rank(worst([b])));
}

// A mark that says how bad an entry is and to whom, null where nothing is said.
export function badge(entry, { harms, whom }) {
  const harm = worst([entry]);
  if (harm === "unlisted") return null;
  const who = entry.people === entry.pets ? "both" : entry.people === harm ? "people" : "pets";
  const node = element("span", filled(harms[harm], { whom: whom[who] }));
  node.className = "harm";
  node.dataset.harm = harm;
  return node;
}
