"""The same answers as PyTorch's, by another engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from florascope.audit.localisation import MaskFolder, MaskIds
from florascope.audit.photos import (
    AuditPhotos,
    Selection,
    TargetedImages,
    answers,
    attribute,
    evenly,
    maps_of,
    normalised,
    prepare_photos,
)
from florascope.errors import DataError, ExplanationError, PhotoError
from florascope.evaluation.held_out import Asked, Origin, Subset
from florascope.explanation.attribution import Attribution
from florascope.images import RGB
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing

PRE = Preprocessing(size=16, crop_pct=0.8)


@dataclass(frozen=True)
class Broken:
    """A photo that cannot be read."""

    name: str

    def read(self) -> RGB:
        raise PhotoError(f"{self.name} is damaged")

    def digest(self) -> str:
        return self.name


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def halves(height: int, width: int) -> np.ndarray:
    mask = np.full((height, width), 3, np.uint8)
    mask[:, : width // 2] = 1
    return mask


@pytest.fixture
def audit_photos() -> AuditPhotos:
    """Seven crops of noise, the first with a mask."""
    crops = np.stack([noise(16, 16, seed) for seed in range(7)])
    return AuditPhotos(PRE, crops, np.arange(7), [halves(16, 16), *[None] * 6])


def test_batches_hold_every_photo_in_order(audit_photos: AuditPhotos) -> None:
    batches = list(audit_photos.batches(3))
    assert [batch.start for batch in batches] == [0, 3, 6]
    assert [len(batch.masks) for batch in batches] == [3, 3, 1]
    images = torch.cat([batch.targeted.images for batch in batches])
    targets = torch.cat([batch.targeted.targets for batch in batches])
    assert targets.tolist() == list(range(7))
    assert np.array_equal(images.numpy(), PRE.normalise(audit_photos.crops))


def test_picked_photos_are_spread_over_all(audit_photos: AuditPhotos) -> None:
    assert audit_photos.picked(3).targets.tolist() == [0, 3, 6]
    assert audit_photos.picked(100).targets.tolist() == list(range(7))
    assert audit_photos.picked(1).targets.tolist() == [0]
    assert np.array_equal(
        audit_photos.picked(3).images[1].numpy(), PRE.normalise(audit_photos.crops)[3]
    )
    assert evenly(105, 3).tolist() == [0, 52, 104]


def test_photos_and_masks_are_cut_alike_and_masks_that_show_nothing_are_dropped(show: Any) -> None:
    """The network sees the middle 32 x 32 of a photo scaled to 32 pixels on its short side."""
    tall = np.full((64, 32), 3, np.uint8)
    tall[:3] = 1  # cut away with the top
    photos = [noise(32, 48, 0), noise(64, 32, 1), noise(32, 32, 2)]
    found = show(photos, [halves(32, 48), tall, None])
    assert np.array_equal(found.crops[0], photos[0][:, 8:40])
    assert np.array_equal(found.crops[1], photos[1][16:48])
    first, second, third = found.masks
    assert np.array_equal(first, halves(32, 32))
    assert second is None
    assert third is None


def test_the_answered_class_is_explained(
    patch_classifier: Classifier, photos: list[np.ndarray], show: Any
) -> None:
    black = np.zeros((32, 32, 3), np.uint8)
    mixed = [black, *photos[:17], black]
    expected = [0, *[1] * 17, 0]
    assert show(mixed).targets.tolist() == expected
    with torch.no_grad():
        crops = np.stack(mixed)
        found = answers(patch_classifier, patch_classifier.preprocessing, crops)
    assert found.tolist() == expected


def test_normalised_is_the_preprocessing() -> None:
    photos = [noise(20, 30, 0), noise(40, 20, 1)]
    crops = np.stack([PRE.crop(photo) for photo in photos])
    assert np.array_equal(normalised(PRE, crops).numpy(), np.stack([PRE(p) for p in photos]))


def test_no_readable_photo_is_an_error(patch_classifier: Classifier) -> None:
    broken = [Broken("a.jpg"), Broken("b.jpg")]
    words = r"none of the 2 photos can be read; a\.jpg is damaged.*expected photos"
    with pytest.raises(DataError, match=words):
        prepare_photos(patch_classifier, broken)


def test_unreadable_photos_are_left_out_and_named(
    patch_classifier: Classifier, still: Any, photos: list[np.ndarray]
) -> None:
    seen: list[tuple[str, int, int]] = []
    mixed = [still(photos[0]), Broken("a.jpg"), still(photos[1])]
    found = prepare_photos(patch_classifier, mixed, progress=lambda *step: seen.append(step))
    assert len(found) == 2
    assert np.array_equal(found.crops, photos[:2])
    assert found.problems == ("a.jpg is damaged.",)
    assert seen == [("Reading photos", done, 3) for done in range(4)]


@pytest.mark.parametrize(("targets", "masks"), [(3, 2), (2, 1)])
def test_lengths_that_differ_are_refused(targets: int, masks: int) -> None:
    words = f"2 photos, {targets} targets and {masks} masks.*one of each a photo"
    crops = np.zeros((2, 16, 16, 3), np.uint8)
    nothing: Sequence[None] = [None] * masks
    with pytest.raises(DataError, match=words):
        AuditPhotos(PRE, crops, np.zeros(targets, np.int64), nothing)


def test_a_mask_of_another_size_is_refused(show: Any) -> None:
    words = r"still has 30 x 20 pixels and its mask 20 x 30.*photo's width and height"
    with pytest.raises(DataError, match=words):
        show([noise(20, 30, 0)], [halves(30, 20)])


SPECIMENS = TargetedImages(torch.rand(2, 3, 32, 32), torch.tensor([0, 1]))


@dataclass(frozen=True)
class Fixed:
    """Gives the same values whatever it is asked."""

    values: Tensor
    name: str = "fixed"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        return Attribution(self.name, self.values, torch.zeros(len(self.values)), complete=False)


def test_maps_come_in_float64_and_detached(patch_classifier: Classifier) -> None:
    values = torch.rand(2, 32, 32, requires_grad=True)
    maps = maps_of(patch_classifier, Fixed(values), SPECIMENS)
    assert maps.dtype == "float64"
    assert maps.tolist() == values.double().tolist()


def test_a_map_of_another_size_is_refused(patch_classifier: Classifier) -> None:
    words = r"fixed gave maps of shape \(2, 7, 7\).*expected \(2, 32, 32\)"
    with pytest.raises(ExplanationError, match=words):
        attribute(patch_classifier, Fixed(torch.rand(2, 7, 7)), SPECIMENS)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(patch_classifier: Classifier, value: float) -> None:
    values = torch.zeros(2, 32, 32)
    values[1, 3, 4] = value
    with pytest.raises(ExplanationError, match="fixed gave values that are not finite"):
        attribute(patch_classifier, Fixed(values), SPECIMENS)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Twelve photos of 40 x 40 in one folder, with a hidden file and a note beside."""
    folder = tmp_path / "plain"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(np.full((40, 40, 3), 20 * number, np.uint8)).save(folder / f"{number}.png")
    for name in (".hidden.png", "note.txt"):
        (folder / name).write_text("no photo")
    return folder


