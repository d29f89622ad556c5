"""Index masks from files and from photos that know their own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from florascope.audit.localisation import (
    BACKGROUND,
    FLOWER,
    UNKNOWN,
    Localisation,
    MaskFolder,
    MaskIds,
    in_grids,
    localise,
    no_mask,
    own_mask,
    pixel_auroc,
    tells_apart,
)
from florascope.data.dataset import FilePhoto
from florascope.errors import DataError
from florascope.garden.scene import GardenPhoto

INDEXES = np.array([[0, 1, 2], [3, 4, 1]], np.uint8)
MEANING = np.array([[UNKNOWN, FLOWER, UNKNOWN], [BACKGROUND, UNKNOWN, FLOWER]], np.uint8)


@dataclass(frozen=True)
class Painted:
    """A photo that was made together with its mask."""

    name: str = "painted"

    def read(self) -> np.ndarray:
        return np.zeros((2, 3, 3), np.uint8)

    def digest(self) -> str:
        return "0"

    def mask(self) -> np.ndarray:
        return np.array([[True, False], [False, False]])


def photo(stem: str) -> FilePhoto:
    return FilePhoto(Path("elsewhere") / f"{stem}.jpg")


def save(folder: Path, stem: str, indexes: np.ndarray, mode: str = "L") -> None:
    image = Image.fromarray(indexes)
    if mode == "P":
        image = image.convert("P")
        image.putpalette([200, 10, 10] * 256)  # one colour for all: only the numbers tell
    image.convert(mode).save(folder / f"{stem}.png")


@pytest.mark.parametrize("mode", ["L", "P"])
def test_masks_are_found_by_stem_and_read_as_numbers(tmp_path: Path, mode: str) -> None:
    save(tmp_path, "image_0008", INDEXES, mode)
    save(tmp_path, "image_0009", np.full((2, 3), 1, np.uint8))
    masks = MaskFolder(tmp_path)
    first, missing, last = (masks(photo(f"image_000{n}")) for n in (9, 7, 8))
    assert missing is None
    assert first is not None
    assert (first == FLOWER).all()
    assert np.array_equal(np.array(last), MEANING)


def test_other_numbers_can_be_named(tmp_path: Path) -> None:
    save(tmp_path, "a", np.array([[255, 0, 128]], np.uint8))
    mask = MaskFolder(tmp_path, MaskIds(flower=255, background=0))(photo("a"))
    assert np.array_equal(np.array(mask), [[FLOWER, BACKGROUND, UNKNOWN]])


def test_a_photo_that_knows_its_mask_needs_no_folder() -> None:
    assert np.array(own_mask(Painted())).tolist() == [
        [FLOWER, BACKGROUND],
        [BACKGROUND, BACKGROUND],
    ]
    assert own_mask(photo("a")) is None
    assert no_mask(Painted()) is None


def test_the_gardens_photos_know_their_masks() -> None:
    photo = GardenPhoto(species=2, index=0, size=64)
    mask = own_mask(photo)
    assert mask is not None
    assert mask.dtype == np.uint8
    assert np.array_equal(mask == FLOWER, photo.mask())
    assert np.array_equal(mask == BACKGROUND, ~photo.mask())


def test_masks_that_tell_apart_have_both_kinds() -> None:
    assert tells_apart(MEANING)
    assert not tells_apart(np.full((2, 2), FLOWER, np.uint8))
    assert not tells_apart(np.array([[BACKGROUND, UNKNOWN]], np.uint8))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere is not a folder.*a folder of PNG masks"):
        MaskFolder(tmp_path / "nowhere")


def test_a_colour_picture_is_no_index_mask(tmp_path: Path) -> None:
    save(tmp_path, "a", INDEXES, "RGB")
    with pytest.raises(DataError, match=r"a.png has mode RGB.*8-bit grey or palette"):
        MaskFolder(tmp_path)(photo("a"))


def test_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("florascope.audit.localisation.MAX_PIXELS", 5)
    save(tmp_path, "a", INDEXES)
    with pytest.raises(DataError, match=r"3 x 2 pixels.*at most 5 pixels"):
        MaskFolder(tmp_path)(photo("a"))


@pytest.mark.parametrize("damage", ["text", "cut"])
def test_a_damaged_png_is_named(tmp_path: Path, damage: str) -> None:
    noise = np.random.default_rng(0).integers(0, 4, (60, 60), dtype=np.uint8)
    save(tmp_path, "a", noise)
    path = tmp_path / "a.png"
    path.write_bytes(b"not a picture" if damage == "text" else path.read_bytes()[:300])
    with pytest.raises(DataError, match=r"a.png cannot be read.*expected a PNG mask"):
        MaskFolder(tmp_path)(photo("a"))


@pytest.mark.real_data
def test_oxford_17_has_105_masks_of_the_photos_sizes(real_data: Path) -> None:
    folder = real_data / "oxford-17-masks"
    photos = [FilePhoto(path) for path in sorted((folder / "jpg").iterdir())]
    masks = [MaskFolder(folder / "masks")(photo) for photo in photos]
    assert len(photos) == 105
    assert sum(mask is not None and tells_apart(mask) for mask in masks) == 103
    assert all(
        mask is not None and mask.shape == photo.read().shape[:2]
        for photo, mask in zip(photos[::20], masks[::20], strict=True)
    )


MASK = np.array([[1, 1, 3, 3], [0, 3, 3, 3]], np.uint8)


def test_localisation_by_hand() -> None:
    values = np.array([[6.0, 2.0, 1.0, -4.0], [99.0, 3.0, 0.0, -8.0]])
    # flower 6, 2; background 1, -4, 3, 0, -8: 6 beats five, 2 beats four of them
    assert localise(values, MASK) == pytest.approx(
        (1.0, 1.0, 8 / 12, 2 / 7, (8 / 12) / (2 / 7), 9 / 10)
    )


def test_the_unknown_pixel_counts_for_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(2, 4))
    changed = values.copy()
    changed[1, 0] = 1e6
    assert localise(values, MASK) == localise(changed, MASK)


@pytest.mark.parametrize("value", [0.0, 2.5, -1.0])
def test_a_constant_map_scores_chance(value: float) -> None:
    area = 2 / 7
    assert localise(np.full((2, 4), value), MASK) == pytest.approx(
        (area, 1.0, area, area, 1.0, 0.5)
    )


def test_several_maxima_share_the_point() -> None:
    values = np.array([[5.0, 0.0, 5.0, 5.0], [9.0, 0.0, 0.0, 0.0]])
    assert localise(values, MASK).pointing == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("row", "column", "near"),
    [(9, 21, 1.0), (16, 18, 1.0), (17, 19, 0.0), (24, 6, 1.0), (25, 6, 0.0)],
)
def test_near_is_within_fifteen_pixels_of_the_flower(row: int, column: int, near: float) -> None:
    """The flower's nearest pixel is (9, 6): 15, sqrt(49 + 144), sqrt(64 + 169), 15, 16 away."""
    mask = np.full((30, 40), BACKGROUND, np.uint8)
    mask[4:10, 2:7] = FLOWER
    values = np.zeros(mask.shape)
    values[row, column] = 1.0
    found = localise(values, mask)
    assert (found.pointing, found.pointing_near) == (0.0, near)


