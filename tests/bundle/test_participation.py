"""The record of a bundle's photos: written and read again, and refused where it is damaged."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from florascope.bundle.config import MARKS, PHOTOS
from florascope.bundle.participation import (
    Participation,
    copy_participation,
    read_participation,
    write_participation,
)
from florascope.data.dataset import SUBSETS, ClassName, Dataset, FilePhoto, Split
from florascope.data.identity import PhotoKeys, content_keys
from florascope.errors import BundleError

SPLIT = Split("mine", *(np.array(part, dtype=np.int64) for part in ([4, 0], [1], [2])))


def keys(n: int = 5) -> PhotoKeys:
    contents = np.array([2**64 - 1 - i for i in range(n)], np.uint64)
    marks = np.random.default_rng(0).integers(0, 256, (n, 16, 16), np.uint8)
    return PhotoKeys(contents, np.arange(32 * n, dtype=np.uint8).reshape(n, 32), marks)


def dataset(published: str = "") -> Dataset:
    photos = [FilePhoto(Path(f"{i}.jpg")) for i in range(5)]
    two = (ClassName("a", "a"), ClassName("b", "b"))
    return Dataset("five", photos, np.array([0, 1, 0, 1, 0]), two, published=published)


def marks_of(photos: PhotoKeys) -> list[Any]:
    assert photos.marks is not None
    whole: list[Any] = photos.marks.tolist()
    return whole


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_participation(Participation.of(dataset(), SPLIT, 7, keys()), tmp_path)
    return tmp_path


def test_is_read_as_it_was_written(bundle: Path) -> None:
    found = read_participation(bundle)
    assert found is not None
    assert (found.split, found.seed, list(found.photos)) == ("mine", 7, ["train", "val", "test"])
    for subset, part in SPLIT.items():
        assert found.photos[subset].contents.tolist() == keys().contents[part].tolist()
        assert found.photos[subset].looks.tolist() == keys().looks[part].tolist()
        assert marks_of(found.photos[subset]) == marks_of(keys()[part])
    assert found.marks is not None
    assert found.marks.tolist() == marks_of(keys()[np.array([4, 0, 1, 2])])


def test_takes_40_bytes_a_photo_and_256_for_its_marks(tmp_path: Path) -> None:
    marks = np.zeros((3000, 16, 16), np.uint8)
    many = PhotoKeys(np.zeros(3000, np.uint64), np.zeros((3000, 32), np.uint8), marks)
    every = np.arange(3000, dtype=np.int64)
    two = (ClassName("a", "a"), ClassName("b", "b"))
    photos = [FilePhoto(Path(f"{i}.jpg")) for i in range(3000)]
    data = Dataset("many", photos, every % 2, two)
    split = Split("mine", every[:1000], every[1000:2000], every[2000:])
    write_participation(Participation.of(data, split, 0, many), tmp_path)
    assert (tmp_path / PHOTOS).stat().st_size < 3000 * 40 * 4 / 3 + 1000  # base64
    assert (tmp_path / MARKS).stat().st_size < 3000 * 256 + 1000


def test_photos_of_a_published_collection_are_taken_down_by_name() -> None:
    known = dataset("Oxford Flowers 102")
    found = Participation.of(known, SPLIT, 0, keys())
    assert found.photos["train"].contents.tolist() == content_keys(known)[[4, 0]].tolist()


def test_a_bundle_without_one(tmp_path: Path) -> None:
    assert read_participation(tmp_path) is None
    copy_participation(tmp_path, tmp_path / "nowhere")


def test_another_form_of_the_bundle_gets_a_copy(bundle: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    copy_participation(bundle, other)
    for name in (PHOTOS, MARKS):
        assert (other / name).read_bytes() == (bundle / name).read_bytes()


def test_a_bundle_without_marks(bundle: Path, tmp_path: Path) -> None:
    (bundle / MARKS).unlink()
    found = read_participation(bundle)
    assert found is not None
    assert found.marks is None
    (tmp_path / "again").mkdir()
    write_participation(found, tmp_path / "again")
    assert [p.name for p in (tmp_path / "again").iterdir()] == [PHOTOS]


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        ({"train": np.zeros((2, 16, 16), np.uint8)}, "lacks or garbles 'val'"),
        ({s: np.zeros((2, 16, 16), np.uint8) for s in SUBSETS}, "2, 16, 16. of 1 photos"),
        ({s: np.zeros((2, 16, 16), np.int8) for s in SUBSETS}, "garbles int8"),
        (None, "lacks or garbles Error while deserializing.*remove it: crops are not"),
    ],
)
def test_damaged_marks_are_named(bundle: Path, marks: dict[str, Any] | None, message: str) -> None:
    (bundle / MARKS).write_bytes(b"nothing" if marks is None else save(marks))
    with pytest.raises(BundleError, match=message):
        read_participation(bundle)


def bits(count: int) -> str:
    return base64.b64encode(bytes(count)).decode()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"schema": "other"}, r"schema 'other' in photos.json"),
        ({"train": None}, "lacks or garbles"),
        ({"seed": "x"}, "lacks or garbles invalid literal"),
        ({"test": {"contents": "?", "looks": ""}}, "lacks or garbles"),
        ({"val": {"contents": bits(9), "looks": bits(32)}}, "lacks or garbles buffer size"),
        ({"val": {"contents": bits(16), "looks": bits(32)}}, "garbles 2 contents of 1 looks"),
    ],
)
def test_damage_is_named(bundle: Path, damage: dict[str, Any], message: str) -> None:
    values = json.loads((bundle / PHOTOS).read_text())
    (bundle / PHOTOS).write_text(json.dumps({**values, **damage}))
    with pytest.raises(BundleError, match=message):
        read_participation(bundle)


def test_no_json(bundle: Path) -> None:
    (bundle / PHOTOS).write_text("{")
    with pytest.raises(BundleError, match=r"photos.json cannot be read \(.*expected JSON"):
        read_participation(bundle)


def test_a_link_is_not_followed(bundle: Path) -> None:
    (bundle / PHOTOS).rename(bundle / "secret")
    (bundle / PHOTOS).symlink_to(bundle / "secret")
    with pytest.raises(BundleError, match="is a link"):
        read_participation(bundle)
