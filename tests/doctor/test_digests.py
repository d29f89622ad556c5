"""Which photos are read to learn what lies on both sides of a split."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.data.dataset import ClassName, Dataset, FilePhoto
from florascope.doctor.digests import shared_digests

CLASSES = (ClassName("1", "rose"), ClassName("2", "iris"))
SIDES = (16, 24, 32, 16)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Four photos: 0 and 3 are the same bytes, the others of other sizes."""
    paths = [tmp_path / f"{n}.bmp" for n in range(4)]
    for path, side in zip(paths, SIDES, strict=True):
        Image.new("RGB", (side, side), (9, 8, 7)).save(path)
    photos = [FilePhoto(path) for path in paths]
    return Dataset("four", photos, np.array([0, 1, 0, 1]), CLASSES)


def test_equal_files_on_both_sides_have_one_digest(dataset: Dataset) -> None:
    train, val = shared_digests(dataset, np.array([0, 1]), np.array([2, 3]))
    assert train[0] == val[1] == dataset.photos[0].digest()
    assert set(train) & set(val) == {train[0]}


def test_files_whose_size_is_not_met_on_the_other_side_are_not_read(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    digest = FilePhoto.digest

    def noted(photo: FilePhoto) -> str:
        read.append(photo.name)
        return digest(photo)

    monkeypatch.setattr(FilePhoto, "digest", noted)
    shared_digests(dataset, np.array([0, 1]), np.array([2, 3]))
    assert read == ["0.bmp", "3.bmp"]


def test_a_file_that_is_gone_is_like_no_other(dataset: Dataset) -> None:
    (dataset.photos[3].path).unlink()  # type: ignore[attr-defined]
    train, val = shared_digests(dataset, np.array([0, 1]), np.array([2, 3]))
    assert not set(train) & set(val)
    assert val[1] == "unreadable 3"
