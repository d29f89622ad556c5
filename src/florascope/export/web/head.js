// A head from few photos, in closed form: linear discriminants with a shrunk covariance.
//
// logit_k(f) = (m_k' S^-1 f - m_k' S^-1 m_k / 2) / SCALE, with f about the mean of all photos, m_k the
// classes' means, and S = C + RIDGE * v / c * I, C being the covariance about each class's own mean and v
// its trace with n - K in place of n photos.
// Both numbers were chosen on draws of 3 and 10 of Oxford's species, 3 to 10 photos of each; the
// covariance of the classes known before helped less there than that of these few photos.
// All is computed from products of photos: they are few.

import { combined, dot, flat, less, mean, product, products, solve, transposed, unit } from "./matrix.js";

const RIDGE = 10;
const SCALE = 5; // what such a head is too sure by, before its temperature is fitted
const TINY = 1e-9; // where the photos of a class do not differ

// features: n rows of c; labels: n of 0 to K - 1, each class at least once.
// -> {weight, bias, means}: Float32Arrays of (K, c), (K,) and (K, c), means of length 1.
export function fitHead(features, labels, classes) {
  const centre = mean(features);
  const rows = features.map((row) => less(row, centre));
  const { mix, bias } = discriminants(products(rows), labels, classes, centre.length);
  const weight = mix.map((shares) => combined(shares, rows));
  return {
    weight: flat(weight),
    bias: Float32Array.from(bias, (value, k) => value - dot(weight[k], centre)),
    means: flat(unitMeans(features, labels, classes)),
  };
}

// The discriminants as sums of photos: mix (K, n) and bias (K,), from the photos' products (n, n)
// about their mean.
export function discriminants(gram, labels, classes, width) {
  const belongs = shares(labels, classes);
  const ridge = (variance) => (RIDGE * Math.max(variance, TINY)) / width;
  const mix = whitened(gram, labels, belongs, ridge).map((row) => row.map((share) => share / SCALE));
  const bias = mix.map((row, k) => -0.5 * belongs[k].reduce((sum, share, i) => sum + share * dot(gram[i], row), 0));
  return { mix, bias };
}

// (C + r I)^-1 m_k as sums of photos, (K, n), by Woodbury's identity. r is the ridge for the photos'
// variance about their class's mean; where each class has one photo, it is no more than that about all.
export function whitened(gram, labels, belongs, ridge) {
  const [count, classes] = [labels.length, belongs.length];
  const half = transposed(aboutMeans(gram, labels, belongs));
  const spread = aboutMeans(half, labels, belongs);
  const variance = count > classes ? trace(spread) / (count - classes) : trace(gram) / Math.max(1, count - 1);
  const floor = ridge(variance);
  spread.forEach((row, i) => (row[i] += count * floor));
  const solved = aboutMeans(solve(spread, transposed(product(belongs, half))), labels, belongs); // (n, K)
  return belongs.map((row, k) => row.map((share, j) => (share - solved[j][k]) / floor));
}

// Rows (n, m) less the mean of their class's.
function aboutMeans(rows, labels, belongs) {
  const means = product(belongs, rows);
  return rows.map((row, i) => less(row, means[labels[i]]));
}

const trace = (rows) => rows.reduce((sum, row, k) => sum + row[k], 0);

// 1 / n_k where a photo is of class k, (K, n).
export function shares(labels, classes) {
  const counts = countsOf(labels, classes);
  return counts.map((count, k) => Float64Array.from(labels, (label) => (label === k ? 1 / count : 0)));
}

export const countsOf = (labels, classes) =>
  Array.from({ length: classes }, (_, k) => labels.filter((label) => label === k).length);

export function unitMeans(features, labels, classes) {
  return shares(labels, classes).map((row) => unit(combined(row, features)));
}