def test_a_map_of_the_mask_is_perfect_and_its_opposite_hopeless() -> None:
    flower = (MASK == 1).astype(np.float64)
    assert localise(flower, MASK) == pytest.approx((1.0, 1.0, 1.0, 2 / 7, 3.5, 1.0))
    opposite = localise((MASK == 3).astype(np.float64), MASK)
    assert opposite == pytest.approx((0.0, 1.0, 0.0, 2 / 7, 0.0, 0.0))


@pytest.mark.parametrize("levels", [2, 4, 10**6])
def test_pixel_auroc_is_scikit_learns(levels: int) -> None:
    rng = np.random.default_rng(levels)
    inside = rng.integers(0, levels, 57).astype(np.float64) + 0.2 * levels
    outside = rng.integers(0, levels, 140).astype(np.float64)
    scores = np.concatenate([inside, outside])
    truth = np.repeat([1, 0], [57, 140])
    assert pixel_auroc(inside, outside) == pytest.approx(roc_auc_score(truth, scores))


def test_pixel_auroc_sees_order_alone() -> None:
    values = np.random.default_rng(0).normal(size=(2, 4))
    assert localise(values, MASK).auroc == localise(np.exp(values) - 9, MASK).auroc


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.full((2, 4), 1, np.uint8), "8 flower and 0 background"),
        (np.full((2, 4), 3, np.uint8), "0 flower and 8 background"),
        (np.array([[1, 3]], np.uint8), "2 x 1 pixels.*expected both kinds in 4 x 2 pixels"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(mask: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        localise(np.zeros((2, 4)), mask)


def test_fields_are_the_measures_names() -> None:
    names = ("pointing", "pointing_near", "energy", "area", "energy_ratio", "auroc")
    assert Localisation._fields == names


def _of_its_class(photos: torch.Tensor, targets: torch.Tensor) -> np.ndarray:
    """A true map: where the picture has the class's own brightness."""
    return (photos.mean(1) - targets[:, None, None]).abs().lt(0.01).double().numpy()


def _plain(targets: list[int], shape: tuple[int, int] = (8, 8)) -> torch.Tensor:
    """Photos as bright as their class's number."""
    return torch.tensor(targets).float()[:, None, None, None].expand(-1, 3, *shape)


@pytest.mark.parametrize("shape", [(8, 8), (7, 9)])
def test_a_true_map_stays_in_its_own_photo(shape: tuple[int, int]) -> None:
    targets = [2, 2, 5, 3, 7, 5, 4, 9]
    shares = in_grids(_of_its_class, _plain(targets, shape), torch.tensor(targets))
    assert shares.tolist() == [1.0] * 8  # 2, 5, 3, 7 and 2, 5, 4, 9


def test_maps_that_know_nothing_are_at_chance() -> None:
    targets = [0, 1, 2, 3]

    def even(photos: torch.Tensor, _: torch.Tensor) -> np.ndarray:
        return np.ones((len(photos), *photos.shape[2:]))

    def none(photos: torch.Tensor, _: torch.Tensor) -> np.ndarray:
        return -even(photos, _)

    def first(photos: torch.Tensor, _: torch.Tensor) -> np.ndarray:
        maps = np.zeros((len(photos), *photos.shape[2:]))
        maps[:, 0, 0] = 3.0
        return maps

    shares = [in_grids(e, _plain(targets), torch.tensor(targets)) for e in (even, none, first)]
    assert shares[0].tolist() == shares[1].tolist() == [0.25] * 4
    assert shares[2].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_the_picture_is_of_the_networks_size_and_each_photo_whole() -> None:
    targets, seen = [0, 1, 2, 3], []

    def explain(photos: torch.Tensor, asked: torch.Tensor) -> np.ndarray:
        seen.append((photos, asked))
        return np.ones((len(photos), *photos.shape[2:]))

    ramp = torch.linspace(0, 1, 8).expand(4, 3, 8, 8) + torch.tensor(targets).view(4, 1, 1, 1)
    in_grids(explain, ramp, torch.tensor(targets))
    ((photos, asked),) = seen
    assert photos.shape == (4, 3, 8, 8)
    assert asked.tolist() == targets
    assert (photos == photos[:1]).all()
    quarters = photos[0, 0].reshape(2, 4, 2, 4).transpose(1, 2).reshape(4, 4, 4)
    for number, quarter in enumerate(quarters):
        assert quarter.mean().item() == pytest.approx(number + 0.5, abs=0.05)
        assert (quarter.diff(dim=1) > 0.1).all()


def test_fewer_than_four_classes_make_no_grid() -> None:
    targets = [0, 1, 2, 1, 0, 2]
    assert in_grids(_of_its_class, _plain(targets), torch.tensor(targets)).shape == (0,)
