// Of a taught class, or of one never shown? The likelihood ratio under Gaussian classes and what is
// learnt from it; follows florascope.calibration.likelihood_ratio, whose tests hold this to its numbers.

import { countsOf, shares, whitened } from "./head.js";
import { combined, dot, eigen, flat, less, mean, product, products, solve, transposed, unit } from "./matrix.js";

const RIDGE = 0.3;
const WIDER = 3;
const FEWEST = 10; // classes
const NOTHING = 1e-12; // variance that rounding alone leaves
const PENALTY = 1e-3;
const STEPS = 100;
const DONE = 1e-10; // of a slope

// features: n rows of c; labels: n of 0 to K - 1.
// -> {axes, shift, square, linear, constant} as Float32Arrays, or null where too little is told.
export function fitRatio(features, labels, classes) {
  if (!isTold(labels, classes)) return null;
  const directions = features.map(unit);
  const middle = mean(directions);
  const rows = directions.map((row) => less(row, middle));
  const terms = ratioTerms(products(rows), labels, classes, middle.length);
  if (!terms) return null;
  const axes = terms.mix.map((parts) => combined(parts, rows));
  return {
    axes: flat(axes),
    shift: Float32Array.from(axes, (axis) => -dot(axis, middle)),
    square: flat(terms.square),
    linear: flat(terms.linear),
    constant: Float32Array.from(terms.constant),
  };
}

export const isTold = (labels, classes) => classes >= FEWEST && labels.length > classes;

// The ratio from the products (n, n) of unit features about their mean; its axes as sums of photos (d, n).
export function ratioTerms(gram, labels, classes, width) {
  const count = labels.length;
  const belongs = shares(labels, classes);
  let each = 0; // variance within the classes, of a direction that varies
  const ridge = (variance) => {
    each = (variance * (count - classes)) / count / Math.min(width, count - classes);
    return RIDGE * Math.max(each, NOTHING);
  };
  const solved = whitened(gram, labels, belongs, ridge);
  if (!(each > NOTHING)) return null;
  const mix = axes(solved, product(product(belongs, gram), transposed(solved)));
  const places = product(mix, gram); // (d, n)
  return { mix, ...polynomial(places, product(places, transposed(belongs)), labels, classes) };
}

// Fisher's discriminants of the solved means (K, n), from their products (K, K).
function axes(solved, between) {
  const { values, vectors } = eigen(between);
  const least = 1e-6 * Math.max(...values);
  return vectors.flatMap((vector, d) =>
    values[d] > least ? [combined(vector.map((value) => value / Math.sqrt(values[d])), solved)] : [],
  );
}

// The two Gaussians' ratio, from the photos' places (d, n) and their classes' means (d, K).
function polynomial(places, means, labels, classes) {
  const counts = countsOf(labels, classes);
  const count = labels.length;
  const axis = places.map((row, d) => {
    const rest = row.map((value, i) => value - means[d][labels[i]]);
    const within = dot(rest, rest) / (count - classes);
    const between = Math.max(dot(means[d], means[d]) / classes - (within * classes) / count, 1e-6);
    return { between, within: WIDER * within };
  });
  const of = (k) =>
    axis.map(({ between, within }, d) => {
      const whole = counts[k] * between + within;
      const known = (means[d][k] * counts[k] * between) / whole;
      return { known, spread: within + (between * within) / whole, fresh: within + between };
    });
  const all = counts.map((_, k) => of(k));
  return {
    square: all.map((own) => own.map(({ fresh, spread }) => 0.5 / fresh - 0.5 / spread)),
    linear: all.map((own) => own.map(({ known, spread }) => known / spread)),
    constant: all.map((own) =>
      own.reduce((sum, { known, spread, fresh }) => sum + 0.5 * (Math.log(fresh / spread) - known ** 2 / spread), 0),
    ),
  };
}

// (K,) of a photo by its products with those that the terms were made of.
export function ratiosOf({ mix, square, linear, constant }, against) {
  const z = mix.map((parts) => dot(parts, against));
  const squared = z.map((value) => value * value);
  return constant.map((value, k) => value + dot(square[k], squared) + dot(linear[k], z));
}

// Weights of the largest ratio and logit, and the offset, of a logistic regression that tells photos
// from the same ones without their own class. answers: {logits, ratios} of each.
export function strangersWeights(answers, labels) {
  const kinds = ["ratios", "logits"];
  const largest = (row, left) => row.reduce((best, value, k) => (k === left ? best : Math.max(best, value)), -Infinity);
  const known = answers.map((one) => kinds.map((kind) => largest(one[kind], -1)));
  const strange = answers.map((one, i) => kinds.map((kind) => largest(one[kind], labels[i])));
  const scores = [...known, ...strange];
  const middle = mean(scores);
  const scale = kinds.map((_, k) => Math.sqrt(scores.reduce((sum, row) => sum + (row[k] - middle[k]) ** 2, 0) / scores.length) + 1e-9);
  const inputs = scores.map((row) => [...row.map((value, k) => (value - middle[k]) / scale[k]), 1]);
  const found = minimised(inputs, known.length);
  const [ratio, logit] = scale.map((side, k) => found[k] / side);
  return { ratio, logit, offset: found[2] - ratio * middle[0] - logit * middle[1] };
}

// Newton's steps within w >= 0 for the first two: a negative weight would call photos familiar for
// looking less like a class. Inputs: the known first.
function minimised(inputs, known) {
  let at = [0, 0, 0];
  for (let step = 0; step < STEPS; step++) {
    const { slope, curve } = derivatives(inputs, known, at);
    const free = [0, 1, 2].filter((k) => k === 2 || at[k] > 0 || slope[k] < 0);
    if (Math.max(...free.map((k) => Math.abs(slope[k]))) < DONE) break;
    const towards = solve(free.map((i) => free.map((j) => curve[i][j])), free.map((k) => [slope[k]]));
    at = descended(inputs, known, at, (size) => within(at, free, towards, size));
  }
  return at;
}

function within(at, free, towards, size) {
  return at.map((value, k) => {
    const moved = free.includes(k) ? value - size * towards[free.indexOf(k)][0] : value;
    return k < 2 ? Math.max(0, moved) : moved;
  });
}

// The first of ever shorter steps that does not ascend.
function descended(inputs, known, at, moved) {
  const before = loss(inputs, known, at);
  for (let size = 1; size > 1e-6; size /= 2) {
    if (loss(inputs, known, moved(size)) <= before) return moved(size);
  }
  return at;
}

const sign = (i, known) => (i < known ? 1 : -1);

function loss(inputs, known, w) {
  const sum = inputs.reduce((all, row, i) => all + softplus(-sign(i, known) * dot(row, w)), 0);
  return sum / inputs.length + PENALTY * (w[0] ** 2 + w[1] ** 2);
}

const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

function derivatives(inputs, known, w) {
  const slope = [0, 1, 2].map((k) => (k < 2 ? 2 * PENALTY * w[k] : 0));
  const curve = [0, 1, 2].map((i) => [0, 1, 2].map((j) => (i === j ? (i < 2 ? 2 * PENALTY : 1e-12) : 0)));
  inputs.forEach((row, n) => {
    const doubt = 1 / (1 + Math.exp(sign(n, known) * dot(row, w)));
    for (let i = 0; i < 3; i++) {
      slope[i] -= (sign(n, known) * doubt * row[i]) / inputs.length;
      for (let j = 0; j < 3; j++) curve[i][j] += (doubt * (1 - doubt) * row[i] * row[j]) / inputs.length;
    }
  });
  return { slope, curve };
}
