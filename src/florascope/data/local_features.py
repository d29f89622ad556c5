"""Local features: by a few places of it, a photo is known again in crops and other derived photos.

Keypoints are extrema of differences of Gaussians over place and scale, turned by their dominant
gradient (D. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004). The
patch around each is described by the signs of its 96 lowest cosine coefficients; mirroring a patch
changes the signs of those that are odd from top to bottom. `florascope.data.recorded` compares.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Self

import numpy as np
from PIL import Image

from florascope.images import RGB
from florascope.shapes import Bool, Float32, Int64, UInt8

KEPT = 16  # keypoints recorded of a photo
BITS = 96
MARK = 4 + BITS // 8  # bytes of a recorded keypoint: x, y, octave, angle, code
CANDIDATES = 60  # of the strongest contrast, of which those are recorded that lie apart
APART = (0.07, 0.03, 0.0)  # least distances of recorded keypoints, tried in this order

RECORDED_SIDE, ASKED_SIDE = 224, 320  # pixels, were the photo square
ASKED = 400  # keypoints of a photo that is asked about
STEPS = 3  # pyramid levels an octave
SMALLEST = 28  # pixels of the shorter side of the last level
FAINT = 0.8  # grey levels; weaker extrema are noise
EDGE = 81 / 8  # trace^2 / det of the Hessian beyond which a keypoint slides along an edge (Lowe)
MARGIN = 3  # pixels
PATCH, WINDOW = 16, 7.0  # samples a side; the Gaussian window's deviation
BINS = 36  # of the histogram of gradients
SECOND = 0.8  # of the highest peak: another one gives a keypoint a second angle (Lowe)

Grey = Float32[np.ndarray, "_ _"]
Values = Float32[np.ndarray, "_"]
Places = Float32[np.ndarray, "_ 2"]
Codes = UInt8[np.ndarray, "_ 12"]
Patches = Float32[np.ndarray, "_ 256"]
Indexes = Int64[np.ndarray, "_"]
PhotoMarks = UInt8[np.ndarray, "kept 16"]
Marks = UInt8[np.ndarray, "n kept 16"]


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """n keypoints.

    Attributes:
        places: (n, 2) x and y from the photo's centre, in units of the square root of its area.
        octaves: (n,) the base-2 logarithm of each keypoint's size in the same units.
        angles: (n,) of the dominant gradient, in radians from x towards y.
        codes: (n, 12) 96 signs.
    """

    places: Places
    octaves: Values
    angles: Values
    codes: Codes

    def __len__(self) -> int:
        return len(self.octaves)

    def __getitem__(self, at: Indexes | Bool[np.ndarray, "_"]) -> Self:
        return type(self)(self.places[at], self.octaves[at], self.angles[at], self.codes[at])


class _Extrema(NamedTuple):
    """Keypoints on the pyramid: level, pixel, fraction of a level above it, contrast."""

    level: Indexes
    x: Values
    y: Values
    step: Values
    contrast: Values

    def at(self, which: slice | Indexes | Bool[np.ndarray, "_"]) -> "_Extrema":
        return _Extrema(*(part[which] for part in self))


class _Pyramid:
    """A grey photo at sizes that fall by 2^(1/3), each smoothed once, and once more subtracted."""

    def __init__(self, rgb: RGB, side: int) -> None:
        scale = side / np.sqrt(rgb.shape[0] * rgb.shape[1])
        size = [max(1, round(scale * pixels)) for pixels in (rgb.shape[1], rgb.shape[0])]
        grey = Image.fromarray(rgb).convert("L").resize(size, Image.Resampling.BICUBIC).convert("F")
        self.side = side
        self.smooth: list[Grey] = []
        self.difference: list[Grey] = []
        while min(size) >= SMALLEST:
            level = np.asarray(grey.resize(size, Image.Resampling.BICUBIC))
            self.smooth.append(_smoothed(level))
            self.difference.append(self.smooth[-1] - _smoothed(_smoothed(self.smooth[-1])))
            factor = 2 ** (-len(self.smooth) / STEPS)
            size = [round(factor * pixels) for pixels in grey.size]
        self.sizes = np.array([level.shape for level in self.smooth], np.int64).reshape(-1, 2)
        self.starts = np.cumsum(self.sizes.prod(1)) - self.sizes.prod(1)
        self.pixels = np.concatenate(
            [level.ravel() for level in self.smooth] or [np.zeros(0, np.float32)]
        )

    def patches(self, points: _Extrema, angles: Values) -> Patches:
        """Sample the turned, scaled surroundings of points, bilinearly."""
        scale = 2 ** (points.step / STEPS)
        cos, sin = ((scale * turn(angles)).astype(np.float32)[:, None] for turn in (np.cos, np.sin))
        across, down = _grid()
        height, width = (self.sizes[points.level, k, None] for k in (0, 1))
        x = (points.x[:, None] + cos * across - sin * down).clip(0, width - 1.001)
        y = (points.y[:, None] + sin * across + cos * down).clip(0, height - 1.001)
        left, top = x.astype(np.int32), y.astype(np.int32)
        at = self.starts[points.level, None] + top * width + left
        upper, lower = (
            self.pixels[i] + (self.pixels[i + 1] - self.pixels[i]) * (x - left).astype(np.float32)
            for i in (at, at + width)
        )
        return upper + (lower - upper) * (y - top).astype(np.float32)

    def extrema(self) -> _Extrema:
        """Find the places that differ from their surroundings the most, at their own size."""
        contrast = [np.abs(level) for level in self.difference]
        peaks = [_largest_around(level) for level in contrast]
        parts = [self._extrema(k, contrast, peaks) for k in range(1, len(contrast) - 1)]
        if not parts:
            return _Extrema(np.zeros(0, np.int64), *(np.zeros(0, np.float32) for _ in range(4)))
        found = _Extrema(*map(np.concatenate, zip(*parts, strict=True)))
        return found.at(np.argsort(-found.contrast, kind="stable"))

    def _extrema(self, k: int, contrast: list[Grey], peaks: list[Grey]) -> _Extrema:
        values = contrast[k]
        inner = (slice(MARGIN, -MARGIN),) * 2
        found = (values == peaks[k])[inner] & (values > FAINT)[inner]
        y, x = (place + MARGIN for place in np.nonzero(found))
        around = [_looked_up(peaks[k + other], values.shape, y, x) for other in (-1, 1)]
        middle = values[y, x]
        keep = (middle >= np.maximum(*around)) & ~_along_edge(self.difference[k], y, x)
        y, x, middle, below, above = (part[keep] for part in (y, x, middle, *around))
        return _Extrema(
            np.full(len(x), k),
            x.astype(np.float32) + _vertex(values[y, x - 1], middle, values[y, x + 1]),
            y.astype(np.float32) + _vertex(values[y - 1, x], middle, values[y + 1, x]),
            _vertex(below, middle, above),
            middle,
        )


def _smoothed(grey: Grey) -> Grey:
    """Convolve with the binomial (1, 4, 6, 4, 1) / 16 both ways: a deviation of 1 pixel."""
    return _smoothed_rows(_smoothed_rows(grey).T).T


def _smoothed_rows(grey: Grey) -> Grey:
    edge = np.concatenate([grey[:1], grey[:1], grey, grey[-1:], grey[-1:]])
    sums = edge[1:-3] + edge[3:-1]
    sums *= np.float32(4)
    sums += edge[:-4]
    sums += edge[4:]
    sums += np.float32(6) * grey
    sums *= np.float32(1 / 16)
    return sums


def _largest_around(values: Grey) -> Grey:
    """The largest of each pixel and its eight neighbours."""
    wide = np.pad(values, 1)
    rows = np.maximum(np.maximum(wide[:-2], wide[2:]), wide[1:-1])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 2:]), rows[:, 1:-1])


def _looked_up(values: Grey, shape: tuple[int, ...], y: Indexes, x: Indexes) -> Values:
    """Look pixels of one level up on another."""
    rows, columns = (
        ((place + 0.5) * there / here).astype(np.int64).clip(0, there - 1)
        for place, here, there in zip((y, x), shape, values.shape, strict=True)
    )
    return values[rows, columns]


def _along_edge(d: Grey, y: Indexes, x: Indexes) -> Bool[np.ndarray, "n"]:
    xx = d[y, x + 1] + d[y, x - 1] - 2 * d[y, x]
    yy = d[y + 1, x] + d[y - 1, x] - 2 * d[y, x]
    xy = (d[y + 1, x + 1] + d[y - 1, x - 1] - d[y + 1, x - 1] - d[y - 1, x + 1]) / 4
    determinant = xx * yy - xy**2
    return (determinant <= 0) | ((xx + yy) ** 2 >= EDGE * determinant)


def _vertex(before: Values, middle: Values, after: Values) -> Values:
    """Where the parabola through three neighbouring values is highest, at most half a step off."""
    bend = np.minimum(before + after - 2 * middle, -1e-9)
    return ((before - after) / (2 * bend)).clip(-0.5, 0.5).astype(np.float32)


@cache
def _grid() -> tuple[Values, Values]:
    """Offsets of a patch's samples from its centre, across and down, (256,) each."""
    offsets = np.arange(PATCH, dtype=np.float32) - (PATCH - 1) / 2
    across, down = np.meshgrid(offsets, offsets)
    return across.ravel(), down.ravel()


