"""Near copies among a million looks: seconds, memory, and whether every planted pair is found.

    python benchmarks/cluster/copies.py PHOTOS --looks 1000000

Looks are those of PHOTOS, each with random bits turned over, 60 to 120 of 256, so that they lie as
unevenly as real ones but far apart; one in a hundred is a copy with 1 to 20 bits turned.
"""

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np

from florascope.data.dataset import FilePhoto
from florascope.data.identity import near_looks
from florascope.health.looks import look_at
from florascope.parallel import in_order

RESULTS = Path(__file__).parent / "results" / "copies.json"
SEEDS = 1000  # photos whose looks are varied
BITS = 256


def main() -> None:
    """Plant, find, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--looks", type=int, default=1_000_000)
    asked = parser.parse_args()
    files = sorted(asked.photos.rglob("*.jpg"))[:SEEDS]
    hashes = [look.hash for look in in_order(look_at, map(FilePhoto, files))]
    real = np.unpackbits(np.frombuffer(b"".join(hashes), np.uint8).reshape(len(files), -1), axis=1)
    rng = np.random.default_rng(0)
    looks = np.stack([turned(real[k % len(real)], rng, 60, 120) for k in range(asked.looks)])
    copied = rng.permutation(asked.looks)[: 2 * (asked.looks // 100)].reshape(-1, 2)
    for one, copy in copied:
        looks[copy] = np.packbits(turned_bits(np.unpackbits(looks[one]), rng, 1, 20))
    began = time.monotonic()
    found = {tuple(sorted(pair)) for pair in near_looks(looks).tolist()}
    seconds = time.monotonic() - began
    planted = {tuple(sorted(pair)) for pair in copied.tolist()}
    told = {
        "looks": asked.looks,
        "planted": len(planted),
        "found": len(planted & found),
        "others": len(found - planted),
        "seconds": round(seconds, 1),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    print(told)
    RESULTS.write_text(json.dumps(told, indent=1) + "\n")


def turned(bits: np.ndarray, rng: np.random.Generator, low: int, high: int) -> np.ndarray:
    """Pack bits (256,) of which some were turned over."""
    return np.packbits(turned_bits(bits, rng, low, high))


def turned_bits(bits: np.ndarray, rng: np.random.Generator, low: int, high: int) -> np.ndarray:
    """Turn over between `low` and `high` of the bits."""
    changed = bits.copy()
    changed[rng.permutation(BITS)[: rng.integers(low, high + 1)]] ^= 1
    return changed


if __name__ == "__main__":
    main()
