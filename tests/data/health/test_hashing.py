"""Perceptual hashes: stable under resizing and re-encoding, far apart for other photos."""

import io

import numpy as np
from PIL import Image

from florascope.data.health.hashing import BITS, difference_hash, near_pairs


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
