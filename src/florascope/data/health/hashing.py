"""Perceptual hashes: equal for photos that look the same, after resizing and re-encoding."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int64
from PIL import Image

from florascope.images import RGB

SIDE = 16
BITS = SIDE * SIDE
NEAR = 20  # of 256 bits: re-encoded and resized photos differ in fewer, different ones in ~128
BLOCK = 1024
FLAT = 0.1  # share of set bits, or of clear ones, below which a photo has too little structure

Hash = Bool[np.ndarray, "bits"]
Hashes = Bool[np.ndarray, "n bits"]


def difference_hash(rgb: RGB) -> Hash:
    """Whether each of 16 x 16 grey places is brighter than its right neighbour, (256,).

    N. Krawetz, "Kind of like that", 2013 (dHash), on 17 x 16 pixels.
    """
    grey = Image.fromarray(rgb).convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    values = np.asarray(grey, np.int16)
    return (values[:, :-1] > values[:, 1:]).ravel()


def near_pairs(
    hashes: Hashes, others: Bool[np.ndarray, "m bits"] | None = None, limit: int = NEAR
) -> Int64[np.ndarray, "p 2"]:
    """Find pairs whose hashes differ in at most limit bits.

    Photos without structure (a plain wall hashes to nearly no bits) are left out.

    Args:
        hashes: (n, bits).
        others: (m, bits); None pairs hashes with themselves, each pair once, i < j.
        limit: most differing bits.

    Returns:
        (p, 2) indexes into hashes and others.
    """
    found = list(_near(hashes, hashes if others is None else others, limit))
    pairs = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]] if others is None else pairs
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _near(
    one: Hashes, other: Bool[np.ndarray, "m bits"], limit: int
) -> Iterator[Int64[np.ndarray, "p 2"]]:
    """By matrix products: |a xor b| = sum(a) + sum(b) - 2 a.b, one block by one block.

    Blocks keep the memory small however many hashes there are.
    """
    rich_a, rich_b = _structured(one), _structured(other)
    for start in range(0, len(one), BLOCK):
        a = one[start : start + BLOCK].astype(np.float32)
        for left in range(start if one is other else 0, len(other), BLOCK):
            b = other[left : left + BLOCK].astype(np.float32)
            distance = a.sum(1)[:, None] + b.sum(1)[None] - 2 * a @ b.T
            near = distance <= limit
            near &= rich_a[start : start + BLOCK, None] & rich_b[None, left : left + BLOCK]
            rows, columns = np.nonzero(near)
            yield np.stack([rows + start, columns + left], 1).astype(np.int64)


def _structured(hashes: Hashes) -> Bool[np.ndarray, "n"]:
    share = hashes.mean(1)
    return (share > FLAT) & (share < 1 - FLAT)
