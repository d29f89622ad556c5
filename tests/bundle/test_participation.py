"""The record of a bundle's photos: written and read again, and refused where it is damaged."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from florascope.bundle.config import PHOTOS
from florascope.bundle.participation import (
    Participation,
    copy_participation,
    read_participation,
)
from florascope.data.dataset import ClassName, Dataset, FilePhoto, Split
from florascope.data.identity import PhotoKeys, content_keys
from florascope.errors import BundleError
from florascope.files import write_json

SPLIT = Split("mine", *(np.array(part, dtype=np.int64) for part in ([4, 0], [1], [2])))


def keys(n: int = 5) -> PhotoKeys:
    contents = np.array([2**64 - 1 - i for i in range(n)], np.uint64)
    return PhotoKeys(contents, np.arange(32 * n, dtype=np.uint8).reshape(n, 32))


def dataset(published: str = "") -> Dataset:
    photos = [FilePhoto(Path(f"{i}.jpg")) for i in range(5)]
    two = (ClassName("a", "a"), ClassName("b", "b"))
    return Dataset("five", photos, np.array([0, 1, 0, 1, 0]), two, published=published)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_json(tmp_path / PHOTOS, Participation.of(dataset(), SPLIT, 7, keys()).to_json())
    return tmp_path


def test_is_read_as_it_was_written(bundle: Path) -> None:
    found = read_participation(bundle)
    assert found is not None
    assert (found.split, found.seed, list(found.photos)) == ("mine", 7, ["train", "val", "test"])
    for subset, part in SPLIT.items():
        assert found.photos[subset].contents.tolist() == keys().contents[part].tolist()
        assert found.photos[subset].looks.tolist() == keys().looks[part].tolist()


def test_takes_40_bytes_a_photo() -> None:
    many = PhotoKeys(np.zeros(3000, np.uint64), np.zeros((3000, 32), np.uint8))
    every = np.arange(3000, dtype=np.int64)
    two = (ClassName("a", "a"), ClassName("b", "b"))
    photos = [FilePhoto(Path(f"{i}.jpg")) for i in range(3000)]
    data = Dataset("many", photos, every % 2, two)
    split = Split("mine", every[:1000], every[1000:2000], every[2000:])
    text = json.dumps(Participation.of(data, split, 0, many).to_json())
    assert len(text) < 3000 * 40 * 4 / 3 + 1000  # base64


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
    assert (other / PHOTOS).read_bytes() == (bundle / PHOTOS).read_bytes()


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
