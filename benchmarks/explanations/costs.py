"""What an explanation costs: time and forward passes, against one forward pass in the same run."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from peers import CaptumIG
from torch import Tensor

from florascope.audit.specimens import Specimens, attribute
from florascope.explanation.attribution import Explainer
from florascope.model.classifier import Classifier

REPEATS = 5
BATCH = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one method.

    Attributes:
        method: its name.
        milliseconds: a photo, the median of the repeats.
        relative: to one forward pass, the median of the repeats' ratios.
        passes: forward passes through the backbone a photo.
    """

    method: str
    milliseconds: float
    relative: float
    passes: float


@dataclass(frozen=True, slots=True)
class Completeness:
    """How exactly Integrated Gradients sum to the logit, and for how many forward passes.

    Attributes:
        method: its name.
        passes: forward passes a photo.
        median: gap |sum - total| / |total|, in the middle of the photos.
        worst: the largest.
        within: share of the photos with a gap of at most 1 %.
    """

    method: str
    passes: float
    median: float
    worst: float
    within: float


def costs(
    classifier: Classifier, explainers: Sequence[Explainer], specimens: Specimens
) -> list[Cost]:
    """Time each method and a forward pass in turn, so that a busy machine slows both alike."""
    batch = Specimens(specimens.images[:BATCH], specimens.targets[:BATCH])

    def forward() -> None:
        with torch.no_grad():
            classifier(batch.images)

    def explain(explainer: Explainer) -> Callable[[], object]:
        return lambda: attribute(classifier, explainer, batch)

    return [
        _cost(explainer.name, explain(explainer), forward, _passes(classifier, explainer, batch))
        for explainer in explainers
    ]


def completeness(
    classifier: Classifier, ours: Explainer, specimens: Specimens
) -> list[Completeness]:
    """Compare our Integrated Gradients with Captum's at a few numbers of steps."""
    peers = [CaptumIG(steps, f"captum ig, {steps} steps") for steps in (50, 100, 200)]
    return [_completeness(classifier, explainer, specimens) for explainer in (ours, *peers)]


def _cost(
    name: str, explain: Callable[[], object], forward: Callable[[], None], passes: float
) -> Cost:
    for call in (explain, forward):
        call()  # the first one pays for allocations
    pairs = [(_seconds(explain), _seconds(forward)) for _ in range(REPEATS)]
    own = statistics.median(one for one, _ in pairs)
    relative = statistics.median(one / other for one, other in pairs)
    return Cost(name, 1000 * own / BATCH, relative, passes)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _passes(classifier: Classifier, explainer: Explainer, specimens: Specimens) -> float:
    with counted(classifier) as rows:
        attribute(classifier, explainer, specimens)
    return sum(rows) / len(specimens.images)


def _completeness(
    classifier: Classifier, explainer: Explainer, specimens: Specimens
) -> Completeness:
    gaps = []
    with counted(classifier) as rows:
        for start in range(0, len(specimens.images), BATCH):
            batch = Specimens(*(part[start : start + BATCH] for part in specimens))
            gaps.append(attribute(classifier, explainer, batch).gap)
    gap = torch.cat(gaps)
    return Completeness(
        explainer.name,
        sum(rows) / len(gap),
        gap.median().item(),
        gap.max().item(),
        (gap <= 0.01).double().mean().item(),
    )


@contextmanager
def counted(classifier: Classifier) -> Iterator[list[int]]:
    """Count the images that go through the backbone, a number for each pass."""
    rows: list[int] = []

    def note(_module: object, inputs: tuple[Tensor, ...]) -> None:
        rows.append(len(inputs[0]))

    hook = classifier.backbone.register_forward_pre_hook(note)
    try:
        yield rows
    finally:
        hook.remove()
