// When and where a photo was taken, asked for only where the model was given a prior.

import { $ } from "./dom.js";

export function offerOccasion({ prior }, words, language) {
  $("occasion").hidden = !prior;
  const chosen = $("month").value;
  const name = (month) => new Date(2000, month, 1).toLocaleString(language, { month: "long" });
  const months = Array.from({ length: 12 }, (_, month) => new Option(name(month), month + 1));
  $("month").replaceChildren(new Option(words.anyMonth, ""), ...months);
  $("month").value = chosen;
}

// What a question carries: nothing unless somebody said it.
export function occasion() {
  const [latitude, longitude] = $("place").value.split(",").map((part) => part.trim());
  const month = $("month").value ? { month: $("month").value } : {};
  const known = latitude && longitude && [latitude, longitude].every((part) => Number.isFinite(Number(part)));
  return { ...month, ...(known && { latitude, longitude }) };
}

// again: asks once more.
export function listenToOccasion(again) {
  for (const id of ["month", "place"]) $(id).addEventListener("change", again);
}
