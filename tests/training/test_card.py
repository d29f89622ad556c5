"""The model card: its figures and tables, read back."""

from dataclasses import replace

import numpy as np
import pytest

from florascope.data.dataset import ClassName, Dataset
from florascope.data.splits import Split
from florascope.training.card import model_card
from florascope.training.experiment import Experiment, train
from florascope.training.recipe import make_recipe


@pytest.fixture
def experiment(dataset: Dataset, split: Split) -> Experiment:
    dataset.photos[int(split.train[0])].broken = True  # type: ignore[attr-defined]
    return train(dataset, split, make_recipe("probe", backbone="test_resnet", weights="random"))


def table(card: str, heading: str) -> list[list[str]]:
    """The rows under a heading, without the line below the header."""
    lines = card.split(f"## {heading}\n\n")[1].split("\n\n", maxsplit=1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [rows[0], *rows[2:]]


def test_the_card_says_what_it_is_and_is_not(experiment: Experiment) -> None:
    card = model_card(experiment)
    assert card.startswith("# Image classifier for painted\n")
    assert "Answers with one of 3 classes. Backbone test_resnet, linear head." in card
    assert "Do not use it to decide whether a plant is safe to touch or eat." in card
    assert card.endswith("|\n")


def test_the_figures_are_the_experiments(experiment: Experiment) -> None:
    header, *rows = table(model_card(experiment), "Figures")
    assert header == ["photos", "n", "top-1", "top-5", "mean per class", "loss"]
    assert [row[0] for row in rows] == ["train", "val", "test"]
    for row in rows:
        m = experiment.metrics[row[0]]
        assert int(row[1]) == m.n
        assert [float(cell) for cell in row[2:]] == pytest.approx(
            [m.top1, m.top5, m.mean_class, m.loss], abs=5e-5
        )


def test_the_card_says_how_it_was_made(experiment: Experiment) -> None:
    lines = model_card(experiment).splitlines()
    for line in (
        "- recipe: probe",
        "- weights: random",
        "- l2_max: 0.001",
        "- split: planted",
        "- photos that could not be read: 1",
    ):
        assert line in lines


def test_every_class_is_measured_on_the_test_photos(experiment: Experiment) -> None:
    header, *rows = table(model_card(experiment), "Every class on the test photos")
    assert header == ["id", "class", "test photos", "recall", "precision"]
    assert [row[:2] for row in rows] == [["1", "red"], ["2", "lawn"], ["3", "blue"]]
    test = experiment.split.test
    true, predicted = experiment.dataset.labels[test], experiment.logits[test].argmax(1)
    for k, row in enumerate(rows):
        right = int(((true == k) & (predicted == k)).sum())
        assert int(row[2]) == int((true == k).sum())
        assert float(row[3]) == pytest.approx(right / np.sum(true == k), abs=5e-4)
        assert float(row[4]) == pytest.approx(right / max(1, np.sum(predicted == k)), abs=5e-4)


def test_a_name_cannot_break_the_table(experiment: Experiment) -> None:
    classes = (ClassName("1|a", "red\nrose"), *experiment.dataset.classes[1:])
    renamed = replace(experiment, dataset=replace(experiment.dataset, classes=classes))
    assert "| 1\\|a | red rose | " in model_card(renamed)
