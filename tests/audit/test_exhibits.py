"""Photos, answers and masks come into the network's shape together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from florascope.audit.exhibits import Exhibits, answers, evenly, exhibit, normalised
from florascope.errors import DataError, PhotoError
from florascope.images import RGB
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing

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
def exhibits() -> Exhibits:
    """Seven crops of noise, the first with a mask."""
    crops = np.stack([noise(16, 16, seed) for seed in range(7)])
    return Exhibits(PRE, crops, np.arange(7), [halves(16, 16), *[None] * 6])


def test_batches_hold_every_photo_in_order(exhibits: Exhibits) -> None:
    batches = list(exhibits.batches(3))
    assert [batch.start for batch in batches] == [0, 3, 6]
    assert [len(batch.masks) for batch in batches] == [3, 3, 1]
    images = torch.cat([batch.specimens.images for batch in batches])
    targets = torch.cat([batch.specimens.targets for batch in batches])
    assert targets.tolist() == list(range(7))
    assert np.array_equal(images.numpy(), PRE.normalise(exhibits.crops))


def test_picked_photos_are_spread_over_all(exhibits: Exhibits) -> None:
    assert exhibits.picked(3).targets.tolist() == [0, 3, 6]
    assert exhibits.picked(100).targets.tolist() == list(range(7))
    assert exhibits.picked(1).targets.tolist() == [0]
    assert np.array_equal(exhibits.picked(3).images[1].numpy(), PRE.normalise(exhibits.crops)[3])
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
        exhibit(patch_classifier, broken)


def test_unreadable_photos_are_left_out_and_named(
    patch_classifier: Classifier, still: Any, photos: list[np.ndarray]
) -> None:
    seen: list[tuple[str, int, int]] = []
    mixed = [still(photos[0]), Broken("a.jpg"), still(photos[1])]
    found = exhibit(patch_classifier, mixed, progress=lambda *step: seen.append(step))
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
        Exhibits(PRE, crops, np.zeros(targets, np.int64), nothing)


def test_a_mask_of_another_size_is_refused(show: Any) -> None:
    words = r"still has 30 x 20 pixels and its mask 20 x 30.*photo's width and height"
    with pytest.raises(DataError, match=words):
        show([noise(20, 30, 0)], [halves(30, 20)])
