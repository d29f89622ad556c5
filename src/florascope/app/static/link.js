// The address of an answer: its verdict and what it warns of, in ids of classes, without the photo.

// What a page's address carries of an answer: URLSearchParams, null where it is a plain address.
export function carried(hash) {
  const told = new URLSearchParams(hash.slice(1));
  return told.has("level") && told.has("model") ? told : null;
}

export function addressOf(result, model) {
  const { verdict, cautions, lookalikes, refusal } = result;
  const refused = verdict.level === "none";
  const told = new URLSearchParams({ model: edition(model), level: verdict.level });
  const add = (name, values) => values.forEach((value) => told.append(name, value));
  add("member", verdict.members);
  if (verdict.probability !== null) told.set("probability", verdict.probability);
  add("caution", refused ? [] : cautions.map(({ class_id }) => class_id));
  add("lookalike", refused ? [] : lookalikes.map(({ class_id }) => class_id));
  if (refusal) told.set("nearest", refusal.nearest.class_id);
  if (refusal?.similarity != null) told.set("similarity", refusal.similarity);
  if (result.photos) told.set("photos", result.photos);
  if (result.prior) told.set("weighed", 1);
  return `${location.href.split("#")[0]}#${told}`;
}

// Which classes a model has: ids mean something else in another model. FNV-1a, 32 bits.
export function edition({ classes }) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(classes.map(({ class_id, name }) => `${class_id}\t${name}`).join("\n"))) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(16);
}
