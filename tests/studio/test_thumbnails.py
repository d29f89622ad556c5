"""Small pictures: their size, that they are kept, and what they give away."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from florascope.errors import PhotoError
from florascope.studio.thumbnails import Thumbnails


def save(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (900, 600)) -> Path:
    told = Image.Exif()
    told[ExifTags.Base.ImageDescription] = "a secret garden"
    Image.new("RGB", size, colour).save(path, exif=told)
    return path


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_sizes_and_remarks(tmp_path: Path) -> None:
    make, photo = Thumbnails(tmp_path / "kept"), save(tmp_path / "a.jpg", (200, 30, 60))
    small = make(photo, "small")
    assert opened(small).size == (192, 128)
    assert opened(make(photo, "large")).size == (900, 600)
    assert b"secret" in photo.read_bytes()
    assert b"secret" not in small
    assert np.abs(np.asarray(opened(small), int) - (200, 30, 60)).max() < 6


def test_one_is_made_once_until_its_photo_changes(tmp_path: Path) -> None:
    make, photo = Thumbnails(tmp_path / "kept"), save(tmp_path / "a.jpg", (200, 30, 60))
    first = make(photo, "small")
    (kept,) = (tmp_path / "kept").rglob("*.jpg")
    kept.write_bytes(b"from the disk")
    assert make(photo, "small") == b"from the disk"
    save(photo, (20, 30, 160))
    os.utime(photo, ns=(1, 1))
    assert make(photo, "small") not in {first, b"from the disk"}


def test_a_photo_that_cannot_be_read(tmp_path: Path) -> None:
    make, broken = Thumbnails(tmp_path), tmp_path / "broken.jpg"
    with pytest.raises(PhotoError, match="cannot be read"):
        make(broken, "small")
    broken.write_bytes(b"\xff\xd8\xff no photo")
    with pytest.raises(PhotoError, match=r"broken.jpg"):
        make(broken, "small")


def test_a_place_that_cannot_be_written_keeps_none(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("no folder", encoding="utf-8")
    photo = save(tmp_path / "a.jpg", (200, 30, 60))
    assert opened(Thumbnails(tmp_path / "kept")(photo, "small")).size == (192, 128)
