"""A finished classifier measured on labelled photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from florascope.data.dataset import ClassName, Dataset, Indexes
from florascope.data.names import match_classes
from florascope.errors import DataError
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.metrics import ClassMetrics, Labels, Metrics, Outcome
from florascope.nets.classifier import Classifier
from florascope.progress import Progress, silent


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a classifier did on a set of photos.

    Attributes:
        classes: the classifier's K classes.
        outcome: of the n readable photos; labels are indexes into the classifier's classes.
        problems: why photos were left out.
        statement: what the photos did in the classifier's training; "" where nobody asked.
    """

    classes: tuple[ClassName, ...]
    outcome: Outcome
    problems: list[str]
    statement: str = ""

    @cached_property
    def metrics(self) -> Metrics:
        """Figures of all photos together."""
        return self.outcome.metrics()

    def per_class(self) -> list[ClassMetrics]:
        """Figures of each class, in the classifier's order."""
        return self.outcome.per_class(len(self.classes))


def evaluate(
    classifier: Classifier,
    dataset: Dataset,
    indexes: Indexes,
    *,
    strict: bool = False,
    progress: Progress = silent,
) -> Evaluation:
    """Measure a classifier on some photos of a data set.

    Classes are matched by id or by name (`match_classes`). Which photos have not trained the
    classifier, `florascope.evaluation.held_out` tells.

    Raises:
        DataError: a class is unknown to the classifier, or (strict) a photo is unreadable.
    """
    labels = own_labels(classifier.classes, dataset, indexes)
    photos = [dataset.photos[i] for i in indexes]
    bank = embed(photos, Engine(classifier.backbone), progress=progress)
    problems = [bank.problems[i] for i in sorted(bank.problems)]
    if problems and (strict or len(problems) == len(photos)):
        raise DataError(
            f"{len(problems)} of {len(photos)} photos cannot be read; the first: {problems[0]}",
            fix="Mend or remove them, or leave out `strict` to skip them" if strict else "",
        )
    head = classifier.fitted_head
    parts = [
        Outcome.of(head.logits(features[kept]), labels[at][kept])
        for at, features, kept in bank.blocks()
    ]
    return Evaluation(classifier.classes, Outcome.joined(parts), problems)


def own_labels(classes: Sequence[ClassName], dataset: Dataset, indexes: Indexes) -> Labels:
    """Return the labels of some photos as indexes into a classifier's classes.

    Raises:
        DataError: one of their classes is unknown to the classifier.
    """
    table = np.array(match_classes(dataset.classes, classes), dtype=np.int64)
    present = np.unique(dataset.labels[indexes])
    strange = [dataset.classes[k].id for k in present if table[k] < 0]
    if strange:
        raise DataError(
            f"{len(strange)} of the {len(present)} classes of {dataset.name} are unknown to"
            f" the classifier (first: {strange[0]})",
            expected=f"ids or names among its {len(classes)} classes:"
            f" {', '.join(c.id for c in classes[:5])}, ...",
        )
    translated: Labels = table[dataset.labels[indexes]]
    return translated
