"""The table of every class on test."""

from dataclasses import dataclass

from florascope.evaluation.metrics import ClassMetrics
from florascope.report.figures import Figures


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class.

    Attributes:
        id: the source's own.
        name: for people.
        trained: training photos.
        test: figures on test.
        taken_for: name of the class it is most often confused with, or nothing.
    """

    id: str
    name: str
    trained: int
    test: ClassMetrics
    taken_for: str


def class_rows(figures: Figures, ids: list[str]) -> list[ClassRow]:
    """Return every class, lowest recall first; classes without test photos last."""
    taken_for: dict[int, str] = {}
    for confusion in figures.confusions:  # most frequent first
        taken_for.setdefault(confusion.true, figures.names[confusion.predicted])
    rows = [
        ClassRow(ids[k], name, figures.trained[k], figures.classes[k], taken_for.get(k, ""))
        for k, name in enumerate(figures.names)
    ]
    return sorted(rows, key=lambda row: (not row.test.support, row.test.recall))
