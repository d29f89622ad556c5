"""How photos became tensors is read off them: gain, offset, order and geometry as planted."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from florascope.doctor.checks.inputs import canary
from florascope.doctor.evidence import Evidence
from florascope.doctor.photometry import AS_IT_IS, CONTRACT, fit_photometry, sureness_by_remedy
from florascope.preprocessing import Preprocessing

OWN = Preprocessing(size=48)


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    draw = np.random.default_rng(0)
    made = []
    for _ in range(3):
        blocks = draw.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        made.append(np.asarray(Image.fromarray(blocks).resize((96, 72), Image.Resampling.NEAREST)))
    return made


def test_the_contract_itself(photos: list[np.ndarray]) -> None:
    fit = fit_photometry([OWN(p) for p in photos], photos, OWN)
    assert (fit.geometry, fit.order) == (CONTRACT, "rgb")
    assert fit.r2 > 0.99999
    np.testing.assert_allclose(fit.mean, OWN.mean, atol=1e-4)
    np.testing.assert_allclose(fit.std, OWN.std, atol=1e-4)


def test_planted_gain_and_offset(photos: list[np.ndarray]) -> None:
    fit = fit_photometry([3 * OWN(p) + 2 for p in photos], photos, OWN)
    np.testing.assert_allclose(fit.gain, 3 / np.array(OWN.std), rtol=1e-4)
    np.testing.assert_allclose(fit.offset, 2 - 3 * np.array(OWN.mean) / OWN.std, rtol=1e-3)


def test_planted_order(photos: list[np.ndarray]) -> None:
    swapped = fit_photometry([OWN(p)[::-1].copy() for p in photos], photos, OWN)
    scrambled = [OWN(p).transpose(1, 2, 0).reshape(3, 48, 48) for p in photos]
    assert swapped.order == "bgr"
    assert fit_photometry(scrambled, photos, OWN).order == "reshaped"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"crop_mode": "squash", "crop_pct": 1.0}, "squashed to a square"),
        ({"crop_pct": 1.0}, "whole shorter side, centre crop"),
        ({"interpolation": "bicubic"}, "bicubic"),
    ],
)
def test_planted_geometry(changes: dict[str, object], name: str, photos: list[np.ndarray]) -> None:
    other = replace(OWN, **changes)  # type: ignore[arg-type]
    fit = fit_photometry([other(p) for p in photos], photos, OWN)
    assert fit.geometry == name
    assert fit.r2 > 0.9999 > fit.contract_r2


def test_noise_follows_no_photo(photos: list[np.ndarray]) -> None:
    draw = np.random.default_rng(1)
    noise = [draw.normal(0, 1, (3, 48, 48)).astype(np.float32) for _ in photos]
    assert fit_photometry(noise, photos, OWN).r2 < 0.05


def test_a_constant_tensor_follows_none(photos: list[np.ndarray]) -> None:
    flat = [np.zeros((3, 48, 48), np.float32) for _ in photos]
    assert fit_photometry(flat, photos, OWN).r2 == 0


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
