// The page's words in both languages. What the server says of a mistake, and the doctor's details,
// come in the language that server.js asks for.

import { filled } from "../shared/dom.js";
import { TEXTS } from "./texts.js"; // made of florascope/texts/studio.*.json

const KEY = "florascope-language";
let current = null;

export function language() {
  current ??= [localStorage.getItem(KEY), navigator.language.slice(0, 2)].find((l) => l in TEXTS) ?? "en";
  return current;
}

export function speak(chosen) {
  current = chosen;
  localStorage.setItem(KEY, chosen);
}

export function say(word, values = {}) {
  const told = TEXTS[language()][word];
  const sentence = typeof told === "object" ? told[values.count === 1 ? "one" : "other"] : told;
  const shown = Object.entries(values).map(([k, v]) => [k, typeof v === "number" ? number(v) : v]);
  return filled(sentence, Object.fromEntries(shown));
}

export const number = (value) => value.toLocaleString(language());
export const percent = (share, digits = 1) =>
  share.toLocaleString(language(), { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });

// Fill what carries data-word and data-label below a node.
export function spell(node) {
  for (const one of node.querySelectorAll("[data-word]")) one.textContent = say(one.dataset.word);
  for (const one of node.querySelectorAll("[data-label]")) one.ariaLabel = say(one.dataset.label);
}

// What the doctor found and what helps, in plain words, where it is one of the common causes.
export const plainly = (cause) => TEXTS[language()].causes[cause] ?? [];

// A step's name as the library gives it, in the page's language where it is known.
export function stepName(step) {
  const [name, ...remark] = step.split(":");
  const known = TEXTS[language()].steps[name] ?? name;
  return [known, ...remark].join(":");
}
