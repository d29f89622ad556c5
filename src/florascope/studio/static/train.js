// A training: two ways, few settings, and how far it is.

import { button, make } from "./make.js";
import { post } from "./server.js";
import { classes, listen, photosOf } from "./store.js";
import { once } from "./telling.js";
import { follow, job, stop, watch } from "./work.js";
import { number, say, stepName } from "./words.js";

const WEIGHTS = ["", "flowers"];
const EPOCHS = 12;

export function trainView(node) {
  const form = trainingForm();
  const going = make("section.card", { id: "going", ariaLive: "polite", hidden: true });
  const lead = make("p.lead", { textContent: summary() });
  node.append(make("h1", { textContent: say("train") }), lead, form, going);
  const draw = (now, before) => {
    const training = now?.work === "train" && now.state === "running";
    form.hidden = training;
    going.hidden = !training;
    if (training) going.replaceChildren(...progress(now));
    if (before?.work === "train" && before.state === "running" && now?.state === "done") location.hash = `#run-${now.run}`;
  };
  draw(job);
  const deaf = listen(() => (lead.textContent = summary()));
  const ends = follow(draw);
  return () => (deaf(), ends());
}

function summary() {
  const known = classes();
  const photos = known.reduce((sum, [, count]) => sum + count, 0);
  return say("trainOn", { photos, classes: known.length }) + (photosOf("").length ? ` ${say("unsortedStay", { count: photosOf("").length })}` : "");
}

function trainingForm() {
  const ways = ["probe", "finetune"].map((recipe, n) => make("label.choice", {}, make("input", { type: "radio", name: "recipe", value: recipe, checked: !n }), make("span", {}, make("strong", { textContent: say(`way-${recipe}`) }), make("span.small", { textContent: ` ${say(`about-${recipe}`)}` }))));
  const title = make("input", { name: "title", maxLength: 80, placeholder: say("titleHint") });
  const weights = make("select", { name: "weights" }, ...WEIGHTS.map((value) => make("option", { value, textContent: say(`weights-${value || "general"}`) })));
  const views = make("input", { type: "checkbox", name: "views" });
  const epochs = make("input", { type: "number", name: "epochs", min: 1, max: 200, value: EPOCHS });
  const [quick, thorough] = [make("label.tick", {}, views, say("views")), make("label", {}, say("epochs"), epochs)];
  thorough.hidden = true;
  const go = button(say("start"), null, "button.button.primary");
  Object.assign(go, { type: "submit", id: "start" });
  const form = make("form", {}, make("fieldset.choices", { ariaLabel: say("way") }, ...ways), make("div.fields", {}, make("label", {}, say("runTitle"), title), make("label", {}, say("weights"), weights), quick, thorough), go);
  form.onchange = () => {
    const tuned = form.elements.recipe.value === "finetune";
    [quick.hidden, thorough.hidden] = [tuned, !tuned];
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    start(form);
  };
  return form;
}

const start = once(async (form) => {
  await post("api/runs", wish(form));
  await watch();
});

function wish({ elements }) {
  const recipe = elements.recipe.value;
  const settings = recipe === "finetune" ? { epochs: Number(elements.epochs.value) } : { views: elements.views.checked ? 4 : 0 };
  return { recipe, title: elements.title.value.trim(), weights: elements.weights.value || null, settings };
}

function progress(now) {
  const steps = [...now.steps.map((step) => make("li", { textContent: `✓ ${stepName(step)}` })), make("li", {}, make("strong", { textContent: stepName(now.step) }), now.total > 1 ? ` ${number(now.done)} / ${number(now.total)}` : "")];
  const bar = make("progress", { max: now.total || 1, ariaLabel: say("train") });
  if (now.total > 1) bar.value = now.done;
  return [make("h2", { textContent: say("training") }), make("ul", {}, ...steps), bar, make("p.small", { textContent: say("elapsed", { seconds: Math.round(now.elapsed) }) }), now.rows.length > 1 ? curve(now.rows) : null, button(say("stop"), () => stop())].filter(Boolean);
}

// Validation accuracy by epoch.
function curve(rows) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.classList.add("curve");
  svg.setAttribute("viewBox", "0 0 100 100");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", say("curve", { share: Math.round(100 * rows.at(-1).val_top1) }));
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", rows.map((row, n) => `${n ? "L" : "M"}${(100 * n) / (rows.length - 1)} ${100 - 100 * row.val_top1}`).join(""));
  svg.append(path);
  return svg;
}

export const continueRun = once(async (run) => {
  const here = location.hash;
  await post("api/job", { work: "train", run });
  await watch();
  if (location.hash === here) location.hash = "#train";
});
