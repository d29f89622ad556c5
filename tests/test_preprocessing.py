"""The contract against torchvision and timm, which compute the same from Pillow images."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from timm.data import create_transform
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from florascope.errors import BundleError
from florascope.preprocessing import LONGEST, Interpolation, Preprocessing


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def torchvision_crop(rgb: np.ndarray, size: int, short: int, interpolation: str) -> np.ndarray:
    mode = InterpolationMode[interpolation.upper()]
    crop = transforms.Compose([transforms.Resize(short, mode), transforms.CenterCrop(size)])
    return np.asarray(crop(Image.fromarray(rgb)))


@given(
    height=st.integers(9, 131),
    width=st.integers(9, 131),
    size=st.integers(8, 41),
    extra=st.integers(0, 13),
    interpolation=st.sampled_from(["bilinear", "bicubic", "lanczos"]),
)
def test_crop_is_torchvisions_bit_for_bit(
    height: int, width: int, size: int, extra: int, interpolation: Interpolation
) -> None:
    # half a pixel of margin, so that the quotient's rounding cannot matter here
    crop_pct = size / (size + extra + 0.5)
    rgb = noise(height, width)
    crop = Preprocessing(size=size, crop_pct=crop_pct, interpolation=interpolation).crop(rgb)
    assert np.array_equal(crop, torchvision_crop(rgb, size, size + extra, interpolation))


@pytest.mark.parametrize(("height", "width"), [(333, 500), (501, 333), (257, 256), (97, 1201)])
def test_crop_of_photo_sizes_is_torchvisions(height: int, width: int) -> None:
    rgb = noise(height, width)
    assert np.array_equal(Preprocessing().crop(rgb), torchvision_crop(rgb, 224, 256, "bilinear"))


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize("crop_pct", [0.875, 0.9, 0.95, 0.954, 1.0])
@pytest.mark.parametrize("size", [160, 224])
def test_a_network_input_is_timms(crop_mode: Any, crop_pct: float, size: int) -> None:
    rgb = noise(190, 271)
    pre = Preprocessing(
        size=size,
        crop_pct=crop_pct,
        crop_mode=crop_mode,
        interpolation="bicubic",
        mean=(0.1, 0.2, 0.3),
        std=(0.4, 0.5, 0.6),
    )
    peer = create_transform(
        (3, size, size),
        crop_pct=crop_pct,
        crop_mode=crop_mode,
        interpolation="bicubic",
        mean=pre.mean,
        std=pre.std,
    )
    assert np.abs(pre(rgb) - peer(Image.fromarray(rgb)).numpy()).max() < 1e-6


def test_squash_shows_the_whole_photo_where_crop_pct_is_1() -> None:
    rgb = noise(37, 90)
    squashed = Preprocessing(size=24, crop_pct=1.0, crop_mode="squash").crop(rgb)
    whole = Image.fromarray(rgb).resize((24, 24), Image.Resampling.BILINEAR)
    assert np.array_equal(squashed, np.asarray(whole))


@pytest.mark.parametrize("shape", [(2, 3000), (3000, 2), (1, 20_001)])
def test_a_thread_of_a_photo_is_not_resized_whole(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    resized = []
    resize = Image.Image.resize

    def spy(image: Image.Image, size: tuple[int, int], *args: Any) -> Image.Image:
        resized.append(size)
        assert max(size) <= 256 * LONGEST, "gigabytes of pixels"
        return resize(image, size, *args)

    monkeypatch.setattr(Image.Image, "resize", spy)
    rgb = noise(*shape)
    crop = Preprocessing().crop(rgb)
    assert len(resized) == 1
    short, reach = min(shape), LONGEST * min(shape)
    start = (max(shape) - reach) // 2
    middle = rgb[:, start : start + reach] if shape[0] == short else rgb[start : start + reach]
    assert np.array_equal(crop, torchvision_crop(middle, 224, 256, "bilinear"))


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
def test_a_mask_is_cropped_as_its_photo(crop_mode: Any) -> None:
    y, x = np.mgrid[:90, :140]
    mask = ((x - 80) ** 2 + (y - 30) ** 2 < 25**2).astype(np.uint8)
    pre = Preprocessing(size=64, crop_mode=crop_mode)
    shown = pre.crop(np.repeat(255 * mask[..., None], 3, axis=-1))[..., 0]
    cropped = pre.crop_mask(mask)
    assert cropped.shape == (64, 64)
    assert np.unique(cropped).tolist() == [0, 1]
    assert (cropped[shown > 230] == 1).all()
    assert (cropped[shown < 25] == 0).all()


def test_normalise_is_torchvisions() -> None:
    pre, crops = Preprocessing(), noise(64, 32).reshape(2, 32, 32, 3)
    peer = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(mean=pre.mean, std=pre.std)]
    )
    truth = torch.stack([peer(crop) for crop in crops]).numpy()
    batch = pre.normalise(crops)
    assert batch.dtype == np.float32
    assert batch.flags.c_contiguous
    assert np.abs(batch - truth).max() < 1e-6


def test_normalise_by_hand() -> None:
    pre = Preprocessing(size=8, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25))
    batch = pre.normalise(np.full((1, 8, 8, 3), 51, np.uint8))  # 51 / 255 = 0.2
    assert batch[0, :, 3, 4] == pytest.approx([0.2, -0.6, -3.2], abs=1e-6)


def test_bgr_is_rgb_with_its_channels_turned_round() -> None:
    rgb, bgr = Preprocessing(size=16), Preprocessing(size=16, channel_order="bgr")
    photo = noise(20, 30)
    assert np.array_equal(bgr(photo), rgb(photo)[::-1])


@pytest.mark.parametrize("channel_order", ["rgb", "bgr"])
def test_denormalise_undoes_normalise_for_every_value(channel_order: Any) -> None:
    pre = Preprocessing(size=16, channel_order=channel_order)
    crops = np.stack([np.arange(256, dtype=np.uint8).reshape(1, 16, 16)] * 3, axis=-1)
    crops[..., 1] = 255 - crops[..., 1]
    assert np.array_equal(pre.denormalise(pre.normalise(crops)), crops)


def test_denormalise_clips_what_no_photo_has() -> None:
    pre = Preprocessing(size=8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    batch = np.array([-0.1, 1.1], np.float32)[:, None, None, None] * np.ones((1, 3, 8, 8), "f4")
    assert np.unique(pre.denormalise(batch)).tolist() == [0, 255]


def test_json_round_trip() -> None:
    pre = Preprocessing(288, 0.9, "squash", "lanczos", (0.1, 0.2, 0.3), (1, 2, 3), "bgr")
    assert Preprocessing.from_json(json.loads(json.dumps(pre.to_json()))) == pre


def test_from_json_names_a_missing_setting() -> None:
    values = Preprocessing().to_json()
    del values["mean"]
    with pytest.raises(BundleError, match=r"do not fit \('mean'\).*expected size, crop_pct"):
        Preprocessing.from_json(values)


def test_from_json_names_an_unknown_setting() -> None:
    with pytest.raises(BundleError, match=r"do not fit .*'gamma'"):
        Preprocessing.from_json({**Preprocessing().to_json(), "gamma": 2.2})


@pytest.mark.parametrize("values", [None, [], "bilinear", {"mean": 1, "std": 1}])
@pytest.mark.usefixtures("unchecked")
def test_from_json_refuses_what_is_no_settings(values: Any) -> None:
    with pytest.raises(BundleError, match="preprocessing settings do not fit"):
        Preprocessing.from_json(values)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 7),
        ("size", 4097),
        ("crop_pct", 0.05),
        ("crop_pct", 1.01),
        ("crop_pct", float("nan")),
        ("mean", [0.5, 0.5]),
        ("mean", [0.5, 0.5, float("inf")]),
        ("std", [0.5, 0.5, 0.0]),
        ("std", [0.5, 0.5, float("nan")]),
        ("mean", "abc"),
        ("std", [1, 1, None]),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_from_json_refuses_a_value_out_of_range(key: str, value: Any) -> None:
    with pytest.raises(BundleError, match="preprocessing settings out of range"):
        Preprocessing.from_json({**Preprocessing().to_json(), key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("size", 224.0),
        ("size", "224"),
        ("crop_pct", "0.9"),
        ("crop_mode", ["center"]),
        ("crop_mode", "border"),
        ("interpolation", "nearest"),
        ("channel_order", "grb"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_from_json_refuses_a_value_of_another_kind(key: str, value: Any) -> None:
    with pytest.raises(BundleError, match="preprocessing settings do not fit"):
        Preprocessing.from_json({**Preprocessing().to_json(), key: value})
