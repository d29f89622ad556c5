"""Batches of every usual form are read; others are refused with what was found."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, default_collate

from florascope.doctor.loaders import (
    collation,
    photo_of,
    photos_of_files,
    prepared_like,
    read,
    repeatable,
    take,
)
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


Transform = Callable[[Tensor], Tensor] | None


class Photos(Dataset[Any]):
    def __init__(self, count: int, transform: Transform = None) -> None:
        self.x = torch.arange(count * 3.0).reshape(count, 3, 1, 1)
        self.transform, self.target_transform = transform, None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        photo = self.x[index]
        return self.transform(photo) if self.transform else photo, index


def negative(photo: Tensor) -> Tensor:
    return -photo


def test_the_same_photos_by_the_other_transform() -> None:
    ours = Photos(10, negative)
    train = DataLoader(Subset(ours, [7, 2, 5]), 2, shuffle=True)
    found = prepared_like(train, DataLoader(Photos(4), 4))
    assert found is not None
    batches = take(found, 3)
    assert torch.cat([b.labels for b in batches]).tolist() == [7, 2, 5]
    assert torch.equal(torch.cat([b.images for b in batches]), ours.x[[7, 2, 5]])
    assert ours.transform is negative


def test_a_collate_fn_of_trains_own_is_exchanged() -> None:
    def mixed(rows: Any) -> Any:
        images, labels = default_collate(rows)
        return images + images.flip(0), labels

    train = DataLoader(Photos(4), 4, collate_fn=mixed)
    assert collation(train) == ["collate_fn mixed"]
    assert collation(DataLoader(Photos(4))) == []
    found = prepared_like(train, DataLoader(Photos(4), 4))
    assert found is not None
    assert torch.equal(take(found, 4)[0].images, Photos(4).x)


def test_nothing_to_exchange() -> None:
    alike = DataLoader(Photos(4, negative)), DataLoader(Photos(4, negative))
    assert prepared_like(*alike) is None
    assert prepared_like(DataLoader(Photos(4)), DataLoader(Photos(4))) is None
    assert prepared_like([(torch.zeros(1, 3, 1, 1), torch.zeros(1))], alike[1]) is None
    plain: Any = torch.utils.data.TensorDataset(torch.zeros(4, 3, 1, 1), torch.zeros(4))
    assert prepared_like(DataLoader(Photos(4, negative)), DataLoader(plain)) is None


def test_photos_again_from_their_files(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    paths = [tmp_path / f"{n}.png" for n in range(6)]
    for path in paths:
        Image.fromarray(draw.integers(0, 256, (40, 50, 3), np.uint8)).save(path)
    like = torch.randn(8, 3, 16, 16) * 2 + 1
    found = photos_of_files(tuple(map(str, paths)), np.arange(6), like, 3)
    assert found is not None
    assert found.images.shape == (3, 3, 40, 40)  # no larger than the files
    assert found.labels.tolist() == [0, 2, 5]
    for channel in range(3):
        ours, theirs = found.images[:, channel], like[:, channel]
        assert float(ours.mean()) == pytest.approx(float(theirs.mean()), abs=1e-3)
        assert float(ours.std()) == pytest.approx(float(theirs.std()), rel=1e-3)
    assert photos_of_files((), np.arange(0), like, 3) is None
