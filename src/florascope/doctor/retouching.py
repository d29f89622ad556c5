"""Photos changed on purpose: what a trained network says of them shows what it looks at."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float32, Int64

from florascope.doctor.evidence import AS_IT_IS

Images = Float32[np.ndarray, "b h w c"]
Classes = Int64[np.ndarray, "b"]
LOOKED_AT = 128  # photos that are retouched

SWAPPED = "red and blue exchanged"
CENTRE = "the centre hidden"
EDGE = "the edge hidden"
EVENED = "brightness and contrast made equal"
GREYED = "the tint of the edge taken off the photo"
SMOOTHED = "fine structure smoothed"
CLEANED = "single pixels replaced by the median around them"
AS_TRAIN = "prepared as those of train are"
ANEW = "read anew from their files"
RING = 0.15  # of a side: the edge is so wide, all around


def swapped(images: Images) -> Images:
    """Red for blue."""
    return np.ascontiguousarray(images[..., ::-1])


def centre_hidden(images: Images) -> Images:
    """Leave the edge alone to be seen, the rest in the photo's mean colour."""
    return np.where(_ring(images), images, images.mean((1, 2), keepdims=True))


def edge_hidden(images: Images) -> Images:
    """Leave the centre alone to be seen."""
    return np.where(_ring(images), images.mean((1, 2), keepdims=True), images)


def evened(images: Images) -> Images:
    """The same mean and deviation in every photo."""
    mean, deviation = (part(axis=(1, 2, 3), keepdims=True) for part in (images.mean, images.std))
    even = (images - mean) / (deviation + 1e-6) * deviation.mean() + mean.mean()
    return even.astype(np.float32)


def greyed(images: Images) -> Images:
    """Edges of no colour in the mean: each channel shifted as a whole."""
    rims = (images[:, :1], images[:, -1:], images[:, :, :1], images[:, :, -1:])
    means = np.concatenate([rim.reshape(len(images), -1, images.shape[3]) for rim in rims], 1)
    tint = means.mean(1)[:, None, None]
    return np.asarray(images - tint + tint.mean(3, keepdims=True), np.float32)


def smoothed(images: Images) -> Images:
    """The mean of 3 x 3 pixels, twice."""
    from scipy.ndimage import uniform_filter  # a tenth of a second

    once = uniform_filter(images, (0, 3, 3, 0), mode="nearest")
    twice: Images = uniform_filter(once, (0, 3, 3, 0), mode="nearest")
    return twice


def cleaned(images: Images) -> Images:
    """The median of 3 x 3 pixels."""
    from scipy.ndimage import median_filter  # a tenth of a second

    median: Images = median_filter(images, (1, 3, 3, 1), mode="nearest")
    return median


def _ring(images: Images) -> Bool[np.ndarray, "h w 1"]:
    height, width = images.shape[1:3]
    inside = [
        (np.arange(side) >= round(RING * side)) & (np.arange(side) < side - round(RING * side))
        for side in (height, width)
    ]
    return ~np.outer(*inside)[:, :, None]


RETOUCHES: dict[str, Callable[[Images], Images]] = {
    AS_IT_IS: lambda images: images,
    SWAPPED: swapped,
    CENTRE: centre_hidden,
    EDGE: edge_hidden,
    EVENED: evened,
    GREYED: greyed,
    SMOOTHED: smoothed,
    CLEANED: cleaned,
}
"""By what is done to photos, (b, h, w, 3)."""


def looked_at(photos: int) -> slice:
    """Which of so many photos are looked at: every so many, about LOOKED_AT in all."""
    return slice(None, None, max(1, photos // LOOKED_AT))


def by_retouch(
    images: Images,
    labels: Int64[np.ndarray, "b"],
    named: Callable[[Images], Int64[np.ndarray, "b"]],
) -> dict[str, float]:
    """Accuracy by what was done to the photos, of at most LOOKED_AT of them.

    Args:
        images: photos as the network takes them, channels last.
        labels: their class numbers.
        named: from photos to the class numbers that the network names.
    """
    some = looked_at(len(labels))
    images, labels = images[some], labels[some]
    return {
        name: float((named(change(images)) == labels).mean()) for name, change in RETOUCHES.items()
    }
