// A model that was taught in the browser: what is kept of it, what the page is told, and its bundle.
//
// taught: {network: key of the edition's graph, classes: [name], head, places: see onnx.js,
//   calibration: see calibrating.js, right: how many photos were right when answered without themselves}

import { calibrated } from "./calibrating.js";
import { fitHead, leaveOneOut } from "./head.js";
import { zipped } from "./zip.js";

export const FEWEST = 2; // photos a class: fewer could not be answered without themselves

// examples: [{name, photos: [{features, elsewhere}]}]; told: the edition's facts.
export function learned(examples, { teaching }, places) {
  const photos = examples.flatMap(({ photos: own }, label) => own.map((photo) => ({ ...photo, label })));
  const features = photos.map((photo) => photo.features);
  const labels = photos.map(({ label }) => label);
  const elsewhere = photos.map((photo) => photo.elsewhere);
  const answers = leaveOneOut(features, labels, examples.length, elsewhere);
  return {
    network: teaching.network,
    classes: examples.map(({ name }) => name),
    head: fitHead(features, labels, examples.length),
    places,
    calibration: calibrated(answers, labels, teaching.figures),
    right: answers.filter(({ logits }, k) => logits.indexOf(Math.max(...logits)) === labels[k]).length,
  };
}

// The facts that the page answers by, in the form of florascope.export.web.facts.
export function toldOf(edition, { classes, calibration }) {
  const { words, remark, few } = edition.teaching;
  const rough = calibration.photos < few;
  const remarks = Object.entries(remark).map(([language, text]) => [
    language,
    rough ? text.replace("{photos}", calibration.photos) : null,
  ]);
  return {
    ...edition,
    subject: "things",
    calibration,
    remark: Object.fromEntries(remarks),
    classes: classes.map((name) => ({
      class_id: name,
      names: { en: name, es: name },
      scientific_name: null,
      lookalikes: [],
      cautions: null,
    })),
    words,
  };
}

// A bundle as Python's `florascope identify --model FILE.zip` takes it.
export function archive(edition, taught, network) {
  const text = (value) => new TextEncoder().encode(value);
  return zipped([
    ["config.json", text(JSON.stringify(configured(edition.teaching.config, taught), null, 2))],
    ["model.onnx", network],
    ["README.md", text(card(taught))],
  ]);
}

function configured(config, { classes, calibration, right }) {
  const { pretrained_cfg: settings, florascope: own } = config;
  const learnt = { photos: calibration.photos, right_without_themselves: right };
  return {
    ...config,
    num_classes: classes.length,
    label_names: classes,
    pretrained_cfg: { ...settings, num_classes: classes.length },
    florascope: {
      ...own,
      classes: classes.map((name) => ({ id: name, name })),
      provenance: { recipe: "taught in the browser", ...learnt, base: own.provenance },
      calibration,
    },
  };
}

function card({ classes, calibration: { photos, temperature }, right }) {
  return [
    "# A model taught in the browser",
    "",
    `It tells ${classes.length} classes apart: ${classes.join(", ")}.`,
    "",
    `It learnt from ${photos} photos. Each answered by a head that had not seen it, ${right} of ${photos} were right;`,
    `its percentages rest on these answers alone (temperature ${temperature.toFixed(3)}).`,
    "No other photo has tested it.",
    "",
  ].join("\n");
}
