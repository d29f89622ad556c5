"""One photo looked at: size, colour mode, EXIF rotation, digest and what is wrong."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.data.dataset import FilePhoto
from florascope.data.health.look import look_at, look_at_all, orientation


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
    assert "broken.jpg" in look.problem
    assert look.size == (0, 0)
    assert orientation(path) == 1


def test_a_missing_file_is_upright(tmp_path: Path) -> None:
    assert orientation(tmp_path / "none.jpg") == 1


def test_photos_come_in_order_with_progress(lying: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((5, 7, 3), np.uint8)).save(tmp_path / "b.png")
    said: list[tuple[str, int, int]] = []
    photos = [FilePhoto(lying), FilePhoto(tmp_path / "b.png")]
    looks = look_at_all(photos, lambda *report: said.append(report))
    assert [look.size for look in looks] == [(40, 20), (7, 5)]
    assert said[-1][1:] == (2, 2)
