"""What each photo is, read once and kept packed."""

import tracemalloc
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.data.dataset import FilePhoto
from florascope.data.identity import difference_hash
from florascope.health.looks import Look, Looks, hashes, look_at, look_at_all, orientation


@pytest.fixture
def lying(tmp_path: Path) -> Path:
    """A photo of 40 x 20, stored turned by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "lying.jpg"
    Image.new("RGB", (20, 40), (10, 200, 30)).save(path, exif=exif)
    return path


def test_a_photo_stored_lying(lying: Path) -> None:
    look = look_at(FilePhoto(lying))
    assert (look.size, look.orientation, look.mode) == ((40, 20), 6, "RGB")
    assert orientation(lying) == 6


def test_a_grey_photo(tmp_path: Path) -> None:
    Image.new("L", (9, 9), 5).save(tmp_path / "grey.png")
    look = look_at(FilePhoto(tmp_path / "grey.png"))
    assert (look.mode, look.problem) == ("L", "")


@pytest.mark.parametrize("content", [b"", b"no photo", b"\xff\xd8\xff"])
def test_what_cannot_be_read_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    look = look_at(FilePhoto(path))
    assert look.problem.startswith("broken.jpg: ")
    assert look.size == (0, 0)
    assert orientation(path) == 1


def test_a_missing_file_is_upright(tmp_path: Path) -> None:
    assert orientation(tmp_path / "none.jpg") == 1


@pytest.mark.parametrize("garbage", [0, 9, 77, 65_535])
def test_a_rotation_that_does_not_exist_is_none(garbage: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = garbage
    path = tmp_path / "odd.jpg"
    Image.new("RGB", (20, 40)).save(path, exif=exif)
    look = look_at(FilePhoto(path))
    assert (look.size, look.orientation, look.problem) == ((20, 40), 1, "")


PLAIN = [
    Look((40, 20), bytes(range(16)), "RGB", 6, bytes(range(32))),
    Look((0, 0), bytes(16), "", 1, bytes(32), "a.jpg: the photo is empty"),
    Look((89_000_000, 1), b"\xff" * 16, "CMYK", 8, b"\xff" * 32),
    Look((7, 5), bytes(16), "RGB", 1, bytes(32)),
]


def test_equals_the_plain_list() -> None:
    looks, plain = Looks(PLAIN), [astuple(look) for look in PLAIN]
    assert [astuple(look) for look in looks] == plain
    assert len(looks) == len(plain)
    assert astuple(looks[-2]) == astuple(looks[np.int64(2)]) == plain[2]
    assert [astuple(look) for look in looks[1:9]] == plain[1:]
    with pytest.raises(IndexError, match="out of range"):
        looks[4]


def test_takes_the_room_of_its_rows() -> None:
    tracemalloc.start()
    looks = Looks(PLAIN[i % 4] for i in range(10_000))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(looks) == 10_000
    assert kept < 10_000 * 110  # 58 bytes a row, what grew ahead, and 2,500 problems by index


def test_photos_come_in_order_with_progress(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 30, 20, 3), np.uint8)
    photos = [FilePhoto(tmp_path / f"{i}.png") for i in range(2)]
    for photo, rgb in zip(photos, pixels, strict=True):
        Image.fromarray(rgb).save(photo.path)
    said: list[tuple[str, int, int]] = []
    looks = look_at_all(photos, lambda *report: said.append(report))
    assert [look.size for look in looks] == [(20, 30), (20, 30)]
    assert said[-1][1:] == (2, 2)
    np.testing.assert_array_equal(hashes(looks), [difference_hash(rgb) for rgb in pixels])