@cache
def _window() -> Values:
    across, down = _grid()
    return np.exp(-(across**2 + down**2) / (2 * WINDOW**2)).astype(np.float32)


@cache
def cosines() -> tuple[Float32[np.ndarray, "96 256"], UInt8[np.ndarray, "12"]]:
    """The windowed cosines of the lowest frequencies but the mean, and which change when mirrored.

    Returns:
        (96, 256) the cosines, and (12,) packed bits of those that are odd from top to bottom.
    """
    every = ((u, v) for u in range(PATCH) for v in range(PATCH) if u or v)
    lowest = sorted(every, key=lambda uv: (uv[0] ** 2 + uv[1] ** 2, uv))[:BITS]
    place = np.pi * (2 * np.arange(PATCH) + 1) / (2 * PATCH)
    rows = [np.outer(np.cos(v * place), np.cos(u * place)).ravel() for u, v in lowest]
    return (np.stack(rows) * _window()).astype(np.float32), np.packbits([v % 2 for _, v in lowest])


def local_features(rgb: RGB, side: int = ASKED_SIDE, most: int = ASKED) -> LocalFeatures:
    """Find and describe the keypoints of the strongest contrast; some come with two angles.

    Args:
        rgb: (h, w, 3).
        side: pixels of the side of a square of the area to which the photo is resized; a smaller
            photo is enlarged by a quarter at most.
        most: keypoints.
    """
    sharp = round(1.25 * float(np.sqrt(rgb.shape[0] * rgb.shape[1])))
    pyramid = _Pyramid(rgb, min(side, sharp))
    points = pyramid.extrema().at(slice(most))
    upright = pyramid.patches(points, np.zeros_like(points.step))
    which, angles = _angles(upright.reshape(-1, PATCH, PATCH))
    return _described(pyramid, points.at(which), angles)


