"""A mask must be cut exactly as its photo is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from florascope.model.preprocessing import CropMode, Preprocessing

LABELS = [0, 1, 3]


def labels(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array(LABELS, np.uint8), (height, width))


def halves(height: int, width: int) -> np.ndarray:
    """Flower (1) left of the middle, background (3) right of it, in slanting halves."""
    rows, columns = np.mgrid[:height, :width]
    return np.where(columns / width < 0.3 + 0.4 * rows / height, 1, 3).astype(np.uint8)


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
def test_a_mask_of_the_inputs_size_stays_as_it_is(crop_mode: CropMode) -> None:
    pre = Preprocessing(size=48, crop_pct=1.0, crop_mode=crop_mode)
    mask = labels(48, 48)
    assert np.array_equal(pre.crop_mask(mask), mask)


@given(height=st.integers(9, 131), width=st.integers(9, 131), extra=st.integers(0, 13))
def test_crop_mask_is_torchvisions_nearest_exact(height: int, width: int, extra: int) -> None:
    mask = labels(height, width)
    pre = Preprocessing(size=32, crop_pct=32 / (32 + extra + 0.5))
    peer = transforms.Compose(
        [
            transforms.Resize(32 + extra, InterpolationMode.NEAREST),
            transforms.CenterCrop(32),
        ]
    )
    assert np.array_equal(pre.crop_mask(mask), np.asarray(peer(Image.fromarray(mask))))


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize(("height", "width"), [(256, 256), (333, 500), (501, 333), (60, 90)])
def test_the_mask_lies_on_the_flower_in_the_cropped_photo(
    height: int, width: int, crop_mode: CropMode
) -> None:
    """Paint the photo as the mask is: what is bright after cropping must be what is flower."""
    pre = Preprocessing(size=64, crop_mode=crop_mode)
    mask = halves(height, width)
    photo = np.repeat(np.where(mask == 1, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    bright = pre.crop(photo)[..., 0] > 127
    flower = pre.crop_mask(mask) == 1
    assert 0.2 < flower.mean() < 0.8
    # they may differ along the border alone, by less than one pixel in each of the 64 rows
    assert (bright != flower).sum() <= 64
    shifted = (bright[:, 2:] != flower[:, :-2]).sum()
    assert shifted > 64  # the test would see a shift of two pixels


def test_no_new_labels_appear() -> None:
    assert set(np.unique(Preprocessing(size=50).crop_mask(labels(301, 207)))) == set(LABELS)


def test_a_very_long_mask_is_cut_as_its_photo() -> None:
    pre = Preprocessing(size=32)
    mask = labels(3, 2000)
    photo = np.repeat(mask[..., None], 3, axis=2)
    nearest = Image.fromarray(photo[:, 952:1048]).resize((1152, 36), Image.Resampling.NEAREST)
    expected = np.asarray(nearest.crop((560, 2, 592, 34)))[..., 0]
    assert np.array_equal(pre.crop_mask(mask), expected)
