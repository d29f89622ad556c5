"""Photos as numbers that can be named: brightness, colour, sharpness, borders, JPEG traces."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

NAMES = (
    "brightness",
    "contrast",
    "colour",
    "sharpness",
    "detail",
    "border",
    "JPEG blocks",
    "bars",
    "red of the edge",
    "green of the edge",
    "grain",
    "grain of the colours",
)
BRIGHTNESS, CONTRAST, COLOUR, SHARPNESS, DETAIL, BORDER, BLOCKS, BARS = range(8)
PLAIN = 0.02  # of the photo's contrast: what a row of one colour may vary by
TINY = 1e-6
SIDE = 10  # pixels of a photo reduced
SPECKS = 32  # parts of a side, in which single pixels are looked for
NUMBERS = 10_000_000
STEEP = 1.5  # times larger steps down than across: from which other lengths of rows are tried
FEW = 8  # photos of which they are tried
JPEG = 8  # pixels of a JPEG block

Images = Float[np.ndarray, "n 3 h w"]
Values = Float[np.ndarray, "n"]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Photos of a subset as numbers that can be named.

    Attributes:
        values: (n, p), in the order of NAMES.
        labels: (n,).
        small: (n, d) unit vectors of the photos reduced to a few pixels, as they are and mirrored;
            None where there are none.
        reordered: roughness of the photos once their numbers are read in the other order (channels
            first for channels last), over that as they are; about 1 or more for photos that are
            whole. The median.
        steepness: mean step from a pixel to the one below, over that to the one beside; about 1 in
            photos. The median.
        realigned: the first once rows are taken to have the best other length, over that as they
            are; more than 1 for photos that are whole. The median.
        conflicting: share of photos whose very pixels also come with another label.
        specks: (n, s) deviations of single pixels, by their place; None where there are none.
        side: pixels of a photo's shorter side; 0 where unknown.
    """

    values: Float[np.ndarray, "n p"]
    labels: Int64[np.ndarray, "n"]
    small: Float32[np.ndarray, "n d"] | None = None
    reordered: float = 1.0
    steepness: float = 1.0
    realigned: float = 1.0
    conflicting: float = 0.0
    specks: Float32[np.ndarray, "n s"] | None = None
    side: int = 0


def measure(images: Images, labels: Int64[np.ndarray, "n"]) -> Pictures:
    """Measure every photo.

    All but brightness and contrast are relative to a photo's own contrast, so that they do not hang
    on how pixels were scaled: colour is the channels' disagreement, sharpness the step from a pixel
    to the next, detail what a photo loses by being halved and blown up again, border the steps
    along its edge, JPEG blocks the step across the edges of 8 x 8 blocks less that elsewhere, bars
    the share of rows and columns along the edge that are of one colour, red and green of the edge
    the mean of that channel there less that of all three, grain (of grey, of the colours) the
    median of the finest diagonal differences, not relative: the deviation of noise (Donoho and
    Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika 1994).

    Args:
        images: (n, 3, h, w), scaled in any way.
        labels: (n,).
    """
    rows = [_one(image.astype(np.float64)) for image in images]
    reordered = float(np.median([_reordered(image) for image in images])) if len(images) else 1.0
    steepness = float(np.median([_steepness(image) for image in images])) if len(images) else 1.0
    values = np.array(rows).reshape(-1, len(NAMES))
    return Pictures(
        values,
        labels,
        _small(images),
        reordered,
        steepness,
        _realigned(images) if steepness > STEEP else 1.0,
        _conflicting(images, labels),
        specks(images),
        min(images.shape[2:]),
    )


def specks(images: Images) -> Float32[np.ndarray, "n s"] | None:
    """How far pixels are from the median around them, the largest of each of SPECKS x SPECKS parts.

    Subjects move from photo to photo; what a sensor or a stamp does stays in its place. None of
    photos smaller than that, and where there are too many numbers to look at in a second.
    """
    if not 0 < images.size <= NUMBERS or min(images.shape[2:]) < SPECKS:
        return None
    from scipy.ndimage import median_filter  # a tenth of a second

    off = np.abs(images - median_filter(images, (1, 1, 3, 3))).max(1)
    rows, columns = (
        np.linspace(0, side, SPECKS, endpoint=False).astype(int) for side in images.shape[2:]
    )
    largest = np.maximum.reduceat(np.maximum.reduceat(off, rows, 1), columns, 2)
    return largest.reshape(len(images), -1).astype(np.float32)


def _small(images: Images) -> Float32[np.ndarray, "n d"] | None:
    """Means of SIDE x SIDE parts, less the photo's mean, at unit length."""
    if not len(images) or min(images.shape[2:]) < SIDE:
        return None
    rows, columns = (
        np.linspace(0, side, SIDE, endpoint=False).astype(int) for side in images.shape[2:]
    )
    sums = np.add.reduceat(np.add.reduceat(images.astype(np.float64), rows, 2), columns, 3)
    sums /= np.diff([*rows, images.shape[2]])[:, None] * np.diff([*columns, images.shape[3]])
    flat = (sums - sums.mean((1, 2, 3), keepdims=True)).reshape(len(images), -1)
    unit = flat / (np.linalg.norm(flat, axis=1, keepdims=True) + TINY)
    return unit.astype(np.float32)


