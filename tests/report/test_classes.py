"""The table of classes, on planted figures."""

from collections.abc import Callable

from florascope.evaluation.confusions import Confusion
from florascope.evaluation.metrics import ClassMetrics
from florascope.report.classes import class_rows
from florascope.report.figures import Figures


def test_lowest_recall_first_and_untested_last(figures: Callable[..., Figures]) -> None:
    classes = (
        ClassMetrics(0, 0.0, 0.0, 0.0),
        ClassMetrics(10, 0.9, 1.0, 0.95),
        ClassMetrics(10, 0.4, 1.0, 0.57),
        ClassMetrics(10, 1.0, 0.6, 0.75),
    )
    pairs = (Confusion(2, 3, 5, 0.5), Confusion(2, 0, 1, 0.1), Confusion(1, 3, 1, 0.1))
    planted = figures(trained=(1, 2, 3, 4), classes=classes, confusions=pairs)
    rows = class_rows(planted, ["a", "b", "c", "d"])
    assert [row.name for row in rows] == ["crocus", "bluebell", "daisy", "anemone"]
    assert [row.id for row in rows] == ["c", "b", "d", "a"]
    assert [row.trained for row in rows] == [3, 2, 4, 1]
    assert [row.taken_for for row in rows] == ["daisy", "daisy", "", ""]
