"""Test photos with the evidence for their answers, drawn place by place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from florascope.evaluation.metrics import softmax
from florascope.explanation.attribution import Explainer
from florascope.explanation.overlay import full_colour, heat, overlay
from florascope.model.preprocessing import Crop
from florascope.report.choice import Choice, Reason
from florascope.report.evidence import Case, Evidence
from florascope.report.pictures import Picture, picture
from florascope.report.words import Words
from florascope.training.experiment import Experiment

CANDIDATES = 3  # classes listed with their probabilities


@dataclass(frozen=True)
class Panel:
    """Evidence, drawn.

    Attributes:
        title: the method.
        question: what it was asked.
        heat: the evidence alone.
        overlay: the evidence on the photo.
        total: sum of the evidence beside the logit it explains.
        gap: how far the sum is from what the method promises; empty where it promises nothing.
        scale: the evidence at full colour, in logit units for each 1 % of the picture. Methods
            differ much in it: on one scale, spread evidence beside pointed one is no picture.
    """

    title: str
    question: str
    heat: Picture
    overlay: Picture
    total: str
    gap: str
    scale: str


@dataclass(frozen=True)
class Candidate:
    """A class with its probability for one photo."""

    name: str
    probability: float
    true: bool
    predicted: bool


@dataclass(frozen=True)
class Explained:
    """A test photo, its answer and the evidence.

    Attributes:
        photo: the crop that the network saw.
        name: the photo's.
        reason: the rule that chose it.
        true: name of its class.
        predicted: name of the answer.
        right: whether they are the same class.
        candidates: the likeliest classes, and the true one.
        panels: the evidence, each on a scale of its own.
        legend: the colours, from evidence against to evidence for.
    """

    photo: Picture
    name: str
    reason: Reason
    true: str
    predicted: str
    right: bool
    candidates: tuple[Candidate, ...]
    panels: tuple[Panel, ...]
    legend: Picture


def explain(
    experiment: Experiment, choice: Choice, explainers: Sequence[Explainer], words: Words
) -> Explained:
    """Explain one test photo.

    Args:
        experiment: the finished run.
        choice: the photo.
        explainers: the first also answers "why this class and not that" for an error.
        words: the language.
    """
    case = Case.of(experiment, choice.index, words)
    evidence = case.evidence(explainers)
    name, true = experiment.dataset.photos[choice.index].name, case.name(case.true)
    return Explained(
        photo=picture(case.crop, words("explained.photo.alt", photo=name, name=true)),
        name=name,
        reason=choice.reason,
        true=true,
        predicted=case.name(case.predicted),
        right=case.right,
        candidates=_candidates(case),
        panels=tuple(_panel(e, case.crop, words) for e in evidence),
        legend=_legend(words),
    )


def _candidates(case: Case) -> tuple[Candidate, ...]:
    (probability,) = softmax(case.logits[None])
    shown = np.argsort(-probability, kind="stable")[:CANDIDATES].tolist()
    return tuple(
        Candidate(case.name(k), float(probability[k]), k == case.true, bool(k == case.predicted))
        for k in (shown if case.true in shown else [*shown, case.true])
    )


def _panel(evidence: Evidence, crop: Crop, words: Words) -> Panel:
    scale = full_colour(evidence.values)
    what = {"title": evidence.title, "question": evidence.question}
    total, logit = (words.signed(v) for v in (float(evidence.values.sum()), evidence.logit))
    gap = "" if evidence.gap is None else words("explained.gap", gap=words.percent(evidence.gap, 2))
    over = overlay(crop, evidence.values, scale)
    return Panel(
        title=evidence.title,
        question=evidence.question,
        heat=picture(heat(evidence.values, scale), words("explained.heat.alt", **what)),
        overlay=picture(over, words("explained.overlay.alt", **what)),
        total=words("explained.total", total=total, logit=logit),
        gap=gap,
        scale=words("explained.scale", scale=words.short(scale * evidence.values.size / 100)),
    )


def _legend(words: Words) -> Picture:
    ramp = np.repeat(np.linspace(-1.0, 1.0, 256)[None], 8, axis=0)
    return picture(heat(ramp, 1.0), words("explained.legend.alt"))
