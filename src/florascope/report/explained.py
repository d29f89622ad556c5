"""Explained photos: which, their maps and what those say."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

from florascope.data.dataset import Indexes
from florascope.explanation.attribution import Explainer
from florascope.metrics import softmax
from florascope.nets.classifier import Classifier
from florascope.overlay import full_colour, heat, overlay
from florascope.preprocessing import Crop
from florascope.report.pictures import Picture, crop_of, picture
from florascope.report.words import Words
from florascope.training.experiment import Experiment

Reason = Literal["random_right", "unsure_right", "confident_error", "random_error"]
HALF = 3  # right answers, and as many errors


@dataclass(frozen=True, slots=True)
class Examples:
    """A test photo and why it was taken.

    Attributes:
        index: into the data set.
        reason: the rule that took it.
    """

    index: int
    reason: Reason


def choose_examples(experiment: Experiment) -> list[Examples]:
    """Take up to 3 right and 3 wrong test answers, each by a rule.

    Right: the least sure one and two at random. Wrong: the most confident one and two at random.
    The draws use the recipe's seed.
    """
    test = experiment.split.test
    logits = experiment.logits[test]
    right = logits.argmax(1) == experiment.dataset.labels[test]
    sure = softmax(logits).max(1)
    draw = np.random.default_rng(experiment.recipe.seed)
    return [
        *_take(test, right, sure, "random_right", "unsure_right", draw),
        *_take(test, ~right, -sure, "random_error", "confident_error", draw),
    ]


def _take(
    test: Indexes,
    among: Bool[np.ndarray, "n"],
    order: Float[np.ndarray, "n"],
    random: Reason,
    first: Reason,
    draw: np.random.Generator,
) -> list[Examples]:
    """Take the photo that comes first in an order, and others at random."""
    places = np.flatnonzero(among)
    if not len(places):
        return []
    extreme = places[int(np.argmin(order[places]))]
    rest = places[places != extreme]
    drawn = draw.choice(rest, min(HALF - 1, len(rest)), replace=False)
    return [
        Examples(int(test[extreme]), first),
        *(Examples(int(test[place]), random) for place in drawn),
    ]


PIXELWISE = {"ig"}  # methods whose single pixels are too noisy to look at
SMOOTHING = 1 / 14  # of the side, as standard deviation: as coarse as a map of 7 x 7 places

Map = Float[np.ndarray, "size size"]


@dataclass(frozen=True, eq=False)
class Evidence:
    """The answer of one explainer to one question.

    Attributes:
        title: the method.
        question: "Why lotus?", or "Why lotus and not rose?".
        values: (size, size) logit units a pixel, as shown.
        logit: of the class asked about, or the difference of two.
        gap: completeness gap; None where the method promises no sum.
    """

    title: str
    question: str
    values: Map
    logit: float
    gap: float | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One photo, as the network saw it and answered.

    Attributes:
        classifier: the network.
        crop: (size, size, 3) what it saw.
        logits: (K,) what it said.
        true: index of the photo's class.
        words: the language of titles and questions.
    """

    classifier: Classifier
    crop: Crop
    logits: Float[np.ndarray, "k"]
    true: int
    words: Words

    @classmethod
    def of(cls, experiment: Experiment, index: int, words: Words) -> Self:
        """Take a photo of a finished run."""
        true = int(experiment.dataset.labels[index])
        crop = crop_of(experiment, index)
        return cls(experiment.classifier, crop, experiment.logits[index], true, words)

    @property
    def predicted(self) -> int:
        """Index of the answered class."""
        return int(self.logits.argmax())

    @property
    def right(self) -> bool:
        """Whether the answer is the photo's class."""
        return self.predicted == self.true

    def name(self, k: int) -> str:
        """Return a class's name."""
        return self.classifier.classes[k].name

    def evidence(self, explainers: Sequence[Explainer]) -> list[Evidence]:
        """Ask every explainer for the answer; for an error, the first for the difference too."""
        found = [self.ask(explainer, self.predicted) for explainer in explainers]
        if not self.right:
            other = self.ask(explainers[0], self.true)
            found.append(self.contrast(found[0], other))
        return found

    def ask(self, explainer: Explainer, target: int) -> Evidence:
        """Explain one class's logit."""
        batch = torch.from_numpy(self.classifier.preprocessing.normalise(self.crop[None]))
        attribution = explainer(self.classifier, batch, torch.tensor([target]))
        values = attribution.values[0].detach().double().numpy()
        if attribution.method in PIXELWISE:
            # Reflected borders keep the sum, and with it the completeness, as it was.
            values = gaussian_filter(values, SMOOTHING * len(values), mode="reflect")
        return Evidence(
            title=self.words(f"method.{attribution.method}"),
            question=self.words("explained.why", name=self.name(target)),
            values=values,
            logit=float(self.logits[target]),
            gap=float(attribution.gap[0]) if attribution.complete else None,
        )

    def contrast(self, answer: Evidence, other: Evidence) -> Evidence:
        """Subtract the true class's evidence from the answer's: what tipped the balance."""
        names = {"predicted": self.name(self.predicted), "true": self.name(self.true)}
        return Evidence(
            title=self.words("explained.contrast.title", method=answer.title),
            question=self.words("explained.contrast", **names),
            values=answer.values - other.values,
            logit=answer.logit - other.logit,
        )


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
    experiment: Experiment, choice: Examples, explainers: Sequence[Explainer], words: Words
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
