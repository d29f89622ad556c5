"""Keys of photos: the same wherever they lie, near when saved again, far apart for others."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from florascope.data.dataset import ClassName, Dataset, FilePhoto
from florascope.data.folder import folder
from florascope.data.identity import (
    BITS,
    FLAT,
    Hashes,
    content_keys,
    difference_hash,
    looks_of,
    near_pairs,
    nearest,
    unpack_looks,
)
from florascope.preprocessing import Preprocessing

SMALL = Preprocessing(size=64)


def scene(seed: int, size: tuple[int, int] = (240, 180)) -> Image.Image:
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize(size, Image.Resampling.BICUBIC)


def saved_again(image: Image.Image) -> np.ndarray:
    data = io.BytesIO()
    image.resize((150, 110)).save(data, "JPEG", quality=60)
    return np.array(Image.open(data).convert("RGB"))


def test_bits_follow_a_ramp() -> None:
    falling = np.tile(np.linspace(255, 0, 170).astype(np.uint8)[None, :, None], (160, 1, 3))
    assert difference_hash(falling).all()
    assert not difference_hash(falling[:, ::-1].copy()).any()


def test_a_photo_saved_again_is_near_and_another_far() -> None:
    one, again, other = np.asarray(scene(1)), saved_again(scene(1)), np.asarray(scene(2))
    hashes = [difference_hash(rgb) for rgb in (one, again, other)]
    assert (hashes[0] != hashes[1]).sum() < 20
    assert (hashes[0] != hashes[2]).sum() > 80


def test_planted_pairs_are_found_and_no_others() -> None:
    hashes = np.random.default_rng(0).random((1200, BITS)) < 0.5
    hashes[700] = hashes[3]
    hashes[700, :15] ^= True
    hashes[1100] = hashes[9]
    hashes[1100, :40] ^= True
    assert near_pairs(hashes).tolist() == [[3, 700]]


def test_pairs_between_two_sets() -> None:
    draw = np.random.default_rng(1)
    ones, others = draw.random((5, BITS)) < 0.5, draw.random((7, BITS)) < 0.5
    others[6] = ones[2]
    assert near_pairs(ones, others).tolist() == [[2, 6]]


def test_photos_without_structure_are_no_duplicates() -> None:
    walls = np.zeros((3, BITS), bool)
    assert len(near_pairs(walls)) == 0


def test_the_nearest_of_several_is_taken_and_the_first_of_equals() -> None:
    draw = np.random.default_rng(2)
    others = draw.random((1500, BITS)) < 0.5
    others[1400] = others[30]  # equal ones in two blocks
    others[1200] = others[9]
    others[1200, :7] ^= True
    asked = np.stack([others[30], others[9], draw.random(BITS) < 0.5])
    asked[1, :6] ^= True  # 6 bits from one, 1 from the other
    assert nearest(asked, others).tolist() == [30, 1200, -1]


def test_a_key_stays_when_a_folder_moves_and_its_photos_are_renamed(
    photo_folder: Path, tmp_path: Path
) -> None:
    before = content_keys(folder(photo_folder))
    other = shutil.copytree(photo_folder, tmp_path / "elsewhere")
    for path in sorted(other.glob("*/*.jpg")):
        path.rename(path.with_name(f"IMG {path.name}"))
    assert sorted(content_keys(folder(other))) == sorted(before)
    assert len(set(before.tolist())) == 30


def test_a_published_collection_is_known_by_names_and_not_read(tmp_path: Path) -> None:
    photos = [FilePhoto(tmp_path / f"{n}.jpg") for n in range(2)]  # which are not there
    classes = (ClassName("a", "a"), ClassName("b", "b"))
    known, other = (
        content_keys(Dataset(name, photos, np.array([0, 1]), classes, published=name))
        for name in ("one", "two")
    )
    assert len({*known.tolist(), *other.tolist()}) == 4


def test_a_photo_saved_again_has_nearly_the_same_look_and_a_broken_one_none(
    tmp_path: Path,
) -> None:
    scene(1, (480, 360)).save(tmp_path / "one.png")
    scene(1, (240, 180)).save(tmp_path / "again.jpg", quality=60)
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    photos = [FilePhoto(tmp_path / name) for name in ("one.png", "again.jpg", "broken.jpg")]
    bits = unpack_looks(looks_of(photos, SMALL))
    assert (bits[0] != bits[1]).sum() < 20
    assert near_pairs(bits).tolist() == [[0, 1]]
    assert not bits[2].any()
    assert (
        bits[0].tolist() == difference_hash(SMALL.crop(np.asarray(scene(1, (480, 360))))).tolist()
    )


def test_looks_of_no_photos() -> None:
    assert looks_of([], SMALL).shape == (0, 32)


@pytest.mark.parametrize("number", [0, 3])
def test_nothing_is_near_nothing(number: int) -> None:
    hashes = np.random.default_rng(0).random((number, BITS)) < 0.5
    assert nearest(hashes, np.zeros((0, BITS), bool)).tolist() == [-1] * number


@given(
    seed=st.integers(0, 10**6),
    counts=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    limit=st.integers(0, 60),
)
def test_near_pairs_are_those_of_all_pairs(seed: int, counts: tuple[int, int], limit: int) -> None:
    rng = np.random.default_rng(seed)
    seeds = rng.random((4, BITS)) < rng.choice([0.05, 0.5, 0.5, 0.95], (4, 1))

    def drawn(count: int) -> Hashes:
        return seeds[rng.integers(4, size=count)] ^ (rng.random((count, BITS)) < 0.06)

    one, other = (drawn(count) for count in counts)
    distance = (one[:, None] != other[None]).sum(2)
    rich = [(h.mean(1) > FLAT) & (h.mean(1) < 1 - FLAT) for h in (one, other)]
    expected = (distance <= limit) & rich[0][:, None] & rich[1][None]
    assert near_pairs(one, other, limit).tolist() == np.argwhere(expected).tolist()
    within = (one[:, None] != one[None]).sum(2) <= limit
    within &= rich[0][:, None] & rich[0][None] & np.triu(np.ones((len(one), len(one)), bool), 1)
    assert near_pairs(one, limit=limit).tolist() == np.argwhere(within).tolist()
    rows = np.where(expected, distance, BITS + 1)
    first = [int(row.argmin()) if len(row) and row.min() <= limit else -1 for row in rows]
    assert nearest(one, other, limit).tolist() == first
