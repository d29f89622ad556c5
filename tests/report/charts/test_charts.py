"""Every chart shows the numbers it was given."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from florascope.data.dataset import ClassName
from florascope.metrics import ClassMetrics
from florascope.report.charts.classes import counts_chart, matrix_chart, ranking_chart, recall_chart
from florascope.report.charts.curves import accuracy_curve, loss_curve
from florascope.report.figures import Figures, ResultRow
from florascope.report.words import Words
from florascope.training.experiment import Experiment
from florascope.training.recipes import ClassReport

EN, ES = Words.of("en"), Words.of("es")
Make = Callable[..., Figures]


def test_few_classes_are_all_named(experiment: Experiment) -> None:
    svg = counts_chart(experiment, EN)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in svg
    assert "<script>" not in svg
    assert ">blue flax<" in svg
    assert "Most: blue flax with 9; fewest: &lt;script&gt;alert(1)&lt;/script&gt; with 7" in svg


def test_of_many_classes_the_first_and_last_are_named(experiment: Experiment) -> None:
    classes = tuple(ClassName(str(k), f"kind {k}") for k in range(40))
    dataset = replace(experiment.dataset, classes=classes)
    svg = counts_chart(replace(experiment, dataset=dataset), EN)
    assert ">kind 39<" in svg
    assert ">kind 20<" not in svg
    assert "fewest: kind 39 with 0" in svg


def test_curves_over_iterations(figures: Make) -> None:
    svg = loss_curve(figures(), EN)
    assert "training from 0.400 to 0.500, validation from 0.400 to 0.500" in svg
    assert "iteration" in svg
    assert "uniform guess" not in svg
    assert "validation from 90.0% to 90.0%" in accuracy_curve(figures(), EN)


@pytest.mark.parametrize(("loss", "lines"), [(1.5, 1), (0.1, 0)])
def test_the_uniform_loss_is_drawn_where_it_is_near(figures: Make, loss: float, lines: int) -> None:
    rows = tuple(
        {"epoch": e, "train_loss": loss, "val_loss": loss, "train_top1": 0.5, "val_top1": 0.5}
        for e in (1, 2)
    )
    svg = loss_curve(figures(recipe=ClassReport(), history=rows), EN)
    assert svg.count("uniform guess, ln K") == lines
    assert "lowest validation loss" in svg


def test_a_single_step_can_be_drawn(figures: Make) -> None:
    svg = loss_curve(figures(history=figures().history[:1]), ES)
    assert "menor pérdida en validación" in svg


def test_the_matrix_prints_every_count_but_zeros() -> None:
    svg = matrix_chart(np.array([[7, 0], [3, 12]]), ["rose", "x<y"], EN)
    assert all(f">{n}<" in svg for n in (7, 3, 12))
    assert ">0<" not in svg
    assert "x&lt;y" in svg
    assert "19 of 22 test photos on the diagonal" in svg


def test_the_ranking_writes_each_result() -> None:
    rows = [ResultRow("ours", "test", 0.943, n=819), ResultRow("theirs", "test", 0.052)]
    svg = ranking_chart(rows, 0.03, EN)
    assert ">94.3%<" in svg
    assert ">5.2%<" in svg
    assert "ours 94.3%; theirs 5.2%" in svg


def test_the_lowest_recalls_are_named_together(figures: Make) -> None:
    recalls = ((9, 0.5), (9, 0.5), (9, 1.0), (0, 0.0))
    classes = tuple(ClassMetrics(n, recall, 1.0, 1.0) for n, recall in recalls)
    svg = recall_chart(figures(trained=(20, 30, 40, 50), classes=classes), EN)
    assert ">anemone, bluebell<" in svg
    assert ">crocus<" not in svg  # recall 1
    assert "daisy" not in svg  # never tested