def marked(folder: Path, stems: list[str]) -> MaskFolder:
    folder.mkdir()
    mask = np.full((40, 40), 3, np.uint8)
    mask[:20] = 1
    for stem in stems:
        Image.fromarray(mask).save(folder / f"{stem}.png")
    return MaskFolder(folder)


UNKNOWN = Origin(None, Preprocessing())
"""Of a bundle that keeps no record of its photos."""


def selection(source: Path, subset: Subset | None = None, **more: Any) -> Selection:
    return Selection(str(source), UNKNOWN, Asked(subset), **more)


def names(selection: Selection) -> list[str]:
    return [photo.name for photo in selection.photos()[0]]


def test_a_plain_folder_is_taken_whole_in_natural_order(plain: Path) -> None:
    assert names(selection(plain)) == [f"{number}.png" for number in range(12)]
    assert names(selection(plain, limit=3)) == ["0.png", "6.png", "11.png"]


def test_only_photos_with_masks_are_taken(plain: Path, tmp_path: Path) -> None:
    masks = marked(tmp_path / "masks", ["2", "10", "77"])
    assert names(selection(plain, masks=masks)) == ["2.png", "10.png"]


def test_class_folders_are_taken_by_subset(photo_folder: Path) -> None:
    parts = {s: names(selection(photo_folder, s)) for s in get_args(Subset)}
    assert len(parts["all"]) == 30
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == sorted(parts["all"])
    assert len(parts["test"]) == 3


def test_photos_that_would_share_a_mask_are_refused(photo_folder: Path, tmp_path: Path) -> None:
    masks = marked(tmp_path / "masks", ["1"])
    words = r"3 photos share a mask with another \(first: daisy/1\.jpg\).*differ in more than"
    with pytest.raises(DataError, match=words):
        selection(photo_folder, "all", masks=masks).photos()


def test_no_masks_at_all(plain: Path, tmp_path: Path) -> None:
    masks = marked(tmp_path / "masks", [])
    with pytest.raises(DataError, match=r"none of the 12 photos has a mask.*such as 0\.png"):
        selection(plain, masks=masks).photos()


def test_exhibits_have_their_masks(
    patch_classifier: Classifier, plain: Path, tmp_path: Path
) -> None:
    masks = marked(tmp_path / "masks", ["1", "5"])
    found = selection(plain, masks=masks).prepare_photos(patch_classifier)
    assert [np.unique(mask).tolist() for mask in found.masks if mask is not None] == [[1, 3]] * 2
    assert found.crops[:, 0, 0, 0].tolist() == [20, 100]
    other = MaskFolder(masks.path, MaskIds(flower=9))
    words = r"none of the 2 masks .* shows both kinds.*pixels of 9 \(flower\) and of 3"
    with pytest.raises(DataError, match=words):
        selection(plain, masks=other).prepare_photos(patch_classifier)
