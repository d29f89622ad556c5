// A model that was taught in the browser: what is kept of it, what the page is told, and its bundle.
//
// taught: {classes: [{name, feared: see naming.js}], photos: how many, head: see onnx.js; calibration: see calibrating.js, null
//   where no photo could be left out; right: how many photos were right when answered without themselves;
//   and what the page adds: network: key of the edition's graph, places: see onnx.js}

import { calibrated } from "./calibrating.js";
import { fitHead } from "./head.js";
import { leaveOneOut } from "./held-out.js";
import { fitRatio } from "./likelihood-ratio.js";
import { classesOf, factsTable, resembled } from "./naming.js";
import { zipped } from "./zip.js";

// examples: [{name, photos: [{features, elsewhere, feared}]}], each with a photo or more; figures: of the lesson
// that florascope.export.web.teaching wrote; step: see held-out.js.
export async function learned(examples, { figures }, step) {
  const photos = examples.flatMap(({ photos: own }, label) => own.map((photo) => ({ ...photo, label })));
  const [features, labels, elsewhere] = ["features", "label", "elsewhere"].map((part) => photos.map((one) => one[part]));
  const answers = await leaveOneOut({ features, labels, elsewhere }, examples.length, step);
  const calibration = answers.length ? calibrated(answers, figures) : null;
  const ratio = calibration?.familiarity ? fitRatio(features, labels, examples.length) : null;
  return {
    classes: examples.map((one) => ({ name: one.name, feared: resembled(one.photos) })),
    photos: photos.length,
    head: { ...fitHead(features, labels, examples.length), ratio },
    calibration,
    right: answers.filter(({ logits, label }) => logits.indexOf(Math.max(...logits)) === label).length,
  };
}

// The facts that the page answers by, in the form of florascope.export.web.facts.
export function toldOf(edition, lesson, { classes, calibration }) {
  const rough = calibration && calibration.photos < lesson.figures.few;
  const remarks = Object.entries(lesson.remark).map(([language, text]) => [
    language,
    rough ? text.replace("{photos}", calibration.photos) : null,
  ]);
  return {
    ...edition,
    subject: "things",
    prior: null, // weights are of the edition's own classes
    calibration,
    remark: Object.fromEntries(remarks),
    classes: classesOf(classes, lesson),
    words: lesson.words,
  };
}

// A bundle as Python's `florascope identify --model FILE.zip` takes it.
export function archive(lesson, taught, network) {
  const text = (value) => new TextEncoder().encode(value);
  return zipped([
    ["config.json", text(JSON.stringify(configured(lesson.config, taught), null, 2))],
    ["model.onnx", network],
    ["facts.csv", text(factsTable(taught.classes, lesson))],
    ["README.md", text(card(taught))],
  ]);
}

function configured(config, { classes, photos, calibration, right }) {
  const { pretrained_cfg: settings, florascope: own } = config;
  const learnt = { photos, left_out_once: calibration?.photos ?? 0, right_when_left_out: right };
  return {
    ...config,
    num_classes: classes.length,
    label_names: classes.map(({ name }) => name),
    pretrained_cfg: { ...settings, num_classes: classes.length },
    florascope: {
      ...own,
      classes: classes.map(({ name }) => ({ id: name, name })),
      provenance: { recipe: "taught in the browser", ...learnt, base: own.provenance },
      calibration,
    },
  };
}

function card({ classes, photos, calibration, right }) {
  return [
    "# A model taught in the browser",
    "",
    `It tells ${classes.length} classes apart: ${classes.map(({ name }) => name).join(", ")}.`,
    "",
    `It learnt from ${photos} photos. ${calibration ? tested(calibration, right) : UNTESTED}`,
    "No other photo has tested it.",
    "",
  ].join("\n");
}

const UNTESTED = "None could be left out to test it, so that it names candidates only.";

const tested = ({ photos, temperature }, right) =>
  `Of ${photos} that were each answered without themselves, ${right} were right; its percentages rest on\n` +
  `these answers alone (temperature ${temperature.toFixed(3)}).`;
