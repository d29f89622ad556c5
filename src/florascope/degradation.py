"""What phones and messengers do to photos: six kinds of damage, each in five severities."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from florascope.images import RGB

SEVERITIES = 5
GAMMA = 2.2  # of a display: pixels are light to the power of 1 / 2.2
PAGE, TEXT = 250, 60  # grey values of a screen in daylight
LINES = 24  # of text over the height of a screen


def rotated(rgb: RGB, degrees: float) -> RGB:
    """Turn a photo about its middle; what comes into view is mirrored at the border."""
    height, width = rgb.shape[:2]
    if degrees % 180 == 0:
        return np.ascontiguousarray(np.rot90(rgb, round(degrees / 90)))
    reach = int(np.hypot(height, width) / 2) + 1
    rows, columns = (_mirrored(np.arange(-reach, side + reach), side) for side in (height, width))
    turned = Image.fromarray(rgb[rows][:, columns]).rotate(degrees, Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(turned)[reach : reach + height, reach : reach + width])


def _mirrored(places: np.ndarray, side: int) -> np.ndarray:
    """Map places outside [0, side) into it, as if the photo went on mirrored for ever."""
    within = places % (2 * side)
    return np.minimum(within, 2 * side - 1 - within)


def dim(rgb: RGB, stops: float) -> RGB:
    """Halve the light `stops` times."""
    factor = 2.0 ** (-stops / GAMMA)
    return (rgb * np.float32(factor)).round().astype(np.uint8)


def blurred(rgb: RGB, sigma: float) -> RGB:
    """Blur by a Gaussian whose sigma is a share of the shorter side."""
    radius = sigma * min(rgb.shape[:2])
    return np.asarray(Image.fromarray(rgb).filter(ImageFilter.GaussianBlur(radius)))


def tiny(rgb: RGB, scale: float) -> RGB:
    """Shrink a photo into the middle of its own strong blur: the flower is far away."""
    return _framed(rgb, blurred(rgb, 0.1), scale)


def jpeg(rgb: RGB, quality: float) -> RGB:
    """Store a photo as JPEG of a quality from 1 to 95, and read it back."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=round(quality))
    return np.asarray(Image.open(file).convert("RGB"))


def screenshot(rgb: RGB, scale: float) -> RGB:
    """Show a photo in the middle of a light page with lines of text."""
    page = np.full_like(rgb, PAGE)
    step = max(2, len(page) // LINES)
    margin = page.shape[1] // 12
    for top in range(step, len(page) - step, step):
        page[top : top + step // 2, margin:-margin] = TEXT
    return _framed(rgb, page, scale)


def _framed(rgb: RGB, surroundings: RGB, scale: float) -> RGB:
    height, width = (max(1, round(scale * side)) for side in rgb.shape[:2])
    small = Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR)
    top, left = (rgb.shape[0] - height) // 2, (rgb.shape[1] - width) // 2
    framed = surroundings.copy()
    framed[top : top + height, left : left + width] = np.asarray(small)
    return framed


@dataclass(frozen=True, slots=True)
class Damage:
    """A kind of damage.

    Attributes:
        apply: what it does to a photo of any size at a strength.
        strengths: from the mildest severity to the worst.
        unit: of the strengths, for tables.
    """

    apply: Callable[[RGB, float], RGB]
    strengths: tuple[float, float, float, float, float]
    unit: str


DAMAGES: dict[str, Damage] = {
    "rotated": Damage(rotated, (15, 30, 45, 90, 180), "degrees"),
    "dim": Damage(dim, (1, 2, 3, 4, 5), "stops"),
    "blurred": Damage(blurred, (0.004, 0.008, 0.012, 0.016, 0.024), "of the shorter side"),
    "tiny": Damage(tiny, (0.7, 0.55, 0.4, 0.3, 0.2), "of the width"),
    "jpeg": Damage(jpeg, (50, 30, 20, 10, 5), "quality"),
    "screenshot": Damage(screenshot, (0.8, 0.65, 0.5, 0.4, 0.3), "of the width"),
}


def degrade(rgb: RGB, kind: str, severity: int) -> RGB:
    """Damage a photo; the same arguments give the same pixels.

    Args:
        rgb: (h, w, 3) of any size.
        kind: one of DAMAGES.
        severity: 1 to SEVERITIES.
    """
    damage = DAMAGES[kind]
    return damage.apply(rgb, damage.strengths[severity - 1])


@dataclass(frozen=True, slots=True)
class Degradation:
    """Augmentation by damage: some photos get one kind of it, of any severity.

    Attributes:
        share: of the photos, from 0 to 1.
    """

    share: float

    def __call__(self, rgb: RGB, draw: np.random.Generator) -> RGB:
        """Damage a photo or leave it as it is."""
        if draw.uniform() >= self.share:
            return rgb
        kinds = list(DAMAGES)
        kind = kinds[int(draw.integers(len(kinds)))]
        return degrade(rgb, kind, int(draw.integers(1, SEVERITIES + 1)))
