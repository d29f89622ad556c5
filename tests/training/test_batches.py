"""Batches of painted photos: order, draws and shares."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from florascope.augmentation import Augmentation, ColourJitter, RandomCrop
from florascope.data.dataset import Dataset
from florascope.degradation import Degradation
from florascope.errors import PhotoError
from florascope.preprocessing import Preprocessing
from florascope.training.batches import Batch, LabelledPhotos, Mixing, Transform

PLAIN = Transform(Preprocessing(size=32))
WILD = Transform(
    Preprocessing(size=32), 7, RandomCrop(), Augmentation(), ColourJitter(), Degradation(0.5)
)


@pytest.fixture
def photos(dataset: Dataset) -> LabelledPhotos:
    return LabelledPhotos(dataset.photos, dataset.labels, 3, WILD, batch_size=8)


def images(batches: Sequence[Batch]) -> torch.Tensor:
    return torch.cat([batch.images for batch in batches])


def test_a_plain_transform_is_the_preprocessing(dataset: Dataset) -> None:
    photo = dataset.photos[0]
    found = PLAIN([photo], 3, [0])
    assert np.array_equal(found[0].numpy(), PLAIN.preprocessing(photo.read()))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_an_epoch_sees_every_photo_once_in_the_order_it_says(photos: LabelledPhotos) -> None:
    batches = list(photos.batches(2))
    assert [len(b.images) for b in batches] == [8, 8, 8, 8, 8, 5]
    assert len(batches) == photos.steps()
    order = photos.order(2)
    assert sorted(order) == list(range(45))
    answers = torch.cat([b.shares for b in batches]).argmax(1)
    assert answers.tolist() == photos.targets[order].tolist()


def test_draws_depend_on_seed_epoch_and_index_alone(photos: LabelledPhotos) -> None:
    whole = images(list(photos.batches(1)))
    again = images(list(photos.batches(1)))
    later = images(list(photos.batches(1, first=3)))
    assert torch.equal(whole, again)
    assert torch.equal(whole[24:], later)
    assert not torch.equal(whole, images(list(photos.batches(2))))
    other = replace(photos, transform=replace(WILD, seed=8))
    assert not torch.equal(whole, images(list(other.batches(1))))


def test_processes_share_each_batch(photos: LabelledPhotos) -> None:
    alone = list(photos.batches(0))
    parts = [list(photos.batches(0, rank=rank, world=3)) for rank in range(3)]
    assert len({len(part) for part in parts}) == 1
    for step, batch in enumerate(alone[:5]):
        for rank in range(3):
            assert torch.equal(parts[rank][step].images, batch.images[rank::3])


def test_with_uneven_processes_all_have_the_same_steps(photos: LabelledPhotos) -> None:
    two = [list(photos.batches(0, rank=rank, world=2)) for rank in range(2)]
    assert [len(b.images) for b in two[0]] == [len(b.images) for b in two[1]]
    assert len(two[0]) == photos.steps(2)


def test_balanced_classes_are_drawn_equally_often(dataset: Dataset) -> None:
    labels = np.array([0] * 40 + [1] * 4 + [2], dtype=np.int64)
    even = LabelledPhotos(dataset.photos, labels, 3, PLAIN, 8, balanced=True)
    drawn = np.concatenate([labels[even.order(epoch)] for epoch in range(100)])
    assert np.bincount(drawn) / len(drawn) == pytest.approx([1 / 3] * 3, abs=0.03)


def test_an_unreadable_photo_ends_the_epoch(photos: LabelledPhotos) -> None:
    broken: Any = photos.photos[int(photos.order(0)[10])]
    broken.broken = True
    with pytest.raises(PhotoError, match="is damaged"):
        list(photos.batches(0))


def test_a_reader_may_stop_early(photos: LabelledPhotos) -> None:
    batches = photos.batches(0)
    next(batches)
    batches.close()  # type: ignore[attr-defined]


def batch(size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Two photos, all 0 and all 1, of two classes: the mean of the pixels is the share."""
    images = torch.stack([torch.zeros(3, size, size), torch.ones(3, size, size)])
    return images, torch.eye(2)


@pytest.mark.parametrize("mixing", [Mixing(mixup=0.8), Mixing(cutmix=1.0), Mixing(0.8, 1.0)])
def test_classes_are_shared_as_the_pixels_are(mixing: Mixing) -> None:
    mixed = 0
    for seed in range(40):
        images, shares = Mixing(mixing.mixup, mixing.cutmix, share=1.0)(
            *batch(), np.random.default_rng(seed)
        )
        assert torch.allclose(shares.sum(1), torch.ones(2))
        assert torch.allclose(images.mean((1, 2, 3)), shares[:, 1], atol=1e-5)
        mixed += int(0 < shares[0, 1].item() < 1)
    assert mixed > 20


def test_cutmix_pastes_whole_pixels() -> None:
    images, _ = Mixing(cutmix=1.0, share=1.0)(*batch(), np.random.default_rng(3))
    assert set(images.unique().tolist()) == {0.0, 1.0}


def test_without_alphas_the_batch_comes_back_itself() -> None:
    images, shares = batch()
    found = Mixing(share=1.0)(images, shares, np.random.default_rng(0))
    assert found[0] is images
    assert found[1] is shares


def test_share_says_how_many_batches_are_mixed() -> None:
    images, shares = batch(4)
    mixing = Mixing(mixup=1.0, share=0.3)
    same = [mixing(images, shares, np.random.default_rng(s))[0] is images for s in range(1000)]
    assert np.mean(same) == pytest.approx(0.7, abs=0.05)
