// When and where a photo was taken, as a weight on each class; follows florascope.identify.prior.

import { certainty, entry, filled, ordered, plausible } from "./verdict.js";

// {month, cell} of what the page asks for, null where it says neither.
export function occasionOf({ month, latitude, longitude } = {}) {
  const cell = latitude === undefined ? null : cellOf(Number(latitude), Number(longitude));
  return month || cell ? { month: month ? Number(month) : null, cell } : null;
}

function cellOf(latitude, longitude) {
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return null;
  const south = Math.floor(Math.min(latitude, 89));
  const west = longitude < 180 ? Math.floor(longitude) : -180;
  const part = (degrees, letters, digits) => letters[Number(degrees < 0)] + String(Math.abs(degrees)).padStart(digits, "0");
  return part(south, "NS", 2) + part(west, "EW", 3);
}

// What weighs a judgement of verdict.js for an occasion: it says no more than before, and warns no less.
export function weigher(model, occasion) {
  if (!model.prior || !occasion) return undefined;
  const weight = weights(model, occasion);
  return (judged) => ({ ...weighed(model, judged, weight), alone: (language) => alone(model, judged, occasion, language) });
}

function weights({ classes, prior, rules }, { month, cell }) {
  const told = new Map(prior.map(([k, m, c, weight]) => [[k, m, c].join(), weight]));
  const lines = [[month, cell], [month, null], [null, cell], [null, null]];
  const own = classes.map((_, k) => {
    const line = lines.map((at) => [k, ...at].join()).find((key) => told.has(key));
    return line === undefined ? 1 : told.get(line);
  });
  const highest = Math.max(...own);
  return own.map((weight) => (highest > 0 ? Math.max(rules.least, weight / highest) : 1));
}

function weighed({ calibration, rules }, judged, weight) {
  if (judged.verdict.level === "none") return judged;
  const products = judged.probabilities.map((share, k) => share * weight[k]);
  const sum = products.reduce((a, b) => a + b, 0);
  const probabilities = products.map((share) => share / sum);
  const likely = plausible(probabilities, judged.held, rules.plausible);
  const named = ordered(new Set([...judged.plausible, ...judged.verdict.members, ...likely]), probabilities);
  const verdict = tempered(judged, probabilities, calibration) ?? { level: "unsure", members: named };
  return { probabilities, held: ordered(judged.held, probabilities), plausible: named, verdict };
}

// What may still be named.
function tempered({ verdict, probabilities: before }, probabilities, calibration) {
  const together = verdict.members.reduce((sum, k) => sum + probabilities[k], 0);
  if (verdict.level === "unsure" || !calibration || together < calibration.sure) return null;
  return { ...verdict, members: ordered(verdict.members, probabilities), most: certainty(verdict, before) };
}

function alone({ classes, rules, words }, { probabilities, verdict }, { month, cell }, language) {
  const own = words[language];
  const first = ordered([...classes.keys()], probabilities);
  const shares = first.slice(0, rules.named).map((k) => `${classes[k].names[language]} ${percent(probabilities[k])}`);
  const when = [month && filled(own.month, { month }), cell].filter(Boolean).join(", ");
  return {
    month,
    cell,
    remark: verdict.level === "none" ? own.unweighted : filled(own.weighted, { occasion: when, alone: shares.join(", ") }),
    alone: first.slice(0, rules.top).map((k) => ({ ...entry(classes[k], language), probability: probabilities[k] })),
  };
}

function percent(share) {
  if (share < 0.001) return "< 0.1 %";
  return share > 0.999 ? "> 99.9 %" : `${(100 * share).toFixed(1)} %`;
}
