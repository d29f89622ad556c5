"""What is odd about a data set, in words."""

import unicodedata
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from florascope.data.dataset import ClassName, Dataset, FilePhoto, Split
from florascope.data.names import look
from florascope.data.remarks import alike, remarks, some, unreadable_classes


@pytest.fixture
def flowers() -> Dataset:
    names = ("rose", "lily", "daisy")
    photos = [FilePhoto(Path(f"{n}.jpg")) for n in range(9)]
    return Dataset("d", photos, np.arange(9) // 3, tuple(ClassName(n, n) for n in names))


def test_nothing_odd(flowers: Dataset) -> None:
    split = Split("s", *(np.arange(3) * 3 + n for n in range(3)))
    assert remarks(flowers, split, np.ones(9, bool)) == ()


def test_what_its_source_said_and_left_out(flowers: Dataset) -> None:
    told = replace(flowers, ignored=Counter({".heic": 20, ".txt": 1}), remarks=("read as X",))
    assert remarks(told) == ("read as X", "Left out of d: 20 .heic, 1 .txt")


def test_a_class_that_a_subset_does_not_have(flowers: Dataset) -> None:
    split = Split("s", np.array([0, 3, 6]), np.array([1, 4]), np.array([2]))
    assert remarks(flowers, split) == (
        "No val photo of daisy: val figures say nothing of them",
        "No test photo of lily, daisy: test figures say nothing of them",
    )


def test_a_class_of_which_nothing_can_be_read(flowers: Dataset) -> None:
    readable = np.array([1, 0, 0, 0, 0, 0, 1, 1, 1], bool)
    assert unreadable_classes(flowers, readable) == {ClassName("lily", "lily"): 3}
    assert remarks(flowers, readable=readable) == (
        "None of the 3 photos of class lily can be read",
    )


def test_classes_whose_names_look_alike(flowers: Dataset) -> None:
    composed, split_up = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    assert composed != split_up
    assert alike(["Rose", "lily", "rose", "ROSE"]) == [["Rose", "rose", "ROSE"]]
    assert alike([composed, split_up, "cafe"]) == [[composed, split_up]]
    assert alike(["water lily", "water  lily ", "waterlily"]) == [["water lily", "water  lily "]]
    assert look("Straße") == look("STRASSE")
    classes = (ClassName("a", "Rose"), ClassName("b", "rose"), ClassName("c", "c"))
    assert remarks(replace(flowers, classes=classes)) == (
        "Classes 'Rose' and 'rose' differ only in case, spaces or Unicode form: are they one"
        " class?",
    )


def test_some() -> None:
    assert some(["a"]) == "a"
    assert some(list("abcde")) == "a, b, c and 2 more"
