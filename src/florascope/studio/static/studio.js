// The page: which view is shown, in which language, and what is dropped anywhere on it.

import { $ } from "../shared/dom.js";
import { importPhotos } from "./importing.js";
import { droppedPhotos } from "./drop.js";
import { healthView } from "./health.js";
import { make } from "./make.js";
import { photosView } from "./photos.js";
import { runView } from "./run.js";
import { runsView } from "./runs.js";
import { load, store } from "./store.js";
import { tried, trouble } from "./telling.js";
import { trainView } from "./train.js";
import * as work from "./work.js";
import { language, speak, spell } from "./words.js";

// A view gets a node of its own, which it fills now or once the server has answered, and returns at once
// what ends it, if anything does.
const VIEWS = { photos: photosView, health: healthView, train: trainView, runs: runsView, run: runView };
let leave = null;

const show = tried(() => {
  const [, name = "photos", rest = ""] = /^#?(\w+)-?(.*)$/.exec(location.hash) ?? [];
  const view = name in VIEWS ? name : "photos";
  for (const link of document.querySelectorAll("nav a")) {
    const here = link.hash === `#${view === "run" ? "runs" : view}`;
    if (here) link.ariaCurrent = "page";
    else link.removeAttribute("aria-current");
  }
  work.show();
  leave?.();
  leave = null;
  const node = make("div");
  $("main").replaceChildren(node);
  leave = VIEWS[view](node, decodeURIComponent(rest));
});

function spellAll() {
  document.documentElement.lang = language();
  spell(document);
  for (const button of document.querySelectorAll("[data-language]"))
    button.ariaPressed = String(button.dataset.language === language());
  work.show();
}

for (const button of document.querySelectorAll("[data-language]"))
  button.addEventListener("click", () => {
    speak(button.dataset.language);
    spellAll();
    show();
  });

window.addEventListener("hashchange", () => {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  show();
  $("main").focus({ preventScroll: true });
  window.scrollTo(0, 0);
});

// Files may be dropped on any view.
let depth = 0;
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
const over = (shown) => document.body.classList.toggle("over", shown);
document.addEventListener("dragenter", (event) => carriesFiles(event) && over((depth += 1) > 0));
document.addEventListener("dragleave", (event) => carriesFiles(event) && over((depth -= 1) > 0));
document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
document.addEventListener("drop", tried(async (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  over((depth = 0) > 0);
  await importPhotos(await droppedPhotos(event.dataTransfer));
}));

async function start() {
  spellAll();
  await load();
  $("project").textContent = store.name;
  document.title = `${store.name} – florascope studio`;
  await work.watch();
  show();
}

start().catch(trouble);