def _angles(patches: Float32[np.ndarray, "n 16 16"]) -> tuple[Indexes, Values]:
    """Return the angle of each patch's dominant gradient, and of a second one nearly as strong.

    Returns:
        Which patch, (m,), and its angle, (m,).
    """
    across = patches[:, 1:-1, 2:] - patches[:, 1:-1, :-2]
    down = patches[:, 2:, 1:-1] - patches[:, :-2, 1:-1]
    weight = np.hypot(across, down) * _window().reshape(PATCH, PATCH)[1:-1, 1:-1]
    bins = np.rint(np.arctan2(down, across) * (BINS / (2 * np.pi))).astype(np.int64) % BINS
    bins += BINS * np.arange(len(patches))[:, None, None]
    flat = np.bincount(bins.ravel(), weight.ravel(), BINS * len(patches))
    sums: Float32[np.ndarray, "n bins"] = flat.reshape(-1, BINS).astype(np.float32)
    for _ in range(3):
        sums = (np.roll(sums, 1, 1) + sums + np.roll(sums, -1, 1)) / 3
    before, after = np.roll(sums, 1, 1), np.roll(sums, -1, 1)
    heights = np.where((sums >= before) & (sums > after), sums, 0)
    order = np.argsort(-heights, 1)[:, :2]
    ranked = np.take_along_axis(heights, order, 1)
    which, rank = np.nonzero(ranked > SECOND * ranked[:, :1])
    top = which, order[which, rank]
    angles = (top[1] + _vertex(before[top], sums[top], after[top])) * (2 * np.pi / BINS)
    return which, angles.astype(np.float32)


