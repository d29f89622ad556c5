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
    prepared_like,
    read,
    repeatable,
    sources,
    take,
)
from florascope.doctor.photometry import pixels_of
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


class Kept(Dataset[Any]):
    """Keeps photos in one of the usual forms."""

    def __init__(self, photos: Any) -> None:
        self.names, self.photos = ("one", "two", "three"), photos

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return torch.zeros(3, 2, 2), index


PIXELS = np.arange(3 * 4 * 5 * 3, dtype=np.uint8).reshape(3, 4, 5, 3)


@pytest.mark.parametrize(
    "form", ["samples", "paths", "words", "pillow", "array", "tensor", "channels-first"]
)
def test_photos_that_a_data_set_keeps(form: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path, photo in zip(paths, PIXELS, strict=True):
        Image.fromarray(photo).save(path)
    kept: dict[str, Any] = {
        "samples": [(str(path), 7) for path in paths],
        "paths": paths,
        "words": [str(path) for path in paths],
        "pillow": [Image.fromarray(photo) for photo in PIXELS],
        "array": PIXELS,
        "tensor": torch.from_numpy(PIXELS),
        "channels-first": PIXELS.transpose(0, 3, 1, 2),
    }
    found = sources(DataLoader(Subset(Kept(kept[form]), [2, 0])))
    assert len(found) == 2
    assert all(
        np.array_equal(pixels_of(one), PIXELS[at]) for one, at in zip(found, (2, 0), strict=True)
    )


@pytest.mark.parametrize(
    "photos", [PIXELS.astype(np.float32), PIXELS[:2], ["no file"] * 3, None, [(), (), ()]]
)
def test_photos_that_are_not_to_be_had(photos: Any) -> None:
    assert sources(DataLoader(Kept(photos))) == ()
    assert sources([(IMAGES, LABELS)]) == ()


def test_readers_of_ones_own_are_exchanged() -> None:
    plain, dark = Read(lambda n: n + 1.0), Read(lambda n: n / 100)
    like = prepared_like(DataLoader(plain), DataLoader(dark))
    assert like is not None
    assert [float(x) for x, _ in like] == [0.0, 0.01, 0.02]


class Read(Dataset[Any]):
    def __init__(self, reader: Callable[[int], float]) -> None:
        self.reader = reader

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[float, int]:
        return self.reader(index), index
