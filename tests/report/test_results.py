"""Rows of the results table against the metrics and closed forms."""

import math
from collections.abc import Callable

import pytest

from florascope.report.figures import Figures
from florascope.report.results import ResultRow, chance_rows, class_report_rows, grouped, own_rows
from florascope.report.words import Words

EN = Words.of("en")
Make = Callable[..., Figures]


def test_own_rows_are_the_metrics(figures: Make) -> None:
    rows = own_rows(figures(), EN)
    assert [row.subset for row in rows] == ["train", "val", "test"]
    for row, metrics in zip(rows, figures().metrics.values(), strict=True):
        assert (row.top1, row.top5, row.mean_class) == (
            metrics.top1,
            metrics.top5,
            metrics.mean_class,
        )
        assert (row.loss, row.n) == (metrics.loss, metrics.n)


def test_the_class_reports_figures() -> None:
    train, val, test = class_report_rows(EN)
    assert (train.top1, val.top1, test.top1, test.loss) == (0.14, 0.05, 0.0520, 4.6937)
    # Read off curves, two of them are known to a hundredth only.
    assert (train.digits, val.digits, test.digits) == (0, 0, 2)


def test_chance_in_closed_form(figures: Make) -> None:
    uniform, majority = chance_rows(figures(trained=(10, 30, 20, 20)), EN)
    assert uniform.top1 == uniform.mean_class == pytest.approx(0.25)
    assert uniform.top5 == 1.0  # there are only four classes
    assert uniform.loss == pytest.approx(math.log(4))
    assert majority.top1 == pytest.approx(50 / 200)
    assert majority.mean_class == pytest.approx(1 / 4)


def test_neighbours_of_one_label_are_grouped() -> None:
    rows = [ResultRow("a", "val"), ResultRow("a", "test"), ResultRow("b", "test")]
    assert [(label, len(group)) for label, group in grouped(rows)] == [("a", 2), ("b", 1)]
    assert list(grouped([])) == []
