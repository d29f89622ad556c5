"""What is hidden is hidden, what is shown is left as it was."""

import numpy as np

from florascope.doctor.checks.pictures import BGR, BORDER, border, colours
from florascope.doctor.evidence import AS_IT_IS, Answers, Evidence
from florascope.doctor.retouching import CENTRE, CLEANED, EDGE, RETOUCHES, SWAPPED, by_retouch

PHOTOS = np.random.default_rng(0).uniform(0, 1, (2, 20, 10, 3)).astype(np.float32)


def test_edge_and_centre_make_up_the_photo() -> None:
    mean = np.broadcast_to(PHOTOS.mean((1, 2), keepdims=True), PHOTOS.shape)
    alone, without = RETOUCHES[CENTRE](PHOTOS), RETOUCHES[EDGE](PHOTOS)
    # three rows of twenty, two columns of ten on each side
    np.testing.assert_array_equal(without[:, 3:17, 2:8], PHOTOS[:, 3:17, 2:8])
    np.testing.assert_array_equal(alone[:, 3:17, 2:8], mean[:, 3:17, 2:8])
    np.testing.assert_array_equal(alone[:, :3], PHOTOS[:, :3])
    np.testing.assert_allclose(alone + without, PHOTOS + mean, rtol=1e-5)


def test_red_for_blue_twice_is_the_photo() -> None:
    once = RETOUCHES[SWAPPED](PHOTOS)
    np.testing.assert_array_equal(once[..., 0], PHOTOS[..., 2])
    np.testing.assert_array_equal(RETOUCHES[SWAPPED](once), PHOTOS)
    np.testing.assert_array_equal(RETOUCHES[AS_IT_IS](PHOTOS), PHOTOS)


def test_single_pixels_are_replaced() -> None:
    flat = np.zeros((1, 10, 10, 3), np.float32)
    flat[0, 4, 4] = 1
    assert not RETOUCHES[CLEANED](flat).any()


def test_accuracy_by_what_was_done() -> None:
    red = np.zeros((300, 10, 10, 3), np.float32)
    red[:150, ..., 0], red[150:, ..., 2] = 1, 1
    labels = np.repeat([0, 1], 150)
    found = by_retouch(red, labels, lambda images: images.mean((1, 2)).argmax(1) // 2)
    assert (found[AS_IT_IS], found[SWAPPED]) == (1, 0)


def evidence(**right: float) -> Evidence:
    labels = np.zeros(128, np.int64)
    answers = Answers(labels, np.zeros((128, 4), np.float32), np.zeros((128, 2), np.float32))
    names = {"whole": AS_IT_IS, "swapped": SWAPPED, "edge": CENTRE, "middle": EDGE}
    return Evidence(4, val_answers=answers, exchanged={names[k]: v for k, v in right.items()})


def test_more_right_with_red_for_blue() -> None:
    found = colours(evidence(whole=0.4, swapped=0.9))
    assert found is not None
    assert found.cause == BGR
    assert colours(evidence(whole=0.9, swapped=0.9)) is None
    assert colours(evidence(whole=0.5, swapped=0.6)) is None
    assert colours(Evidence(4)) is None


def test_the_edge_alone_tells_the_class() -> None:
    found = border(evidence(whole=0.95, edge=0.9, middle=0.3))
    assert found is not None
    assert found.cause == BORDER
    # photos of one colour throughout: both parts tell
    assert border(evidence(whole=0.95, edge=0.9, middle=0.9)) is None
    assert border(evidence(whole=0.95, edge=0.4, middle=0.3)) is None
    assert border(evidence(whole=0.3, edge=0.3, middle=0.25)) is None
