"""Many photos explained, each with how far its map may be trusted, a core at whole batches."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import numpy as np

from florascope.audit.card import Trust, trust
from florascope.audit.photos import Network
from florascope.errors import PhotoError
from florascope.explanation.explanation import Explanation, Question, explain_crops
from florascope.explanation.inference import PAIR, FastClassifier, hastened, one_core_each
from florascope.images import read_photo
from florascope.nets.classifier import Classifier
from florascope.parallel import in_order
from florascope.preprocessing import Crop
from florascope.progress import Progress, silent, track

Result = TypeVar("Result")

MANY = 8  # photos from which on graphs are made for all passes without gradients


class Explained(NamedTuple):
    """One photo's explanation.

    Attributes:
        photo: the file.
        explanation: why the network answers so.
        trust: how far the map may be trusted; None where it was not asked for.
    """

    photo: str
    explanation: Explanation
    trust: Trust | None


@dataclass(frozen=True)
class CropExplainer:
    """Explains batches of photos, from several threads at once.

    Attributes:
        classifier: the network.
        question: asked of each photo.
        network: to its logits, before it is explained.
        fast: to the logits of its photos taken apart; None where trust is not measured.
    """

    classifier: Classifier
    question: Question
    network: Network
    fast: Network | None

    @classmethod
    def of(
        cls, classifier: Classifier, question: Question, *, many: bool = True, trusted: bool = True
    ) -> Self:
        """Make ready.

        Args:
            classifier: the network.
            question: asked of each photo.
            many: make graphs for all passes without gradients, which pays from `MANY` photos on.
            trusted: measure how far each map may be trusted, too.
        """
        fast = FastClassifier(classifier, threads=int(many)) if trusted or many else None
        network: Network = classifier
        if many and fast is not None:
            how, network = hastened(question.how, classifier, fast)
            question = replace(question, how=how)
        return cls(classifier, question, network, fast if trusted else None)

    def __call__(self, crops: Sequence[Crop]) -> list[tuple[Explanation, Trust | None]]:
        """Explain photos as the classifier's preprocessing crops them.

        Raises:
            ExplanationError: as `explain_crops`.
        """
        if not crops:
            return []
        found = explain_crops(self.classifier, np.stack(crops), self.question, self.network)
        measured: Sequence[Trust | None] = [None] * len(found)
        if self.fast is not None:
            measured = trust(self.classifier, found, self.fast)
        return list(zip(found, measured, strict=True))

    def files(self, photos: Sequence[str]) -> list[Explained | PhotoError]:
        """Explain what can be read; the rest is answered by why it cannot."""
        read = [_read(self.classifier, photo) for photo in photos]
        found = iter(self([crop for crop in read if not isinstance(crop, PhotoError)]))
        return [
            crop if isinstance(crop, PhotoError) else Explained(photo, *next(found))
            for photo, crop in zip(photos, read, strict=True)
        ]


def explain_photos(
    classifier: Classifier,
    question: Question,
    photos: Sequence[str],
    finish: Callable[[Explained], Result],
    *,
    trusted: bool = True,
    progress: Progress = silent,
) -> Iterator[Result | PhotoError]:
    """Explain photo files, in their order; reading and finishing go beside the network's passes.

    No more than a few batches are held, however many photos there are.

    Args:
        classifier: the network.
        question: asked of each photo.
        photos: n files.
        finish: called with each explanation in a worker's thread: draws it, say.
        trusted: measure how far each map may be trusted, too.
        progress: told after each batch.

    Yields:
        What `finish` returned, or why a photo could not be read.

    Raises:
        ExplanationError: as `explain_crops`.
    """
    many = len(photos) >= MANY
    explained = CropExplainer.of(classifier, question, many=many, trusted=trusted)

    def work(batch: Sequence[str]) -> list[Result | PhotoError]:
        return [e if isinstance(e, PhotoError) else finish(e) for e in explained.files(batch)]

    batches = [photos[at : at + PAIR] for at in range(0, len(photos), PAIR)]
    with one_core_each() if many else nullcontext():
        made = in_order(work, batches)
        for results in track(made, len(batches), "Explaining photos", progress):
            yield from results


def _read(classifier: Classifier, photo: str) -> Crop | PhotoError:
    try:
        return classifier.preprocessing.crop(read_photo(Path(photo)))
    except PhotoError as error:
        return error
