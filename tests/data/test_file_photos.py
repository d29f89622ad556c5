"""A compact list of photos: the same as the plain list of `FilePhoto`s."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from florascope.data.dataset import FilePhoto
from florascope.data.file_photos import FilePhotos

ROOT = Path("/photos")
NAMES = ["rose/1.jpg", "rose/ä ø.jpg", "tulip/" + os.fsdecode(b"\xff.jpg"), "tulip/a\n.png"]


def test_equals_the_plain_list() -> None:
    plain = [FilePhoto(ROOT / name, ROOT) for name in NAMES]
    photos = FilePhotos(ROOT, NAMES)
    assert list(photos) == plain
    assert [photo.name for photo in photos] == NAMES
    assert len(photos) == len(plain)
    assert photos[-1] == photos[np.int64(3)] == plain[-1]
    assert photos[1:9] == plain[1:9]
    assert photos[::-2] == plain[::-2]
    assert plain[2] in photos


def test_no_photos() -> None:
    assert list(FilePhotos(ROOT, [])) == []


@pytest.mark.parametrize("index", [4, -5])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="out of range"):
        FilePhotos(ROOT, NAMES)[index]


def test_takes_the_room_of_its_text() -> None:
    tracemalloc.start()
    photos = FilePhotos(ROOT, (f"rose/{i:08}.jpg" for i in range(10_000)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(photos) == 10_000
    assert kept < 10_000 * 40  # 17 bytes of text, 8 of place, and what the array grew ahead
