// All runs, compared with the best: honest about what so few photos can tell apart.

import { button, make } from "./make.js";
import { get, remove } from "./server.js";
import { ask, newest, tried } from "./telling.js";
import { continueRun } from "./train.js";
import { number, percent, say } from "./words.js";

const COLUMNS = ["runTitle", "way", "photos", "accuracy", "versus", ""];

export const named = ({ number: n, request, title }) => (request?.title ?? title) || say("runNumber", { n });
export const between = ([low, high], digits = 0) => say("between", { low: percent(low, digits), high: percent(high, digits) });

export function runsView(node) {
  const fill = newest(node, () => get("api/runs"), (runs) => {
    node.replaceChildren(make("h1", { textContent: say("runs") }), ...(runs.length ? table(runs, fill) : none()));
  });
  fill();
}

function none() {
  return [make("p.lead", { textContent: say("noRuns") }), make("a.button.primary", { href: "#train", textContent: say("train") })];
}

// again: called once a run is gone.
function table(runs, again) {
  const head = make("tr", {}, ...COLUMNS.map((word) => make("th", { scope: "col", textContent: word && say(word) })));
  const rows = runs.map((run) => make("tr", {}, ...cells(run, again).map((cell, n) => make("td", { "data-name": COLUMNS[n] && say(COLUMNS[n]) }, cell))));
  return [make("p.lead", { textContent: say("runsLead") }), make("table.runs", {}, make("thead", {}, head), make("tbody", {}, ...rows))];
}

function cells(run, again) {
  const title = run.finished ? make("a", { href: `#run-${run.number}`, textContent: named(run) }) : named(run);
  const actions = make("span.row", {}, run.finished ? null : button(say("goOn"), () => continueRun(run.number)), button(say("delete"), () => drop(run, again), "button.button.plain"));
  if (!run.finished) return [title, say(`way-${run.recipe}`), "", say("unfinished"), "", actions];
  const measured = `${percent(run.test.top1)} (${between(run.test.interval)})`;
  return [title, say(`way-${run.recipe}`), number(run.photos), measured, comparison(run), actions];
}

function comparison({ compared, number: own, test }) {
  if (compared.run === own) return say("best");
  const [low] = [...compared.interval].sort((a, b) => a - b);
  const high = Math.max(...compared.interval);
  const points = (share) => (100 * share).toLocaleString(undefined, { maximumFractionDigits: 1, signDisplay: "exceptZero" });
  const told = say(high < 0 ? "worse" : "maybeChance", { points: points(compared.difference), low: points(low), high: points(high) });
  return compared.shared === test.n ? told : `${told} ${say("otherPhotos", { shared: compared.shared })}`;
}

const drop = tried(async (run, again) => {
  if (!(await ask({ title: say("deleteRun", { name: named(run) }), note: say("deleteRunNote"), yes: say("delete") }))) return;
  await remove(`api/runs/${run.number}`);
  await again();
});
