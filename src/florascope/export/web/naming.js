// What is told of taught classes: one named as a known species takes its facts and its caution; of any
// other harm is not known, unless the model that came with the page warns of its photos. `lesson` is
// what florascope.export.web.teaching wrote.

const COLUMNS = [
  ...["class_id", "name_en", "name_es", "scientific_name", "group", "people", "pets"],
  ...["caution_en", "caution_es", "source", "lookalikes"],
]; // of facts.csv
const APART = "|"; // between look-alikes there
const LONGEST = 255; // letters of a cell
const NAMED = 3; // species in a sentence
const DEGREES = ["deadly", "poisonous", "harmful", "unknown", "unlisted"];
const UNKNOWN = DEGREES.indexOf("unknown");

// A name as it is kept.
export const tidied = (text) => text.trim().normalize("NFC").replace(/\s+/gu, " ");

// What two names have in common that mean the same: case, accents, hyphens and spaces do not count.
function sense(name) {
  return name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_-]+/gu, " ").trim();
}

// The one of some names that means the same, undefined where there is none.
export function sameName(name, names, { species }) {
  const known = speciesOf(name, species);
  return names.find((other) => sense(other) === sense(name) || (known && speciesOf(other, species) === known));
}

function speciesOf(name, species) {
  return species.find(({ names }) => names.some((own) => sense(own) === sense(name)));
}

// Which species the model that came with the page warns of in its answer to a photo, by place.
export function fearedIn({ verdict, cautions }, { known }) {
  if (verdict.level === "none") return [];
  return cautions.map(({ class_id: id }) => known[id]).filter((place) => place !== undefined);
}

// Those that it warns of on half of a class's photos or more.
export function resembled(photos) {
  const all = new Set(photos.flatMap(({ feared }) => feared));
  return [...all].filter((one) => 2 * photos.filter(({ feared }) => feared.includes(one)).length >= photos.length);
}

// taught: [{name, feared}]. The classes in the form of florascope.export.web.facts.
export function classesOf(taught, lesson) {
  return told(taught, lesson).map(entry);
}

// The same as a bundle's facts.csv.
export function factsTable(taught, lesson) {
  const rows = told(taught, lesson).map(({ name, facts, lookalikes }) => {
    const writable = lookalikes.filter((other) => !other.includes(APART));
    const cells = { ...facts, class_id: name, lookalikes: writable.join(APART) };
    return COLUMNS.map((column) => cells[column] ?? "");
  });
  return [COLUMNS, ...rows].map((row) => `${row.map(cell).join(",")}\n`).join("");
}

const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function told(taught, lesson) {
  const { species } = lesson;
  const named = taught.map(({ name }) => speciesOf(name, species));
  return taught.map(({ name, feared }, k) => {
    if (!named[k]) return unnamed(name, feared.map((place) => species[place]), lesson);
    const alike = taught.filter((_, other) => named[k].lookalikes.includes(species.indexOf(named[other])));
    return { ...named[k], name, lookalikes: alike.map((other) => other.name) };
  });
}

// Of a name that no list knows: no less harm than of what the photos look like.
function unnamed(name, feared, { harms, resembled: sentences, unlisted }) {
  const worst = feared.toSorted((one, other) => degree(one.facts) - degree(other.facts));
  const [people, pets] = ["people", "pets"].map((who) => {
    return DEGREES[Math.min(UNKNOWN, ...worst.map((one) => DEGREES.indexOf(one.facts[who])))];
  });
  const note = (language) => {
    const names = worst.slice(0, NAMED).map(({ facts }) => facts[`name_${language}`]);
    const sentence = names.length ? sentences[language].replace("{names}", () => names.join(", ")) : "";
    return [...sentence].slice(0, LONGEST).join("");
  };
  const text = (language) => {
    const harm = [harms[language].people[people], harms[language].pets[pets]].join("; ");
    return [`${capital(name)}: ${harm}.`, ...(note(language) ? [`${capital(note(language))}.`] : [])].join(" ");
  };
  const facts = {
    ...{ name_en: name, name_es: name, people, pets, source: worst[0]?.facts.source ?? unlisted },
    ...{ caution_en: note("en"), caution_es: note("es") },
  };
  return { name, facts, genus: "", texts: { en: text("en"), es: text("es") }, lookalikes: [] };
}

const degree = ({ people, pets }) => Math.min(DEGREES.indexOf(people), DEGREES.indexOf(pets));

function entry({ name, facts, genus, texts, lookalikes }) {
  const [people, pets] = [facts.people, facts.pets].map((harm) => harm || "unlisted"); // as empty cells are read
  const { source } = facts;
  const names = { en: facts.name_en, es: facts.name_es };
  const caution = ([language, text]) => [
    language,
    { class_id: name, name: names[language], people, pets, text, source },
  ];
  return {
    class_id: name,
    names,
    scientific_name: facts.scientific_name || null,
    ...{ genus, group: facts.group ?? "", family: "", people, pets, lookalikes },
    cautions: texts && Object.fromEntries(Object.entries(texts).map(caution)),
  };
}

function capital(text) {
  const [first, ...rest] = text;
  return [first.toUpperCase(), ...rest].join("");
}
