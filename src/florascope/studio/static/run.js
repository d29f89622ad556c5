// One run: its figures, where it errs and why, what the doctor says, and the model to take along.

import { confusionView } from "./confusion.js";
import { button, make } from "./make.js";
import { fillNext } from "./next.js";
import { between, named } from "./runs.js";
import { get, post } from "./server.js";
import { listen } from "./store.js";
import { newest, once } from "./telling.js";
import { follow, watch } from "./work.js";
import { number, percent, plainly, say } from "./words.js";

export function runView(node, which) {
  const view = { run: null, doctor: make("section"), take: make("div.row"), next: make("section.card", { id: "next" }) };
  const ask = newest(node, () => get(`api/runs/${Number(which)}`), (run) => {
    const first = !view.run;
    view.run = run;
    fill(view);
    if (first) node.append(...parts(view));
  });
  ask();
  const deaf = listen(() => view.run && fillNextOf(view));
  const ends = follow((job, before) => {
    if (job?.run === Number(which) && before?.state === "running" && job.state === "done") ask();
  });
  return () => (deaf(), ends());
}

function parts({ run, doctor, take, next }) {
  return [
    make("p", {}, make("a", { href: "#runs", textContent: `← ${say("runs")}` })),
    make("h1", { textContent: named(run) }),
    make("div.two", {}, figures(run), make("section.card", {}, make("h2", { textContent: say("takeAlong") }), make("p.small", { textContent: say("takeNote") }), take)),
    confusionView(run),
    next,
    doctor,
  ];
}

function fill(view) {
  fillDoctor(view);
  fillTake(view);
  fillNextOf(view);
}

const fillNextOf = ({ next, run }) => fillNext(next, run, () => begin("suggest", run.number));

function figures({ test, val, train, photos, classes, seconds }) {
  const rest = [["val", val], ["train", train]].map(([name, part]) => `${say(`subset-${name}`)}: ${percent(part.top1)}`);
  return make("section.card", {},
    make("h2", { textContent: say("accuracy") }),
    make("div.figure", {}, make("strong", { textContent: percent(test.top1) }), make("span", { textContent: between(test.interval, 1) })),
    scale(test),
    make("p", { textContent: say("measured", { count: test.n }) }),
    test.n < 100 ? make("p.small", { textContent: say("fewMeasured") }) : null,
    make("p.small", { textContent: `${rest.join(" · ")} · ${say("trainOn", { photos, classes: Array.isArray(classes) ? classes.length : classes })} ${say("elapsed", { seconds: number(Math.round(seconds)) })}` }));
}

function scale({ top1, interval: [low, high] }) {
  const [range, mark] = [make("i"), make("b")];
  range.style.left = `${100 * low}%`;
  range.style.width = `${100 * (high - low)}%`;
  mark.style.left = `${100 * top1}%`;
  return make("div.scale", { ariaHidden: "true" }, range, mark);
}

function fillTake({ run, take }) {
  const link = (href, word, kind = "a.button") => make(kind, { href, textContent: say(word) });
  const page = run.web ? Object.assign(link(`api/runs/${run.number}/web.zip`, "takeWeb"), { id: "web" }) : button(say("makeWeb"), () => begin("web", run.number));
  const trial = Object.assign(link(`try/${run.number}/`, "tryIt", "a.button.primary"), { target: "_blank", rel: "noopener", id: "try" });
  const bundle = Object.assign(link(`api/runs/${run.number}/bundle.zip`, "takeBundle"), { id: "bundle" });
  take.replaceChildren(trial, bundle, page);
}

const begin = once(async (work, run) => {
  await post("api/job", { work, run });
  await watch();
});

function fillDoctor({ run, doctor }) {
  const { findings } = run;
  const asked = button(say(run.asked ? "askAgain" : "askDoctor"), () => begin("doctor", run.number));
  asked.id = "ask-doctor";
  doctor.className = "card";
  doctor.id = "doctor";
  doctor.replaceChildren(
    make("h2", { textContent: say("doctor") }),
    make("p.small", { textContent: say("doctorLead") }),
    ...(findings.length ? findings.map(finding) : [make("p", { textContent: say(run.asked ? "doctorFine" : "doctorQuiet") })]),
    asked,
  );
}

// `told` says each part of a finding in the page's language, or in English where it is unknown there.
function finding({ severity, cause, confidence, told }) {
  const [title, cure] = plainly(cause);
  const said = (part) => make("span", { textContent: told[part].text, lang: told[part].language });
  return make("article.finding", { "data-severity": severity },
    make("h3", {}, `${say(`severity-${severity}`)}: `, title ?? said("cause")),
    ...(cure ? [make("p", { textContent: cure }), make("p.small", {}, said("cause"))] : []),
    make("p", {}, said("found")),
    make("p.small", {}, `${say("expected")} `, said("expected")),
    make("p", {}, make("strong", { textContent: say("fix") }), " ", said("fix")),
    make("p.small", { textContent: say("sure", { share: percent(confidence, 0) }) }));
}
