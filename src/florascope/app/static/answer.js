// What was found, in the order in which it matters: the verdict, what harms, who else it may be.

import { $, element, filled } from "./dom.js";
import { badge, worst, worstFirst } from "./harm.js";
import { explain } from "./map.js";
import { comparison } from "./similar.js";

// model: what the answerer tells about itself.
export function showAnswer(result, model, words) {
  const { verdict, refusal } = result;
  const refused = verdict.level === "none"; // then shares and cautions of known classes mean nothing
  $("result").dataset.level = verdict.level;
  $("level").textContent = words.levels[verdict.level];
  $("certainty").textContent = verdict.probability ? filled(words.certain, { share: percent(verdict.probability) }) : "";
  $("of-photos").textContent = result.photos ? filled(words.ofPhotos, { count: result.photos }) : "";
  $("statement").textContent = verdict.statement;
  showRefusal(refusal, words);
  showHarm("cautions", refused ? [] : result.cautions, (caution) => told(caution, words));
  showHarm("lookalikes", refused ? [] : result.lookalikes, (entry) => named(entry, words));
  showCandidates(refused ? [] : result.candidates, result, words);
  $("basis").textContent = basis(result, model, words);
  $("weighted").textContent = result.prior?.remark ?? (result.weighed ? words.weighed : "");
  showComparison(refused ? { candidates: [refusal?.nearest].filter(Boolean), lookalikes: [] } : result, words);
  $("advice").textContent = result.advice;
}

// What an ear must hear at once: everything deadly that the answer names.
export function warning(result, words) {
  const entries = result.refusal ? [result.refusal.nearest] : [...result.cautions, ...result.lookalikes];
  const names = entries.filter((entry) => worst([entry]) === "deadly").map(({ name }) => name);
  return names.length ? filled(words.beware, { names: [...new Set(names)].join(", ") }) : "";
}

function showRefusal(refusal, words) {
  $("refusal").hidden = !refusal;
  if (!refusal) return;
  $("reason").textContent = refusal.reason;
  $("nearest").replaceChildren(element("span", ...named(refusal.nearest, words)));
}

function showHarm(id, entries, parts) {
  const sorted = worstFirst(entries);
  $(id).hidden = entries.length === 0;
  $(id).dataset.harm = worst(entries);
  $(id).querySelector("ul").replaceChildren(
    ...sorted.map((entry) => {
      const item = element("li", ...parts(entry));
      item.dataset.harm = worst([entry]);
      return item;
    }),
  );
}

function told(caution, words) {
  const source = caution.source ? element("small", filled(words.source, caution)) : null;
  return [badge(caution, words), element("span", caution.text), source];
}

function named(entry, words) {
  const scientific = entry.scientific_name ? [" ", element("em", entry.scientific_name)] : [];
  return [entry.name, ...scientific, " ", badge(entry, words)];
}

function showCandidates(candidates, { prediction_set: held }, words) {
  $("candidates").hidden = candidates.length === 0;
  $("candidates").querySelector("ol").replaceChildren(
    ...candidates.map((candidate) => {
      const fill = element("i");
      const bar = element("span", fill);
      bar.className = "bar";
      fill.style.width = `${100 * candidate.probability}%`;
      const share = element("strong", percent(candidate.probability));
      const parts = [element("span", ...named(candidate, words)), share, bar];
      if (held.includes(candidate.class_id) && held.length > 1) {
        const mark = element("span", words.inSet);
        mark.className = "mark";
        parts.push(mark);
      }
      const button = element("button", ...parts);
      button.type = "button";
      button.dataset.class = candidate.class_id;
      button.addEventListener("click", () => explain(candidate.class_id));
      return element("li", button);
    }),
  );
}

// What the percentages rest on.
function basis({ verdict, calibration }, model, words) {
  if (!calibration) return words.unchecked;
  const rests = calibration.remark ?? filled(words.calibrated, calibration);
  if (verdict.level !== "unsure" || !model.named_from) return rests;
  return `${rests} ${filled(words.needed, { share: percent(model.named_from) })}`;
}

// Never a plain 0 or 100 %: no answer is that sure.
function percent(probability) {
  const share = 100 * probability;
  if (share < 0.1) return "< 0.1 %";
  return share > 99.9 ? "> 99.9 %" : `${share.toFixed(1)} %`;
}

function showComparison(result, words) {
  const { rows, links } = comparison(result, words);
  $("compare").hidden = rows.length + links.length === 0;
  $("compare-note").hidden = rows.length === 0;
  $("held").replaceChildren(...rows);
  $("elsewhere").hidden = links.length === 0;
  $("elsewhere").querySelector("ul").replaceChildren(...links);
}
