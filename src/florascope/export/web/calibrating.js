// What verdicts rest on, from photos that were each answered without themselves; follows
// florascope.calibration (fitting, conformal), whose tests hold this to its numbers.

import { familiarityOf, softmax } from "./verdict.js";

const COLDEST = 0.05;
const HOTTEST = 20;
const STEPS = 60;
const GOLDEN = (Math.sqrt(5) - 1) / 2;
const BINS = 15; // of the calibration error
const LOWEST = -1;

// answers: {label, logits, alike, ratios} of each photo; figures: the library's shares and its prior.
export function calibrated(answers, figures) {
  const labels = answers.map((one) => one.label);
  const logits = answers.map((one) => one.logits);
  const temperature = fitTemperature(logits, labels, figures.prior);
  const after = logits.map((row) => softmax(row, temperature));
  const familiarity = learnedFamiliarity(answers, labels, figures);
  const { doubted, refused } = familiarity ? { doubted: figures.doubted_too, refused: figures.refused_too } : figures;
  return {
    photos: labels.length,
    temperature,
    ece_before: calibrationError(logits.map((row) => softmax(row, 1)), labels),
    ece_after: calibrationError(after, labels),
    level: figures.level,
    thresholds: balancedThresholds(after, labels, figures.level),
    alike: lowerQuantile(answers.map((one) => one.alike), refused),
    sure: lowerQuantile(after.map((row) => Math.max(...row)), doubted),
    folds: labels.length,
    pooling: 0, // what several photos add cannot be known from few
    ...(familiarity && { familiarity }),
  };
}

// How much familiarity a name needs; null where too little is told. Ratio and logit count by their
// deviations.
function learnedFamiliarity(answers, labels, { few, unfamiliar, logits }) {
  if (labels.length < few || answers.some(({ ratios }) => !ratios)) return null;
  const [likely, told] = ["ratios", "logits"].map((kind) => moments(answers.map((one) => Math.max(...one[kind]))));
  const ratio = 1 / likely.deviation;
  const logit = logits / told.deviation;
  const learned = { ratio, logit, offset: -(ratio * likely.mean + logit * told.mean) };
  return { ...learned, least: lowerQuantile(answers.map((one) => familiarityOf(learned, one)), unfamiliar) };
}

function moments(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) || 1 };
}

export function fitTemperature(logits, labels, prior) {
  const loss = (log) => crossEntropy(logits, labels, Math.exp(-log)) + (prior * (Math.exp(-log) - 1 + log)) / labels.length;
  let [low, high] = [Math.log(COLDEST), Math.log(HOTTEST)];
  for (let step = 0; step < STEPS; step++) {
    const [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
    if (loss(left) <= loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

function crossEntropy(logits, labels, factor) {
  const losses = logits.map((row, i) => {
    const scaled = Array.from(row, (value) => value * factor);
    const highest = Math.max(...scaled);
    const sum = scaled.reduce((all, value) => all + Math.exp(value - highest), 0);
    return Math.log(sum) + highest - scaled[labels[i]];
  });
  return losses.reduce((a, b) => a + b, 0) / labels.length;
}

export function calibrationError(probabilities, labels) {
  const gaps = new Float64Array(BINS + 1);
  probabilities.forEach((row, i) => {
    const confidence = Math.max(...row);
    gaps[Math.ceil(confidence * BINS)] += (row.indexOf(confidence) === labels[i]) - confidence;
  });
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / labels.length;
}

export function balancedThresholds(probabilities, labels, level) {
  const counts = Array.from(probabilities[0], (_, k) => labels.filter((label) => label === k).length);
  const scored = labels.map((label, i) => ({ score: 1 - probabilities[i][label], weight: 1 / counts[label] }));
  scored.sort((a, b) => a.score - b.score);
  const whole = scored.reduce((sum, { weight }) => sum + weight, 0);
  return counts.map((count) => {
    const wanted = level * (whole + 1 / Math.max(count, 1)) - 1e-9;
    let covered = 0;
    return scored.find(({ weight }) => (covered += weight) >= wanted)?.score ?? 1;
  });
}

export function lowerQuantile(values, share) {
  const count = values.length;
  const sorted = [...values].sort((a, b) => a - b);
  const place = Math.floor(share * (count + 1));
  if (place > 0) return sorted[place - 1];
  if (count === 1) return LOWEST;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
  return Math.min(sorted[0], mean + studentQuantile(share, count - 1) * Math.sqrt(1 + 1 / count) * spread);
}

// Student's t below which lies a share < 1/2, by bisection.
export function studentQuantile(share, freedom) {
  let [low, high] = [0, 1];
  while (twoSided(high, freedom) < 1 - 2 * share) high *= 2;
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (twoSided(middle, freedom) < 1 - 2 * share) low = middle;
    else high = middle;
  }
  return -(low + high) / 2;
}

// P(|T| < t) of a whole number of degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
function twoSided(t, freedom) {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const odd = freedom % 2;
  let term = odd ? cosine : 1;
  let sum = freedom > 1 ? term : 0;
  for (let k = odd ? 3 : 2; k < freedom; k += 2) {
    term *= ((k - 1) / k) * cosine * cosine;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}
