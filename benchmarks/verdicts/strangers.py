"""Photos of what a flower classifier does not know, made or found without new data."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from florascope.errors import DataError
from florascope.images import RGB, SUFFIXES, read_photo

SIDE, STEP = 96, 16  # of background windows in Oxford-17's photos of 256 pixels
BACKGROUND, CLEAN = 3, 0.98
UNKNOWN = {"snowdrop": (81, 160), "lily of the valley": (161, 240), "bluebell": (241, 320)}
UNKNOWN |= {"tulip": (561, 640)}
"""Oxford-17's species that are none of the 102, by the numbers of their photos."""


def unknown_species() -> list[RGB]:
    """Oxford-17's masked photos of snowdrops, lilies of the valley, bluebells and tulips."""
    numbers = {n for low, high in UNKNOWN.values() for n in range(low, high + 1)}
    return [read_photo(p) for p in _masked() if int(p.stem.split("_")[1]) in numbers]


def backgrounds() -> list[RGB]:
    """The cleanest window of 96 x 96 pixels in each masked photo, if 98 % of it is background."""
    return list(_windows())


def textures(count: int = 60, seed: int = 0) -> list[RGB]:
    """Noise of every pixel, blurred noise, gratings and plain colours by turns, 224 x 224."""
    rng = np.random.default_rng(seed)
    kinds = (_noise, _blurred, _grating, _plain)
    return [kinds[i % len(kinds)](rng) for i in range(count)]


def folder(path: Path) -> list[RGB]:
    """All photos in a folder and below."""
    files = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"no photos in {path}", expected="photos of anything but flowers")
    return [read_photo(file) for file in files]


def before(path: Path, grounds: list[RGB]) -> list[RGB]:
    """The cut-out things in a folder's PNG files, each in the middle of a background, by turns."""
    files = enumerate(sorted(path.rglob("*.png")))
    return [placed(file, grounds[number % len(grounds)]) for number, file in files]


def placed(file: Path, ground: RGB, size: int = 224) -> RGB:
    """What a PNG file has cut out, in the middle of a background, (size, size, 3)."""
    scene = Image.fromarray(ground).resize((size, size), Image.Resampling.BICUBIC).convert("RGBA")
    with Image.open(file) as picture:
        thing = picture.convert("RGBA")
    thing.thumbnail((size * 3 // 4, size * 3 // 4))
    corner = ((size - thing.width) // 2, (size - thing.height) // 2)
    scene.alpha_composite(thing, corner)
    return np.asarray(scene.convert("RGB"))


def _masked() -> list[Path]:
    home = Path(os.environ.get("FLORASCOPE_DATA", "")) / "oxford-17-masks" / "jpg"
    files = sorted(home.glob("*.jpg"))
    if not files:
        raise DataError(f"no photos in {home}", fix="Set FLORASCOPE_DATA")
    return files


def _windows() -> Iterator[RGB]:
    for file in _masked():
        with Image.open(file.parents[1] / "masks" / f"{file.stem}.png") as mask:
            ground = np.asarray(mask) == BACKGROUND
        windows = np.lib.stride_tricks.sliding_window_view(ground, (SIDE, SIDE))[::STEP, ::STEP]
        shares = windows.mean((2, 3))
        y, x = np.unravel_index(shares.argmax(), shares.shape)
        if shares[y, x] >= CLEAN:
            top, left = int(y) * STEP, int(x) * STEP
            yield read_photo(file)[top : top + SIDE, left : left + SIDE]


def _noise(rng: np.random.Generator) -> RGB:
    return rng.integers(0, 256, (224, 224, 3), dtype=np.uint8)


def _blurred(rng: np.random.Generator) -> RGB:
    side = int(rng.integers(4, 13))
    coarse = Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((224, 224), Image.Resampling.BICUBIC))


def _grating(rng: np.random.Generator) -> RGB:
    y, x = np.mgrid[:224, :224] / 224
    angle, waves = rng.uniform(0, 2 * np.pi), rng.integers(2, 20)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * waves * 2 * np.pi)
    return ((wave[..., None] * 0.5 + 0.5) * rng.uniform(0, 255, 3)).astype(np.uint8)


def _plain(rng: np.random.Generator) -> RGB:
    return np.full((224, 224, 3), rng.integers(0, 256, 3), np.uint8)
