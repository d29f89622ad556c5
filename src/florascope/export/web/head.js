// A head from few photos, in closed form: linear discriminants with a shrunk covariance.
//
// logit_k(f) = (m_k' S^-1 f - m_k' S^-1 m_k / 2) / SCALE, with f about the mean of all photos, m_k the
// classes' means, and S = C + RIDGE * tr(C) / c * I, C being the covariance about each class's own mean.
// Both numbers were chosen on draws of 3 and 10 of Oxford's species, 3 to 10 photos of each; the
// covariance of the classes known before helped less there than that of these few photos.
// All is computed from products of photos: they are few.

const RIDGE = 10;
const SCALE = 5; // what such a head is too sure by, before its temperature is fitted
const TINY = 1e-9; // where the photos of a class do not differ

// features: n rows of c; labels: n of 0 to K - 1, each class at least once.
// -> {weight, bias, means}: Float32Arrays of (K, c), (K,) and (K, c), means of length 1.
export function fitHead(features, labels, classes) {
  const centre = mean(features);
  const rows = features.map((row) => row.map((value, k) => value - centre[k]));
  const { mix, bias } = discriminants(products(rows), labels, classes, centre.length);
  const weight = mix.map((shares) => combined(shares, rows));
  return {
    weight: Float32Array.from(weight.flatMap((row) => Array.from(row))),
    bias: Float32Array.from(bias, (value, k) => value - dot(weight[k], centre)),
    means: Float32Array.from(unitMeans(features, labels, classes).flatMap((row) => Array.from(row))),
  };
}

// Each photo answered without itself: its logits, and by how much its largest cosine to a class mean is
// above `elsewhere`, its largest to what the network knew before. Every class has two photos or more.
export function leaveOneOut(features, labels, classes, elsewhere) {
  const width = features[0].length;
  const all = products(features.map((row) => Float64Array.from(row)));
  return features.map((row, out) => {
    const rest = [...features.keys()].filter((k) => k !== out);
    const gram = centred(rest.map((i) => rest.map((j) => all[i][j])));
    const own = labels.filter((_, k) => k !== out);
    const { mix, bias } = discriminants(gram.inner, own, classes, width);
    const against = gram.across(rest.map((k) => all[out][k]));
    const kept = rest.map((k) => features[k]);
    const alike = Math.max(...unitMeans(kept, own, classes).map((one) => dot(one, unit(row))));
    return { logits: mix.map((shares, k) => dot(shares, against) + bias[k]), alike: alike - elsewhere[out] };
  });
}

// The discriminants as sums of photos: mix (K, n) and bias (K,), from the photos' products (n, n).
function discriminants(gram, labels, classes, width) {
  const count = labels.length;
  const belongs = shares(labels, classes);
  // rows of photos about their class's mean: `rest` = H, H gram and H gram H' by Woodbury's identity
  const rest = labels.map((label, i) => belongs[label].map((share, j) => (i === j ? 1 : 0) - share));
  const half = product(rest, gram);
  const spread = product(half, transposed(rest));
  const trace = spread.reduce((sum, row, k) => sum + row[k], 0);
  const floor = (RIDGE * Math.max(trace, TINY)) / count / width;
  const solved = solve(
    spread.map((row, i) => row.map((value, j) => value + (i === j ? count * floor : 0))),
    product(half, transposed(belongs)),
  );
  const taken = product(transposed(rest), solved); // (n, K)
  const mix = belongs.map((row, k) => Float64Array.from(row, (share, j) => (share - taken[j][k]) / floor / SCALE));
  const bias = mix.map((row, k) => -0.5 * belongs[k].reduce((sum, share, i) => sum + share * dot(gram[i], row), 0));
  return { mix, bias };
}

// 1 / n_k where a photo is of class k, (K, n).
function shares(labels, classes) {
  const counts = Array.from({ length: classes }, (_, k) => labels.filter((label) => label === k).length);
  return counts.map((count, k) => Float64Array.from(labels, (label) => (label === k ? 1 / count : 0)));
}

// The products of photos about their mean, and those of another with them.
function centred(gram) {
  const count = gram.length;
  const means = gram.map((row) => row.reduce((a, b) => a + b, 0) / count);
  const middle = means.reduce((a, b) => a + b, 0) / count;
  const inner = gram.map((row, i) => Float64Array.from(row, (value, j) => value - means[i] - means[j] + middle));
  const across = (row) => {
    const own = row.reduce((a, b) => a + b, 0) / count;
    return Float64Array.from(row, (value, j) => value - own - means[j] + middle);
  };
  return { inner, across };
}

// Solves for a symmetric positive matrix by Cholesky's factor.
function solve(matrix, right) {
  const lower = matrix.map((row) => new Float64Array(row.length));
  for (let i = 0; i < matrix.length; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i][j];
      for (let k = 0; k < j; k++) sum -= lower[i][k] * lower[j][k];
      lower[i][j] = i === j ? Math.sqrt(sum) : sum / lower[j][j];
    }
  }
  const columns = transposed(right).map((column) => backward(lower, forward(lower, column)));
  return transposed(columns);
}

function forward(lower, column) {
  const found = Float64Array.from(column);
  for (let i = 0; i < found.length; i++) {
    for (let k = 0; k < i; k++) found[i] -= lower[i][k] * found[k];
    found[i] /= lower[i][i];
  }
  return found;
}

function backward(lower, column) {
  const found = Float64Array.from(column);
  for (let i = found.length - 1; i >= 0; i--) {
    for (let k = i + 1; k < found.length; k++) found[i] -= lower[k][i] * found[k];
    found[i] /= lower[i][i];
  }
  return found;
}

export function unitMeans(features, labels, classes) {
  return shares(labels, classes).map((row) => unit(combined(row, features)));
}

function unit(row) {
  const length = Math.sqrt(dot(row, row));
  return Float64Array.from(row, (value) => value / (length || 1));
}

const mean = (rows) => combined(rows.map(() => 1 / rows.length), rows);
const products = (rows) => rows.map((row) => Float64Array.from(rows, (other) => dot(row, other)));
const product = (left, right) => left.map((row) => combined(row, right));
const transposed = (rows) => Array.from(rows[0], (_, k) => Float64Array.from(rows, (row) => row[k]));

function dot(left, right) {
  let sum = 0;
  for (let k = 0; k < left.length; k++) sum += left[k] * right[k];
  return sum;
}

function combined(parts, rows) {
  const sum = new Float64Array(rows[0].length);
  for (let i = 0; i < rows.length; i++) {
    const share = parts[i];
    if (share === 0) continue;
    for (let k = 0; k < sum.length; k++) sum[k] += share * rows[i][k];
  }
  return sum;
}
