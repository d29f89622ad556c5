"""Many photos looked at: a compact list that equals the plain one."""

import tracemalloc
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florascope.data.dataset import FilePhoto
from florascope.data.health.hashing import difference_hash
from florascope.data.health.look import Look
from florascope.data.health.looks import Looks, hashes, look_at_all

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
