"""What an explanation costs: time and forward passes, against one forward pass in the same run."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from peers import CaptumIG
from torch import Tensor

from florascope.audit.photos import TargetedImages, attribute
from florascope.explanation.attribution import Explainer
from florascope.nets.classifier import Classifier

REPEATS = 5


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
        passes: forward passes a photo, the median; each is followed by one backward.
        most: the largest number.
        relative: time to that of one forward pass, the median.
        gap: |sum - total| / |total|, in the middle of the photos.
        worst: the largest.
        within: share of the photos with a gap of at most 1 %.
    """

    method: str
    passes: float
    most: float
    relative: float
    gap: float
    worst: float
    within: float


def costs(
    classifier: Classifier, explainers: Sequence[Explainer], batch: TargetedImages
) -> list[Cost]:
    """Time each method and a forward pass in turn, so that a busy machine slows both alike."""

    def forward() -> None:
        with torch.no_grad():
            classifier(batch.images)

    def explain(explainer: Explainer) -> Callable[[], object]:
        return lambda: attribute(classifier, explainer, batch)

    return [
        _cost(explainer.name, explain(explainer), forward, classifier, len(batch.images))
        for explainer in explainers
    ]


def completeness(
    classifier: Classifier, ours: Sequence[Explainer], targeted: TargetedImages
) -> list[Completeness]:
    """Compare Integrated Gradients with Captum's at its 50 steps, photo by photo."""
    return [_completeness(classifier, e, targeted) for e in (*ours, CaptumIG())]


def _cost(
    name: str,
    explain: Callable[[], object],
    forward: Callable[[], None],
    classifier: Classifier,
    photos: int,
) -> Cost:
    for call in (forward, explain):
        call()  # the first one pays for allocations and for the peers' search of their layer
    with counted(classifier) as rows:
        explain()
    pairs = [(_seconds(explain), _seconds(forward)) for _ in range(REPEATS)]
    own = statistics.median(one for one, _ in pairs)
    relative = statistics.median(one / other for one, other in pairs)
    return Cost(name, 1000 * own / photos, relative, sum(rows) / photos)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _completeness(
    classifier: Classifier, explainer: Explainer, targeted: TargetedImages
) -> Completeness:
    gaps, passes, relative = [], [], []
    for image, target in zip(*targeted, strict=True):
        with torch.no_grad():
            once = _seconds(partial(classifier, image[None]))
        start = time.perf_counter()
        with counted(classifier) as rows:
            found = attribute(classifier, explainer, TargetedImages(image[None], target[None]))
        relative.append((time.perf_counter() - start) / once)
        passes.append(sum(rows))
        gaps.append(found.gap.item())
    return Completeness(
        explainer.name,
        statistics.median(passes),
        max(passes),
        statistics.median(relative),
        statistics.median(gaps),
        max(gaps),
        sum(gap <= 0.01 for gap in gaps) / len(gaps),
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
