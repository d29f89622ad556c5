"""Test photos with the evidence for their answers, drawn place by place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from florascope.evaluation.metrics import softmax
from florascope.explanation.attribution import Explainer
from florascope.explanation.overlay import heat, overlay, shared_scale
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
    """

    title: str
    question: str
    heat: Picture
    overlay: Picture
    total: str
    gap: str


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
        panels: the evidence, all on one colour scale.
        legend: the colour scale, from -limit to +limit.
        limit: end of the scale, in logit units for each 1 % of the picture.
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
    limit: float


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
    scale = shared_scale(*(e.values for e in evidence))
    name, true = experiment.dataset.photos[choice.index].name, case.name(case.true)
    return Explained(
        photo=picture(case.crop, words("explained.photo.alt", photo=name, name=true)),
        name=name,
        reason=choice.reason,
        true=true,
        predicted=case.name(case.predicted),
        right=case.right,
        candidates=_candidates(case),
        panels=tuple(_panel(e, case.crop, scale, words) for e in evidence),
        legend=_legend(scale, words),
        limit=scale * case.crop.shape[0] * case.crop.shape[1] / 100,
    )


def _candidates(case: Case) -> tuple[Candidate, ...]:
    (probability,) = softmax(case.logits[None])
    shown = np.argsort(-probability, kind="stable")[:CANDIDATES].tolist()
    return tuple(
        Candidate(case.name(k), float(probability[k]), k == case.true, bool(k == case.predicted))
        for k in (shown if case.true in shown else [*shown, case.true])
    )


def _panel(evidence: Evidence, crop: Crop, scale: float, words: Words) -> Panel:
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
    )


def _legend(scale: float, words: Words) -> Picture:
    ramp = np.repeat(np.linspace(-scale, scale, 256)[None], 8, axis=0)
    return picture(heat(ramp, scale), words("explained.legend.alt"))
