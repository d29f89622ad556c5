// How much may be said about a photo; follows florascope.identify (verdict, identification, caution).

export function softmax(logits, temperature) {
  const scaled = Array.from(logits, (z) => z / temperature);
  const highest = Math.max(...scaled);
  const shares = scaled.map((z) => Math.exp(z - highest));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / sum);
}

// model: what florascope.export.facts wrote. alike: the largest similarity, null where there is none;
// nearest: the class that has it; ratios: log-likelihood ratios to a class never shown, if there are any;
// weigh: what a prior does to what was judged (see prior.js).
export function conclude(model, logits, alike, language, nearest = null, ratios = null, weigh = unweighed) {
  const alone = judge(model, softmax(logits, model.calibration?.temperature ?? 1), alike);
  if (isStrange(model.calibration, { logits, ratios })) withdraw(alone);
  const judged = weigh(alone);
  return told(model, judged, { alike, nearest, language, similar: lookalikes(model.classes, judged.held) });
}

// Several photos of one thing, each {logits, alike, nearest}; follows florascope.identify.together.
export function concludeTogether(model, photos, language, weigh = unweighed) {
  const { calibration, classes, rules } = model;
  const temperature = calibration?.temperature ?? 1;
  const alone = photos.map((photo) => judgedAlone(model, photo, temperature));
  const known = alone.filter(({ verdict }) => verdict.level !== "none");
  const counted = photos.filter((_, k) => known.length === 0 || known.includes(alone[k]));
  const shares = softmax(pooled(counted, calibration?.pooling ?? 0), temperature);
  const first = mostAlike(photos);
  let judged = judge(model, shares, first.alike);
  const strange = known.filter((one) => one.strange).length;
  if (2 * strange >= Math.max(1, known.length)) withdraw(judged);
  const feared = [...judged.plausible, ...alone.flatMap(({ plausible, verdict }) => [...plausible, ...verdict.members])];
  judged.plausible = ordered(new Set(feared), shares);
  const disagreeing = disagree(known, rules);
  if (disagreeing || (known.length > 0 && 2 * known.length <= photos.length)) {
    judged.verdict = { level: "unsure", members: judged.plausible };
  }
  judged = weigh(judged);
  const warned = [judged, ...alone].flatMap(({ held }) => lookalikes(classes, held));
  const similar = [...new Set(warned)].filter((k) => !judged.held.includes(k)).sort((a, b) => a - b);
  const answer = told(model, judged, { ...first, language, similar });
  const how = { photos: photos.length, counted: known.length, disagreeing };
  answer.verdict.statement = [answer.verdict.statement, ...doubts(how, model.words[language])].join(" ");
  return { ...answer, ...how };
}

function judgedAlone(model, photo, temperature) {
  const judged = judge(model, softmax(photo.logits, temperature), photo.alike);
  const strange = isStrange(model.calibration, photo);
  if (strange) withdraw(judged);
  return { ...judged, strange };
}

// Whether a photo may show what the classifier has never seen.
function isStrange(calibration, { logits, ratios }) {
  const learned = calibration?.familiarity;
  if (!learned || !ratios) return false;
  return !(familiarityOf(learned, { logits, ratios }) >= learned.least);
}

export function familiarityOf({ ratio, logit, offset }, { logits, ratios }) {
  return ratio * Math.max(...ratios) + logit * Math.max(...logits) + offset;
}

const unweighed = (judged) => judged;

// Takes back a species' name: there are candidates only.
function withdraw(judged) {
  if (judged.verdict.level === "species") judged.verdict = { level: "unsure", members: judged.plausible };
}

// n^s times the mean of the photos' logits.
function pooled(photos, exponent) {
  const scale = photos.length ** exponent / photos.length;
  return Array.from(photos[0].logits, (_, k) => scale * photos.reduce((sum, { logits }) => sum + logits[k], 0));
}

function mostAlike(photos) {
  const known = ({ alike }) => (Number.isFinite(alike) ? alike : -Infinity);
  return photos.reduce((best, photo) => (known(photo) > known(best) ? photo : best));
}

// Whether what is named of some photos has no class in common.
function disagree(known, { ranks }) {
  const named = known.filter(({ verdict }) => ["species", ...ranks].includes(verdict.level));
  const common = (k) => named.every(({ verdict }) => verdict.members.includes(k));
  return named.length > 0 && !named[0].verdict.members.some(common);
}

function doubts({ photos, counted, disagreeing }, words) {
  const left = counted ? photos - counted : 0;
  return [
    ...(disagreeing ? [words.disagreeing] : []),
    ...(left ? [filled(words.uncounted, { count: left, photos })] : []),
  ];
}

// What probabilities come to; `plausible` are the classes whose harm is told.
function judge(model, probabilities, alike) {
  const { calibration, rules } = model;
  const held = predictionSet(probabilities, calibration, rules.tail);
  const likely = plausible(probabilities, held, rules.plausible);
  const verdict = decide(model, probabilities, { held, likely }, alike);
  return { probabilities, held, verdict, plausible: verdict.level === "none" ? held : likely };
}

