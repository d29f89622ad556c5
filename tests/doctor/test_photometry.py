"""How photos became tensors is read off them: gain, offset, order and geometry as planted."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from florascope.doctor.photometry import CONTRACT, fit_photometry, read_again
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


def test_photos_anew_in_each_way(photos: list[np.ndarray]) -> None:
    like = 2 * np.random.default_rng(0).normal(size=(8, 3, 16, 16)).astype(np.float32) + 1
    as_given, as_told = read_again(photos, (24, 24), like, OWN)
    assert as_given.shape == as_told.shape == (3, 3, 24, 24)
    for channel in range(3):
        ours, theirs = as_given[:, channel], like[:, channel]
        assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=1e-3)
        assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=1e-3)
    np.testing.assert_array_equal(as_told[0], replace(OWN, size=24)(photos[0]))
    whole = np.asarray(Image.fromarray(photos[0]).resize((24, 24), Image.Resampling.BILINEAR))
    fit = np.corrcoef(whole[..., 0].ravel(), as_given[0, 0].ravel())[0, 1]
    assert fit == pytest.approx(1.0, abs=1e-5)
    assert len(read_again(photos, (24, 32), like, OWN)) == 1
