// An answer said again from what its address carries; follows florascope.app.retelling.

import { entry, kinOf, lookalikes, refusal, statement } from "./verdict.js";

// told: URLSearchParams. The answer, or null where this model can have said no such thing.
export function retell(model, told, language) {
  const { calibration, classes, rules, words } = model;
  const place = (id) => classes.findIndex(({ class_id }) => class_id === id);
  const [members, feared, named] = ["member", "caution", "lookalike"].map((name) => [...new Set(told.getAll(name).map(place))]);
  const nearest = told.has("nearest") ? place(told.get("nearest")) : 0;
  const level = told.get("level");
  const given = { level, members, nearest: told.has("nearest"), probability: number(told, "probability"), similarity: number(told, "similarity") };
  if ([...members, ...feared, ...named, nearest].includes(-1) || !possible(model, given)) return null;
  const group = rules.ranks.includes(level) ? classes[members[0]][level] : "";
  const speaks = [...new Set([...members, ...feared])];
  const alike = [...new Set([...lookalikes(classes, members), ...named])].sort((a, b) => a - b);
  return {
    verdict: {
      level,
      statement: statement(model, { level, members, group }, language),
      probability: level === "none" || level === "unsure" ? null : given.probability,
      members: members.map((k) => classes[k].class_id),
    },
    candidates: [],
    prediction_set: [],
    cautions: speaks.filter((k) => classes[k].cautions).map((k) => classes[k].cautions[language]),
    lookalikes: alike.map((k) => entry(classes[k], language)),
    calibration: calibration && {
      photos: calibration.photos,
      folds: calibration.folds,
      remark: model.remark[language],
    },
    advice: words[language].advice,
    ...(level === "none" && { refusal: refusal(model, nearest, given.similarity ?? NaN, language) }),
  };
}

function number(told, name) {
  return told.has(name) ? Number(told.get(name)) : null;
}

function possible({ calibration, classes, rules }, { level, members, nearest, probability, similarity }) {
  if (level === "none") {
    return Boolean(calibration) && !((similarity ?? 0) >= calibration.alike) && members.length === 0 && nearest;
  }
  if (level === "unsure") return members.length > 0;
  const sure = Boolean(calibration) && calibration.sure <= probability && probability <= 1;
  if (!sure || members.length === 0) return false;
  if (level === "species") return members.length === 1;
  const group = classes[members[0]][level];
  if (!rules.ranks.includes(level) || !group || members.length < 2) return false;
  const kin = kinOf(classes, level, group);
  return kin.length === members.length && kin.every((k) => members.includes(k));
}
