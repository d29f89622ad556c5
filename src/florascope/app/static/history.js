// Earlier answers, kept on this device alone until somebody deletes them.

import { $, element, filled } from "./dom.js";
import { loaded } from "./map.js";

const KEY = "florascope-history";
const MOST = 20;
const SIDE = 256; // pixels of the picture that is kept

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? [];
  } catch {
    return []; // private windows may refuse, and what was written by hand may be anything
  }
}

// Write as many as there is room for, newest first.
function keep(entries) {
  for (let count = entries.length; count >= 0; count--) {
    try {
      localStorage.setItem(KEY, JSON.stringify(entries.slice(0, count)));
      return;
    } catch {
      // full: leave out the oldest
    }
  }
}

// Keep an answer; returns when it was, by which it is found again.
// page: {words(), language(), wished(), show(file, result, picture)} of the page.
export function remember(file, result, picture, page) {
  const { similar, logits, ...rest } = result; // ids of photos hold as long as the server runs
  const name = file.name ?? "";
  const crop = { ...result.crop, image: still(picture) };
  const same = (other) =>
    other.name === name && other.result.crop.image === crop.image && other.result.photos === result.photos;
  const now = performance.timeOrigin + performance.now(); // finer than a millisecond: no two are the same
  const when = kept().find(same)?.when ?? now;
  keep([{ when, name, result: { ...rest, crop } }, ...kept().filter((other) => !same(other))].slice(0, MOST));
  showHistory(page);
  return when;
}

// Show an answer that is kept; false where it is not.
export async function recall(when, page) {
  const entry = kept().find((one) => one.when === when);
  if (!entry) return false;
  const wanted = page.wished();
  const picture = await loaded(entry.result.crop.image);
  if (wanted()) page.show({ name: entry.name, when }, entry.result, picture);
  return true;
}

function still(picture) {
  const canvas = element("canvas");
  canvas.width = canvas.height = SIDE;
  canvas.getContext("2d").drawImage(picture, 0, 0, SIDE, SIDE);
  return canvas.toDataURL("image/jpeg", 0.85);
}

export function showHistory(page) {
  const entries = kept();
  $("history").hidden = entries.length === 0;
  $("history-count").textContent = filled(page.words().history, { count: entries.length });
  $("earlier").replaceChildren(...entries.map((entry) => row(entry, page)));
}

function row(entry, page) {
  const words = page.words();
  const image = Object.assign(new Image(64, 64), { src: entry.result.crop.image, alt: "" });
  const when = new Date(entry.when).toLocaleString(page.language(), { dateStyle: "medium", timeStyle: "short" });
  const open = element("button", image, element("span", entry.result.verdict.statement, element("small", when)));
  open.className = "entry";
  open.addEventListener("click", () => recall(entry.when, page));
  const drop = element("button", words.forget);
  drop.className = "button";
  drop.setAttribute("aria-label", `${words.forget}: ${entry.result.verdict.statement}`);
  drop.addEventListener("click", () => {
    keep(kept().filter((other) => other.when !== entry.when));
    showHistory(page);
    $("history-count").focus();
  });
  open.type = drop.type = "button";
  return element("li", open, drop);
}

export function listenToHistory(page) {
  $("forget-all").addEventListener("click", () => {
    keep([]);
    showHistory(page);
    $("title").focus();
  });
}
