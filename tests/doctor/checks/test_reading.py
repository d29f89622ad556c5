"""Checks of photos that are not whole as they are read, planted."""

from dataclasses import replace

import numpy as np
import pytest

from florascope.doctor.checks import reading
from florascope.doctor.evidence import Answers, Evidence
from florascope.doctor.properties import Pictures
from florascope.doctor.trials import Substitution

from .test_pictures import SOUND, seen, some

LABELS = np.arange(200) % 4
NOTHING = Substitution(0.27, within=(0.25, 0.28))


def test_sound_photos_and_none_pass() -> None:
    for evidence in (SOUND, Evidence(4)):
        assert [check(evidence) for check in reading.CHECKS] == [None] * len(reading.CHECKS)


def test_photos_read_in_the_wrong_order() -> None:
    found = reading.scrambled(seen(replace(some(40, 0), reordered=0.4), some(40, 1)))
    assert found is not None
    assert "2.5 times as smooth" in found.found


def test_rows_of_another_length() -> None:
    found = reading.sheared(seen(some(40, 0), replace(some(40, 1), realigned=0.25)))
    assert found is not None
    assert found.severity == "error"
    assert found.found.startswith("from row to row, val photos are 4.0 times as smooth")


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (replace(some(40, 0), steepness=4.0), "steps down train photos are 4.0 times"),
        (replace(some(40, 0), steepness=0.2), "steps across train photos are 5.0 times"),
        (some(40, 0, detail=1.72), "train photos are as rough as noise (1.72 of 1.73)"),
    ],
)
def test_neighbours_that_are_not_alike_where_nothing_was_learned(
    train: Pictures, words: str
) -> None:
    evidence = seen(train, some(40, 1), val_answers=guessed(0), substitution=NOTHING)
    found = reading.strange(evidence)
    assert found is not None
    assert found.severity == "warning"
    assert found.found.startswith(words)
    assert reading.strange(replace(evidence, val_answers=guessed(180))) is None


def guessed(right: int) -> Answers:
    """So many of 200 right, of the others a quarter at most."""
    said = np.where(np.arange(200) < right, LABELS, 0)
    return Answers(LABELS, np.eye(4)[said], np.zeros((200, 3)))


def test_photos_that_tell_a_sound_network_nothing() -> None:
    evidence = Evidence(4, val_answers=guessed(0), substitution=NOTHING)
    found = reading.empty(evidence)
    assert found is not None
    assert found.cause == reading.EMPTY
    assert "25% within train and 28% within val" in found.found
    assert reading.empty(replace(evidence, val_answers=guessed(150))) is None
    within = Substitution(0.27, within=(0.3, 0.8))  # labels of train alone are at fault
    assert reading.empty(replace(evidence, substitution=within)) is None
