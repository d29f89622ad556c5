"""One photo looked at: size, colour mode, EXIF rotation, digest and what is wrong."""

from pathlib import Path

import pytest
from PIL import Image

from florascope.data.dataset import FilePhoto
from florascope.data.health.look import look_at, orientation


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
