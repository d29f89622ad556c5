"""Batches of every usual form are read; others are refused with what was found."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from florascope.doctor.loaders import photo_of, read, repeatable, take
from florascope.errors import DataError

IMAGES = torch.arange(2 * 3 * 4 * 4, dtype=torch.float32).reshape(2, 3, 4, 4)
LABELS = torch.tensor([2, 0])


@pytest.mark.parametrize(
    "batch",
    [
        (IMAGES, LABELS),
        [IMAGES, LABELS],
        (IMAGES, LABELS, torch.tensor([7, 8])),
        {"pixel_values": IMAGES, "labels": LABELS},
        {"label": LABELS, "image": IMAGES},
        (IMAGES, LABELS[:, None]),
        (IMAGES, torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])),
        (IMAGES.numpy(), LABELS.numpy()),
    ],
    ids=["pair", "list", "indexed", "hugging-face", "other-names", "column", "one-hot", "numpy"],
)
def test_images_and_labels_are_found(batch: Any) -> None:
    found = read(batch)
    assert torch.equal(found.images, IMAGES)
    assert found.labels.tolist() == [2, 0]
    assert found.shares is None


def test_mixtures_keep_their_shares() -> None:
    shares = torch.tensor([[0.3, 0.0, 0.7], [0.6, 0.4, 0.0]])
    found = read((IMAGES, shares))
    assert found.labels.tolist() == [2, 0]
    assert found.shares is not None
    assert torch.equal(found.shares, shares)


def test_smoothed_labels_of_whole_sum_are_mixtures() -> None:
    assert read((IMAGES, torch.full((2, 4), 0.25))).shares is not None


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (3, "the loader gives int"),
        ("photo", "the loader gives str"),
        ({"image": IMAGES}, "a dictionary with image"),
        ({}, "a dictionary with no keys"),
    ],
)
def test_other_batches_are_refused(batch: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(batch)
    assert message in str(caught.value)


def test_an_item_of_a_data_set() -> None:
    assert torch.equal(photo_of({"image": IMAGES[0], "label": 1}), IMAGES[0])


def test_as_many_batches_as_give_enough_photos() -> None:
    assert len(take([(IMAGES, LABELS)] * 5, 3)) == 2


def test_a_generator_can_be_read_twice() -> None:
    def generator() -> Iterator[Any]:
        for _ in range(3):
            yield IMAGES, LABELS

    kept = repeatable(generator(), 4)
    assert len(take(kept, 99)) == len(take(kept, 99)) == 2
    plain = [(IMAGES, LABELS)]
    assert repeatable(plain, 4) is plain
