"""Photos, targets and masks come into the network's shape together."""

import numpy as np
import pytest
import torch

from florascope.audit.exhibits import Exhibits, answers, exhibit, normalised
from florascope.errors import DataError
from florascope.model.classifier import Classifier
from florascope.model.preprocessing import Preprocessing

PRE = Preprocessing(size=16, crop_pct=0.8)


def noise(height: int, width: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def halves(height: int, width: int) -> np.ndarray:
    mask = np.full((height, width), 3, np.uint8)
    mask[:, : width // 2] = 1
    return mask


@pytest.fixture
def exhibits() -> Exhibits:
    """Seven photos of several shapes; masks for the first (usable) and second (no flower left)."""
    shapes = [(20, 30), (40, 20), (16, 16), (17, 23), (30, 30), (64, 20), (21, 21)]
    photos = [noise(*shape, seed) for seed, shape in enumerate(shapes)]
    edge = np.full((40, 20), 3, np.uint8)
    edge[0] = 1  # cut away with the top of a tall photo
    masks = [halves(20, 30), edge, *[None] * 5]
    return Exhibits(PRE, photos, np.arange(7), masks)


def test_batches_hold_every_photo_in_order(exhibits: Exhibits) -> None:
    batches = list(exhibits.batches(3))
    assert [batch.start for batch in batches] == [0, 3, 6]
    assert [len(batch.masks) for batch in batches] == [3, 3, 1]
    images = torch.cat([batch.specimens.images for batch in batches])
    targets = torch.cat([batch.specimens.targets for batch in batches])
    assert targets.tolist() == list(range(7))
    for image, photo in zip(images, exhibits.photos, strict=True):
        assert np.array_equal(image.numpy(), PRE(photo))


def test_masks_are_cut_as_their_photos_and_dropped_where_they_show_nothing(
    exhibits: Exhibits,
) -> None:
    (batch,) = exhibits.batches(100)
    assert [mask is not None for mask in batch.masks] == [True] + [False] * 6
    first = batch.masks[0]
    assert first is not None
    assert first.shape == (16, 16)
    # 30 x 20 with a border at 15: scaled to the same middle, so half of the crop
    assert (first[:, :8] == 1).all()
    assert (first[:, 8:] == 3).all()


def test_picked_photos_are_spread_over_all(exhibits: Exhibits) -> None:
    assert exhibits.picked(3).targets.tolist() == [0, 3, 6]
    assert exhibits.picked(100).targets.tolist() == list(range(7))
    assert exhibits.picked(1).targets.tolist() == [0]
    assert np.array_equal(exhibits.picked(3).images[1].numpy(), PRE(exhibits.photos[3]))


def test_the_answered_class_is_explained_where_none_is_named(
    patch_classifier: Classifier, photos: list[np.ndarray]
) -> None:
    black = np.zeros((32, 32, 3), np.uint8)
    mixed = [black, *photos[:17], black]
    assert answers(patch_classifier, mixed).tolist() == [0, *[1] * 17, 0]
    assert exhibit(patch_classifier, mixed, None, None).targets.tolist() == [0, *[1] * 17, 0]
    named = exhibit(patch_classifier, mixed[:2], np.array([1, 0]), None)
    assert named.targets.tolist() == [1, 0]
    assert list(named.masks) == [None, None]


def test_normalised_is_the_preprocessing() -> None:
    photos = [noise(20, 30, 0), noise(40, 20, 1)]
    assert np.array_equal(normalised(PRE, photos).numpy(), np.stack([PRE(p) for p in photos]))


def test_no_photos_are_refused(patch_classifier: Classifier) -> None:
    with pytest.raises(DataError, match=r"0 photos, 0 targets and 0 masks.*at least one photo"):
        exhibit(patch_classifier, [], None, None)


@pytest.mark.parametrize(("targets", "masks"), [(3, 2), (2, 1)])
def test_lengths_that_differ_are_refused(
    patch_classifier: Classifier, photos: list[np.ndarray], targets: int, masks: int
) -> None:
    words = f"2 photos, {targets} targets and {masks} masks.*one of each a photo"
    with pytest.raises(DataError, match=words):
        exhibit(patch_classifier, photos[:2], np.zeros(targets, np.int64), [None] * masks)


@pytest.mark.parametrize("target", [-1, 2])
def test_a_target_that_is_no_class_is_refused(
    patch_classifier: Classifier, photos: list[np.ndarray], target: int
) -> None:
    with pytest.raises(DataError, match=r"targets from .* to .*expected 0 to 1"):
        exhibit(patch_classifier, photos[:2], np.array([1, target]), None)


def test_a_mask_of_another_size_is_refused() -> None:
    words = r"photo 0 has \(20, 30\) pixels and its mask \(30, 20\)"
    with pytest.raises(DataError, match=words):
        Exhibits(PRE, [noise(20, 30, 0)], np.array([0]), [halves(30, 20)])
