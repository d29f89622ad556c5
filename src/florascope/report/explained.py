"""Test photos with the evidence for their answers, place by place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from florascope.evaluation.metrics import softmax
from florascope.explanation.attribution import Attribution, Explainer
from florascope.explanation.overlay import heat, overlay
from florascope.model.backbone import Images
from florascope.model.preprocessing import Crop
from florascope.report.choice import Choice, Reason
from florascope.report.pictures import Picture, crop_of, picture
from florascope.report.words import Words
from florascope.training.experiment import Experiment

CANDIDATES = 3  # classes listed with their probabilities
SMOOTHING = 1 / 28  # of the side: half a cell of a 7 x 7 map, as standard deviation

Map = Float[np.ndarray, "size size"]


@dataclass(frozen=True)
class Evidence:
    """One question put to one explainer.

    Attributes:
        title: the method.
        question: "Why lotus?", or "Why lotus and not rose?".
        values: (size, size) logit units a pixel, as shown.
        attribution: what the explainer said; None where two of its answers were subtracted.
    """

    title: str
    question: str
    values: Map
    attribution: Attribution | None = None


@dataclass(frozen=True)
class Panel:
    """Evidence, drawn.

    Attributes:
        title: the method.
        question: what it was asked.
        heat: the evidence alone.
        overlay: the evidence on the photo.
        total: sum of the evidence, in logit units.
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
    crop = crop_of(experiment, choice.index)
    true = int(experiment.dataset.labels[choice.index])
    predicted = int(experiment.logits[choice.index].argmax())
    evidence = _evidence(experiment, crop, (true, predicted), explainers, words)
    scale = max(float(np.abs(e.values).max()) for e in evidence) or 1.0
    names = [c.name for c in experiment.dataset.classes]
    photo = experiment.dataset.photos[choice.index].name
    return Explained(
        photo=picture(crop, words("explained.photo.alt", photo=photo, name=names[true])),
        name=photo,
        reason=choice.reason,
        true=names[true],
        predicted=names[predicted],
        right=true == predicted,
        candidates=_candidates(experiment, choice.index),
        panels=tuple(_panel(e, crop, scale, words) for e in evidence),
        legend=_legend(scale, words),
        limit=scale * crop.shape[0] * crop.shape[1] / 100,
    )


def _evidence(
    experiment: Experiment,
    crop: Crop,
    classes: tuple[int, int],
    explainers: Sequence[Explainer],
    words: Words,
) -> list[Evidence]:
    true, predicted = classes
    classifier, names = experiment.classifier, [c.name for c in experiment.dataset.classes]
    image = torch.from_numpy(classifier.preprocessing.normalise(crop[None]))
    why = words("explained.why", name=names[predicted])
    found = [
        _asked(explainer, experiment, image, predicted, words, why) for explainer in explainers
    ]
    if true == predicted or not found:
        return found
    other = _asked(explainers[0], experiment, image, true, words, why)
    question = words("explained.contrast", predicted=names[predicted], true=names[true])
    title = words("explained.contrast.title", method=found[0].title)
    return [*found, Evidence(title, question, found[0].values - other.values)]


def _asked(
    explainer: Explainer,
    experiment: Experiment,
    image: Images,
    target: int,
    words: Words,
    question: str,
) -> Evidence:
    attribution = explainer(experiment.classifier, image, torch.tensor([target]))
    values = attribution.values[0].detach().double().numpy()
    if attribution.method == "ig":
        # Reflected borders keep the sum, and with it the completeness, as it was.
        values = gaussian_filter(values, SMOOTHING * len(values), mode="reflect")
    return Evidence(words(f"method.{attribution.method}"), question, values, attribution)


def _candidates(experiment: Experiment, index: int) -> tuple[Candidate, ...]:
    (probability,) = softmax(experiment.logits[index : index + 1])
    true, order = int(experiment.dataset.labels[index]), np.argsort(-probability, kind="stable")
    shown = order[:CANDIDATES].tolist()
    classes = experiment.dataset.classes
    return tuple(
        Candidate(classes[k].name, float(probability[k]), k == true, k == order[0])
        for k in (shown if true in shown else [*shown, true])
    )


def _panel(evidence: Evidence, crop: Crop, scale: float, words: Words) -> Panel:
    what = {"title": evidence.title, "question": evidence.question}
    attribution, gap = evidence.attribution, ""
    if attribution is not None and attribution.complete:
        gap = words("explained.gap", gap=words.percent(float(attribution.gap[0]), 2))
    total = float(evidence.values.sum())
    return Panel(
        **what,
        heat=picture(heat(evidence.values, scale), words("explained.heat.alt", **what)),
        overlay=picture(
            overlay(crop, evidence.values, scale), words("explained.overlay.alt", **what)
        ),
        total=words("explained.total", total=words.signed(total)),
        gap=gap,
    )


def _legend(scale: float, words: Words) -> Picture:
    ramp = np.repeat(np.linspace(-scale, scale, 256)[None], 8, axis=0)
    return picture(heat(ramp, scale), words("explained.legend.alt"))
