"""Checks of photos in numbers, planted."""

from dataclasses import replace
from typing import Any

import numpy as np

from florascope.doctor.checks import pictures
from florascope.doctor.evidence import AS_IT_IS, Answers, Evidence, Inputs
from florascope.doctor.properties import BRIGHTNESS, COLOUR, CONTRAST, DETAIL, NAMES, Pictures
from florascope.doctor.retouching import CLEANED, EVENED
from florascope.doctor.trials import Substitution

USUAL = (0.0, 1.0, 0.3, 0.16, 1.0, 0.13, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def some(n: int, seed: int, **changed: float) -> Pictures:
    values = np.array(USUAL) + 0.05 * np.random.default_rng(seed).normal(size=(n, len(NAMES)))
    for name, value in changed.items():
        values[:, NAMES.index(name)] = value
    return Pictures(values, np.arange(n) % 4)


def seen(train: Pictures, val: Pictures, **more: Any) -> Evidence:
    return Evidence(4, train_pictures=train, val_pictures=val, **more)


SOUND = seen(some(100, 0), some(60, 1))


def test_sound_photos_pass() -> None:
    assert [check(SOUND) for check in pictures.PICTURE_CHECKS] == [None] * len(
        pictures.PICTURE_CHECKS
    )


def test_nothing_is_said_without_photos() -> None:
    assert [check(Evidence(4)) for check in pictures.PICTURE_CHECKS] == [None] * len(
        pictures.PICTURE_CHECKS
    )


def test_a_third_of_the_photos_black() -> None:
    black = some(90, 0)
    black.values[::3, CONTRAST:] = 0
    found = pictures.blank(seen(black, some(60, 1)))
    assert found is not None
    assert found.severity == "error"
    assert found.found.startswith("33% of train and 0% of val")


def test_a_few_black_photos_are_a_warning() -> None:
    black = some(100, 0)
    black.values[:5, CONTRAST:] = 0
    found = pictures.blank(seen(black, some(60, 1)))
    assert found is not None
    assert found.severity == "warning"


def test_thumbnails_blown_up() -> None:
    found = pictures.coarse(seen(some(99, 0, detail=0.4), some(60, 1, detail=0.4)))
    assert found is not None
    assert found.severity == "warning"


def test_grey_val_names_colour() -> None:
    found = pictures.differ(seen(some(100, 0), some(60, 1, colour=0.0)))
    assert found is not None
    assert found.found.startswith("colour is ")
    assert found.severity == "error"
    assert "both in colour, or both in grey" in found.fix


def test_augmented_train_photos_may_differ() -> None:
    blank = np.zeros((1, 3, 4, 4), np.float32)
    inputs = Inputs(blank, blank, augments=True)
    found = pictures.differ(seen(some(100, 0), some(60, 1, sharpness=0.5), inputs=inputs))
    assert found is not None
    assert found.severity == "note"
    grey = pictures.differ(seen(some(100, 0), some(60, 1, colour=0.0), inputs=inputs))
    assert grey is not None
    assert grey.severity == "warning"


def test_photos_of_unlike_sizes_are_compared_in_what_a_size_leaves_alone() -> None:
    finer = replace(some(100, 0, grain=0.5, detail=0.7), side=96)
    assert pictures.differ(seen(finer, replace(some(60, 1), side=96))) is not None
    assert pictures.differ(seen(finer, replace(some(60, 1), side=64))) is None
    brighter = replace(some(100, 0, brightness=3.0), side=96)
    assert pictures.differ(seen(brighter, replace(some(60, 1), side=64))) is not None


def test_few_photos_differ_by_chance() -> None:
    assert pictures.differ(seen(some(9, 0), some(9, 1, colour=0.0))) is None


def lit(n: int, seed: int) -> Pictures:
    made = some(n, seed)
    made.values[:, BRIGHTNESS] += made.labels
    return made


def learned(evened: float) -> Evidence:
    labels = np.arange(100) % 4
    answers = Answers(labels, np.eye(4)[labels], np.zeros((100, 2)))
    return replace(
        seen(lit(100, 0), lit(60, 1)),
        val_answers=answers,
        substitution=Substitution(0.9),
        exchanged={AS_IT_IS: 1.0, EVENED: evened},
    )


def test_brightness_that_gives_the_class_away() -> None:
    found = pictures.shortcut(learned(0.3))
    assert found is not None
    assert found.found.startswith("brightness alone names 100% of the val photos")


def test_a_network_that_does_not_use_it_is_sound() -> None:
    assert pictures.shortcut(learned(0.95)) is None


def test_brightness_that_tells_nothing_is_no_shortcut() -> None:
    evidence = replace(learned(0.3), train_pictures=some(100, 0), val_pictures=some(60, 1))
    assert pictures.shortcut(evidence) is None


def test_names_stand_where_the_checks_look() -> None:
    assert (NAMES[BRIGHTNESS], NAMES[CONTRAST]) == ("brightness", "contrast")
    assert (NAMES[COLOUR], NAMES[DETAIL]) == ("colour", "detail")


def test_detail_that_is_lost_inside_the_network() -> None:
    inside = (some(90, 2, detail=0.3), some(60, 3, detail=0.3))
    found = pictures.coarse(replace(SOUND, entering=inside))
    assert found is not None
    assert found.found.startswith("what enters the network")
    assert pictures.coarse(replace(SOUND, entering=(some(90, 2), some(60, 3)))) is None


def test_photos_that_differ_inside_the_network_alone() -> None:
    inside = (some(90, 2, contrast=0.01), some(60, 3))
    found = pictures.differ(replace(SOUND, entering=inside))
    assert found is not None
    assert found.found.startswith("as they enter the network, contrast")
    assert found.severity == "note"  # augmentation may do that; nothing is lost


def test_pixels_at_fixed_places_that_give_the_class_away() -> None:
    def stuck(n: int, seed: int) -> Pictures:
        specks = np.random.default_rng(seed).uniform(0, 0.1, (n, 50)).astype(np.float32)
        specks[np.arange(n), np.arange(n) % 4] = 1
        return replace(some(n, seed), specks=specks)

    evidence = replace(
        learned(1.0),
        train_pictures=stuck(100, 0),
        val_pictures=stuck(60, 1),
        exchanged={AS_IT_IS: 1.0, CLEANED: 0.3},
    )
    found = pictures.shortcut(evidence)
    assert found is not None
    assert found.found.startswith(f"{pictures.PLACES} alone names 100%")


def test_photos_with_two_labels() -> None:
    found = pictures.conflicting(seen(replace(some(40, 0), conflicting=0.5), some(40, 1)))
    assert found is not None
    assert found.severity == "error"
    assert pictures.conflicting(SOUND) is None
