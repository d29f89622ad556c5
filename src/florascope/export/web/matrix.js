// Linear algebra on rows of numbers, for some hundred photos.

export const mean = (rows) => combined(rows.map(() => 1 / rows.length), rows);
export const products = (rows) => rows.map((row) => Float64Array.from(rows, (other) => dot(row, other)));
export const product = (left, right) => left.map((row) => combined(row, right));
export const flat = (rows) => Float32Array.from(rows.flatMap((row) => Array.from(row)));

export function dot(left, right) {
  let sum = 0;
  for (let k = 0; k < left.length; k++) sum += left[k] * right[k];
  return sum;
}

// A sum of rows, each times its part.
export function combined(parts, rows) {
  const sum = new Float64Array(rows[0].length);
  for (let i = 0; i < rows.length; i++) {
    const share = parts[i];
    if (share === 0) continue;
    for (let k = 0; k < sum.length; k++) sum[k] += share * rows[i][k];
  }
  return sum;
}

export function unit(row) {
  const length = Math.sqrt(dot(row, row));
  return Float64Array.from(row, (value) => value / (length || 1));
}

export function less(row, other) {
  const rest = new Float64Array(row.length);
  for (let k = 0; k < rest.length; k++) rest[k] = row[k] - other[k];
  return rest;
}

export function transposed(rows) {
  const columns = Array.from(rows[0], () => new Float64Array(rows.length));
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < columns.length; k++) columns[k][i] = rows[i][k];
  }
  return columns;
}

// The products (n - 1, n - 1) of all rows but one about their mean, and those of that one with them.
export function without(all, out) {
  const others = (row) => row.filter((_, k) => k !== out);
  const rest = others(all).map(others);
  const means = Float64Array.from(rest, average);
  const middle = average(means);
  const centred = (row) => {
    const shift = average(row) - middle;
    return less(row, means).map((value) => value - shift);
  };
  return { inner: rest.map(centred), against: centred(others(all[out])) };
}

const average = (row) => row.reduce((a, b) => a + b, 0) / row.length;

// X of matrix X = right, for a symmetric positive matrix, by Cholesky's factor.
export function solve(matrix, right) {
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

const SWEEPS = 30; // some ten are needed
const SMALL = 1e-14; // of the matrix's size, where a rotation changes nothing

// Of a symmetric matrix, by Jacobi's rotations (Golub and Van Loan, Matrix Computations, 8.5):
// {values: (K,), vectors: (K, K), a row for each value}.
export function eigen(matrix) {
  const rows = matrix.map((row) => Float64Array.from(row));
  const vectors = rows.map((_, i) => Float64Array.from(rows, (__, j) => (i === j ? 1 : 0)));
  const least = SMALL * Math.sqrt(rows.reduce((sum, row) => sum + dot(row, row), 0));
  for (let sweep = 0, turned = true; turned && sweep < SWEEPS; sweep++) {
    turned = false;
    for (let p = 0; p < rows.length; p++) {
      for (let q = p + 1; q < rows.length; q++) {
        if (Math.abs(rows[p][q]) <= least) continue;
        turn(rows, vectors, p, q);
        turned = true;
      }
    }
  }
  return { values: Float64Array.from(rows, (row, k) => row[k]), vectors };
}

// Rotates so that rows p and q have nothing in common.
function turn(rows, vectors, p, q) {
  const slope = (rows[q][q] - rows[p][p]) / (2 * rows[p][q]);
  const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(slope, 1));
  const cosine = 1 / Math.hypot(tangent, 1);
  const sine = tangent * cosine;
  for (const row of rows) rotate(row, row, p, q, cosine, sine);
  for (let k = 0; k < rows.length; k++) {
    rotate(rows[p], rows[q], k, k, cosine, sine);
    rotate(vectors[p], vectors[q], k, k, cosine, sine);
  }
}

function rotate(one, other, i, j, cosine, sine) {
  const [first, second] = [one[i], other[j]];
  one[i] = cosine * first - sine * second;
  other[j] = sine * first + cosine * second;
}