def _described(pyramid: _Pyramid, points: _Extrema, angles: Values) -> LocalFeatures:
    patches = pyramid.patches(points, angles)
    patches -= (patches @ _window() / _window().sum())[:, None]
    height, width = pyramid.sizes[points.level].T
    whole = np.sqrt(height * width)
    x = (points.x + 0.5 - width / 2) / whole
    y = (points.y + 0.5 - height / 2) / whole
    octaves = (points.level + points.step) / STEPS - np.log2(pyramid.side)
    return LocalFeatures(
        np.stack([x, y], 1).astype(np.float32),
        octaves.astype(np.float32),
        angles,
        np.packbits(patches @ cosines()[0].T > 0, axis=1),
    )


def no_marks(count: int) -> Marks:
    """Return the marks of photos without keypoints, (count, 16, 16): nothing derives from them."""
    return np.zeros((count, KEPT, MARK), np.uint8)


def marks_of(rgb: RGB) -> PhotoMarks:
    """Record a photo by its strongest keypoints, (16, 16); zeros where it has fewer.

    Of 125 crops and turned crops of 300 photos of Oxford 102, 90 % are known so, at 8 ms of a core
    a photo. At 160 pixels it would be 74 %, for 6 ms; and 93 % at 256 by those keypoints alone that
    are found again in the turned photo, for 20.
    """
    features = local_features(rgb, RECORDED_SIDE, CANDIDATES)
    chosen = features[_spread(features.places)]
    marks = no_marks(1)[0]
    places = np.rint(100 * chosen.places) + 128
    octaves = np.rint(32 * (chosen.octaves + 9))
    angles = np.rint(chosen.angles * (128 / np.pi)) % 256
    rows = [places.clip(0, 255), octaves[:, None].clip(1, 255), angles[:, None], chosen.codes]
    marks[: len(chosen)] = np.concatenate(rows, 1)
    return marks


def _spread(places: Places) -> Indexes:
    """Choose the first keypoints that lie apart, then some that lie nearer together."""
    x, y = places.T
    distances = np.hypot(x[:, None] - x, y[:, None] - y)
    nearest = np.full(len(places), np.inf)  # to a chosen one
    chosen: list[int] = []
    for apart in APART:
        while len(chosen) < KEPT and (free := nearest > apart).any():
            chosen.append(int(free.argmax()))
            nearest = np.minimum(nearest, distances[chosen[-1]])
    return np.array(chosen, np.int64)


def unpack_marks(marks: UInt8[np.ndarray, "n 16"]) -> LocalFeatures:
    """Return recorded keypoints as features."""
    values = marks[:, :4].astype(np.float32)
    places, octaves, angles = (values[:, :2] - 128) / 100, values[:, 2] / 32 - 9, values[:, 3]
    return LocalFeatures(places, octaves, angles * np.float32(np.pi / 128), marks[:, 4:])
