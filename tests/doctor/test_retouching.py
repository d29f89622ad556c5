"""What is hidden is hidden, what is shown is left as it was."""

import numpy as np
import torch
from torch import Tensor

from florascope.doctor.checks.inputs import canary
from florascope.doctor.checks.pictures import BGR, BORDER, border, colours
from florascope.doctor.evidence import AS_IT_IS, Answers, Evidence
from florascope.doctor.retouching import CENTRE, EDGE, RETOUCHES, SWAPPED, sureness_by_remedy
from florascope.preprocessing import Preprocessing

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


PREPROCESSING = Preprocessing(size=32)


def batch() -> Tensor:
    """Reddish photos, as the contract says."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 90, (4, 32, 32, 3))
    pixels[..., 0] += 160
    return torch.from_numpy(PREPROCESSING.normalise(pixels.astype(np.uint8)))


def likes_red(images: Tensor) -> Tensor:
    """Two logits: how much redder than blue the photos are, and 0."""
    red = 4 * (images[:, 0] - images[:, 2]).mean((1, 2))
    return torch.stack([red.clamp(min=0), torch.zeros_like(red)], 1)


def test_sound_input_needs_no_remedy() -> None:
    sung = sureness_by_remedy(likes_red, batch(), PREPROCESSING)
    assert max(sung, key=lambda name: sung[name]) == AS_IT_IS
    assert canary(Evidence(2, canary=sung)) is None


def test_swapped_channels_are_heard() -> None:
    sung = sureness_by_remedy(likes_red, batch().flip(1), PREPROCESSING)
    found = canary(Evidence(2, canary=sung))
    assert found is not None
    assert found.cause == "BGR for RGB"


def test_remedies_that_give_no_photo_are_not_sung() -> None:
    assert "multiplied by 255" not in sureness_by_remedy(likes_red, batch(), PREPROCESSING)


def test_silence_says_nothing() -> None:
    assert canary(Evidence(2)) is None