def _reordered(image: Float[np.ndarray, "3 h w"]) -> float:
    """Roughness in the smoother of the two other orders, over that as it is; see `Pictures`."""
    rough = _roughness(image)
    if rough < TINY:
        return 1.0
    _, height, width = image.shape
    mixed = np.ascontiguousarray(image.transpose(1, 2, 0))
    others = (
        image.reshape(height, width, 3).transpose(2, 0, 1),
        mixed.reshape(3, height, width),
    )
    return min(map(_roughness, others)) / rough


def _steepness(image: Float[np.ndarray, "3 h w"]) -> float:
    down, across = (float(np.abs(np.diff(image, axis=axis)).mean()) for axis in (1, 2))
    return (down + TINY) / (across + TINY)


def _realigned(images: Images) -> float:
    """Steps from row to row with the best other length of a row, over those as they are.

    Rows are taken to be longer or shorter by 1 to half of their numbers, channels last, alike in
    all photos: padding that was read as pixels shifts each row against the one above.
    """
    flat = images[:FEW].transpose(0, 2, 3, 1).reshape(len(images[:FEW]), -1)
    row = 3 * images.shape[3]
    lengths = [row, *(n for n in range(row // 2 + 1, row + row // 2) if n != row)]
    steps = np.array([np.abs(flat[:, n:] - flat[:, :-n]).mean(1) for n in lengths])
    return float(np.median(steps[1:] / np.maximum(steps[0], TINY), axis=1).min())


def _roughness(image: Float[np.ndarray, "3 h w"]) -> float:
    """Mean step from a pixel to the next."""
    return float(np.abs(np.diff(image, axis=1)).mean() + np.abs(np.diff(image, axis=2)).mean())


def _conflicting(images: Images, labels: Int64[np.ndarray, "n"]) -> float:
    held: dict[int, set[int]] = {}
    prints = [hash(np.ascontiguousarray(image).tobytes()) for image in images]
    for key, label in zip(prints, labels.tolist(), strict=True):
        held.setdefault(key, set()).add(label)
    return float(np.mean([len(held[key]) > 1 for key in prints])) if prints else 0.0


def _one(image: Float[np.ndarray, "3 h w"]) -> tuple[float, ...]:
    centred = image - image.mean((1, 2), keepdims=True)
    contrast = float(np.sqrt(np.square(centred).mean()))
    if contrast < TINY:
        return (float(image.mean()), *[0.0] * (len(NAMES) - 1))
    colours = centred[:2] - centred[1:]
    grey = centred.mean(0) / contrast
    return (
        float(image.mean()),
        contrast,
        float(centred.std(0).mean()) / contrast,
        _step(grey),
        _detail(grey),
        _edge(grey),
        _blocks(grey),
        _bars(centred / contrast),
        *_tint(image),
        _grain(centred.mean(0)[None]),
        _grain(colours),
    )


def _grain(channels: Float[np.ndarray, "c h w"]) -> float:
    """Deviation of the noise: of Gaussian noise the median deviates by 0.6745 of that."""
    across = np.diff(np.diff(channels, axis=1), axis=2)[:, ::2, ::2] / 2
    return float(np.median(np.abs(across))) / 0.6745


def _step(grey: Float[np.ndarray, "h w"]) -> float:
    return float(np.abs(np.diff(grey, axis=0)).mean() + np.abs(np.diff(grey, axis=1)).mean()) / 2


def _detail(grey: Float[np.ndarray, "h w"]) -> float:
    """Root mean square of what second differences see, over that of first differences.

    Zero for a plane, about 1 for most photos, over 1.5 for noise. A photo blown up has second
    differences at its old pixels alone.
    """
    first = np.square(np.diff(grey, axis=1)).mean() + np.square(np.diff(grey, axis=0)).mean()
    second = np.square(np.diff(grey, 2, axis=1)).mean() + np.square(np.diff(grey, 2, axis=0)).mean()
    return float(np.sqrt(second / max(first, TINY**2)))


def _edge(grey: Float[np.ndarray, "h w"]) -> float:
    sides = (grey[0], grey[-1], grey[:, 0], grey[:, -1])
    return float(np.mean([np.abs(np.diff(side)).mean() for side in sides]))


def _blocks(grey: Float[np.ndarray, "h w"]) -> float:
    steps = np.abs(np.diff(grey, axis=1)).mean(0)
    edges = np.arange(len(steps)) % JPEG == JPEG - 1
    return float(steps[edges].mean() - steps[~edges].mean()) if edges.any() else 0.0


def _tint(image: Float[np.ndarray, "3 h w"]) -> tuple[float, float]:
    """Red and green of the photo's edge, where light and camera show more than the subject does."""
    sides = (image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1])
    red, green, blue = np.concatenate(sides, axis=1).mean(1)
    grey = (red + green + blue) / 3
    return float(red - grey), float(green - grey)


def _bars(image: Float[np.ndarray, "3 h w"]) -> float:
    """Share of the rows and columns from the edge inwards that are of one colour."""
    plain = [np.ptp(image, axis=axis).max(0) < PLAIN for axis in (2, 1)]
    runs = [_leading(p) + _leading(p[::-1]) for p in plain]
    return float(sum(runs)) / sum(len(p) for p in plain)


def _leading(plain: Bool[np.ndarray, "_"]) -> int:
    return int(np.argmin(plain)) if not plain.all() else len(plain)