// similar: the look-alikes.
function told(model, { probabilities, held, verdict, plausible: likely, alone }, { alike, nearest, language, similar }) {
  const { calibration, classes, rules } = model;
  const named = ordered(new Set([...likely, ...verdict.members]), probabilities);
  const words = model.words[language];
  return {
    verdict: {
      level: verdict.level,
      statement: statement(model, verdict, language),
      probability: certainty(verdict, probabilities),
      members: verdict.members.map((k) => classes[k].class_id),
    },
    candidates: ordered([...classes.keys()], probabilities)
      .slice(0, rules.top)
      .map((k) => ({ ...entry(classes[k], language), probability: probabilities[k] })),
    prediction_set: held.map((k) => classes[k].class_id),
    cautions: named.filter((k) => classes[k].cautions).map((k) => classes[k].cautions[language]),
    lookalikes: similar.map((k) => entry(classes[k], language)),
    calibration: calibration && {
      photos: calibration.photos,
      folds: calibration.folds,
      remark: model.remark[language],
    },
    advice: words.advice,
    ...(verdict.level === "none" && {
      refusal: refusal(model, nearest ?? ordered([...classes.keys()], probabilities)[0], alike, language),
    }),
    ...(alone && { prior: alone(language) }),
  };
}

export function certainty({ level, members, most = 1 }, probabilities) {
  if (level === "none" || level === "unsure") return null;
  return Math.min(1, most, members.reduce((sum, k) => sum + probabilities[k], 0));
}

// What a refused photo resembles the most, and why that is not enough.
export function refusal({ calibration, classes, rules, words }, nearest, alike, language) {
  const known = Number.isFinite(alike);
  const figures = {
    alike: known ? Math.floor(1000 * alike) / 1000 : "?",
    needed: Math.ceil(1000 * calibration.alike) / 1000,
    share: calibration.familiarity ? rules.reached_too : rules.reached,
  };
  return {
    nearest: entry(classes[nearest], language),
    similarity: known ? alike : null,
    needed: calibration.alike,
    reason: filled(words[language].resemblance, figures),
  };
}

export function filled(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function ordered(indexes, probabilities) {
  return [...indexes].sort((a, b) => probabilities[b] - probabilities[a] || a - b);
}

function predictionSet(probabilities, calibration, tail) {
  const best = ordered([...probabilities.keys()], probabilities);
  if (calibration) {
    return best.filter((k) => k === best[0] || 1 - probabilities[k] <= calibration.thresholds[k]);
  }
  let before = 0;
  return best.filter((k) => {
    const needed = before < 1 - tail;
    before += probabilities[k];
    return needed;
  });
}

export function plausible(probabilities, held, least) {
  const likely = [...probabilities.keys()].filter((k) => probabilities[k] >= least);
  return ordered(new Set([...likely, ...held]), probabilities);
}

function decide({ calibration, classes, rules }, probabilities, { held, likely }, alike) {
  const unsure = { level: "unsure", members: likely };
  if (!calibration) return unsure;
  if (alike !== null && !(alike >= calibration.alike)) return { level: "none", members: [] };
  if (held.length === 1 && probabilities[held[0]] >= calibration.sure) {
    return { level: "species", members: held };
  }
  for (const level of rules.ranks) {
    const group = classes[held[0]][level];
    const kin = group ? kinOf(classes, level, group) : [];
    const together = kin.reduce((sum, k) => sum + probabilities[k], 0);
    if (kin.length > 1 && held.every((k) => kin.includes(k)) && together >= calibration.sure) {
      return { level, members: ordered(kin, probabilities), group };
    }
  }
  return unsure;
}

export const kinOf = (classes, level, group) => [...classes.keys()].filter((k) => classes[k][level] === group);

export function statement({ calibration, classes, rules, words }, { level, members, group }, language) {
  const own = words[language];
  const names = members.slice(0, rules.named).map((k) => fullName(classes[k], language));
  const more = members.length - names.length;
  if (more > 0) names.push(own.others.replace("{count}", more));
  const last = names.pop() ?? "";
  const listed = names.length ? `${names.join(", ")} ${own.either} ${last}` : last;
  const values = { what: listed, names: listed, group };
  return filled(own[calibration ? level : "uncalibrated"], values);
}

function fullName({ names, scientific_name }, language) {
  return scientific_name ? `${names[language]} (${scientific_name})` : names[language];
}

export function lookalikes(classes, held) {
  const wanted = new Set(held.flatMap((k) => classes[k].lookalikes));
  return [...classes.keys()].filter((k) => wanted.has(classes[k].class_id) && !held.includes(k));
}

export function entry({ class_id, names, scientific_name, people, pets }, language) {
  return { class_id, name: names[language], scientific_name, people, pets };
}
