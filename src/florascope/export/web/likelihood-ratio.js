// Of a taught class, or of one never shown? The likelihood ratio under Gaussian classes; follows florascope.calibration.likelihood_ratio, whose tests hold this to its numbers.

import { countsOf, shares, whitened } from "./head.js";
import { combined, dot, eigen, flat, less, mean, product, products, transposed, unit } from "./matrix.js";

const RIDGE = 0.3;
const WIDER = 3;
const FEWEST = 10; // classes
const NOTHING = 1e-12; // variance that rounding alone leaves

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
