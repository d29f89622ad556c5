// Each photo as it is answered without itself.

import { discriminants, unitMeans } from "./head.js";
import { isTold, ratiosOf, ratioTerms } from "./likelihood-ratio.js";
import { dot, products, unit, without } from "./matrix.js";

// Of each photo of which its class has another, if then one class has still two: {label, logits, alike, ratios}. alike: by how much its
// largest cosine to a class mean is above `elsewhere`, its largest to what the network knew before;
// ratios: null where they tell nothing. step: awaited before each.
export async function leaveOneOut({ features, labels, elsewhere }, classes, step = () => {}) {
  const directions = features.map(unit);
  const [plain, scaled] = [features, directions].map((rows) => products(rows));
  const another = (out) => labels.some((label, k) => k !== out && label === labels[out]);
  const asked = labels.length > classes + 1 ? [...labels.keys()].filter(another) : [];
  const found = [];
  for (const [place, out] of asked.entries()) {
    await step(place + 1, asked.length);
    const others = (rows) => rows.filter((_, k) => k !== out);
    const own = others(labels);
    const nearest = Math.max(...unitMeans(others(features), own, classes).map((one) => dot(one, directions[out])));
    found.push({
      label: labels[out],
      logits: logitsOf(without(plain, out), own, classes, features[0].length),
      alike: nearest - elsewhere[out],
      ratios: isTold(own, classes) ? told(without(scaled, out), own, classes, features[0].length) : null,
    });
  }
  return found;
}

function logitsOf({ inner, against }, labels, classes, width) {
  const { mix, bias } = discriminants(inner, labels, classes, width);
  return mix.map((parts, k) => dot(parts, against) + bias[k]);
}

function told({ inner, against }, labels, classes, width) {
  const terms = ratioTerms(inner, labels, classes, width);
  return terms && ratiosOf(terms, against);
}
