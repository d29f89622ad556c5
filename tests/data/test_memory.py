"""Photos that other code holds become the same data set as a folder of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from florascope.data.folder import folder
from florascope.errors import DataError
from florascope.source import load


def test_pairs_of_paths_are_the_folder(photo_folder: Path) -> None:
    wanted = folder(photo_folder)
    pairs = [
        (str(p.path), wanted.classes[k].name)  # type: ignore[attr-defined]
        for p, k in zip(wanted.photos, wanted.labels, strict=True)
    ]
    found = load(pairs)
    assert [c.name for c in found.classes] == ["daisy", "rose", "violet"]
    assert [p.digest() for p in found.photos] == [p.digest() for p in wanted.photos]
    np.testing.assert_array_equal(found.labels, wanted.labels)


def test_numbers_as_labels_keep_their_order() -> None:
    pixels = np.zeros((4, 5, 3), np.uint8)
    found = load([(pixels, label) for label in (10, 2, 2, 10)])
    assert [c.name for c in found.classes] == ["2", "10"]
    assert found.labels.tolist() == [1, 0, 0, 1]
    assert found.photos[0].read().shape == (4, 5, 3)


def test_equal_pixels_have_equal_digests() -> None:
    one, other = np.zeros((4, 6, 3), np.uint8), np.zeros((6, 4, 3), np.uint8)
    found = load([(one, "a"), (one.copy(), "b"), (other, "a"), (other + 1, "b")])
    digests = [p.digest() for p in found.photos]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_torchvisions_folders_give_their_files(photo_folder: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    found = load(datasets.ImageFolder(str(photo_folder), transform=lambda _: 1 / 0))
    wanted = folder(photo_folder)
    assert found.classes == wanted.classes
    assert [p.name for p in found.photos[:2]] == ["daisy/1.jpg", "daisy/10.jpg"]


def test_items_without_their_transform() -> None:
    datasets = pytest.importorskip("torchvision.datasets")

    def refuse(_: object) -> None:
        raise AssertionError("photos come as they are")

    data = datasets.FakeData(size=6, image_size=(3, 8, 9), num_classes=3, transform=refuse)
    data.targets = [0, 1, 2, 0, 1, 2]
    found = load(data)
    assert found.photos[4].read().shape == (8, 9, 3)
    assert len(found.classes) == 3


class Rows:
    """A table like Hugging Face's."""

    column_names = ("picture", "label")

    def __init__(self) -> None:
        image, label = type("Image", (), {})(), SimpleNamespace(names=["ash", "oak"])
        self.features: dict[str, Any] = {"picture": image, "label": label}
        self.info = SimpleNamespace(dataset_name="trees")

    def __len__(self) -> int:
        return 4

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str):
            return [0, 1, 0, 1]
        return {"picture": Image.new("RGB", (7, 5), (key, 0, 0)), "label": key % 2}


def test_rows_of_an_image_and_a_label() -> None:
    found = load(Rows())
    assert (found.name, [c.name for c in found.classes]) == ("trees", ["ash", "oak"])
    assert found.photos[3].read()[0, 0].tolist() == [3, 0, 0]


def test_what_is_no_data_set() -> None:
    with pytest.raises(DataError, match="a int as DATA. expected pairs of"):
        load(7)
    with pytest.raises(DataError, match="str among the photos"):
        load(["a.jpg"])
    rows = Rows()
    rows.features = {"text": object()}
    with pytest.raises(DataError, match="columns text. expected an Image and a ClassLabel"):
        load(rows)
