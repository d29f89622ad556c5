// The work that is going on, shown at the bottom of every view.

import { $ } from "../shared/dom.js";
import { turns } from "../shared/turns.js";
import { get, remove } from "./server.js";
import { trouble } from "./telling.js";
import { say, stepName } from "./words.js";

const EVERY = 500; // milliseconds
const listeners = new Set();
const looks = turns();
let timer = null;
export let job = null;

// Told of the job at each look; the function returned ends that.
export function follow(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export async function watch() {
  clearTimeout(timer);
  const latest = looks();
  const told = await get("api/job").catch(() => job);
  if (!latest()) return;
  const before = job;
  job = told;
  show();
  if (before?.state === "running" && job?.state === "failed") trouble(Object.assign(new Error(job.error.message), { language: "en" }));
  for (const listener of listeners) listener(job, before);
  if (job?.state === "running") timer = setTimeout(watch, EVERY);
}

export async function stop() {
  await remove("api/job");
  await watch();
}

export function show() {
  const running = job?.state === "running";
  const told = running && job.work === "train" && location.hash === "#train"; // by the view itself
  $("work").hidden = !running || told;
  if (!running) return;
  $("work-step").textContent = `${say(`work-${job.work}`)}: ${stepName(job.step)}`;
  $("work-bar").max = job.total || 1;
  if (job.total > 1) $("work-bar").value = job.done;
  else $("work-bar").removeAttribute("value");
}

$("work-stop").addEventListener("click", () => stop().catch(trouble));
