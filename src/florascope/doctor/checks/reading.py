"""Are photos whole as they are read: are neighbours in the picture neighbours in the array?"""

import numpy as np

from florascope.doctor.checks.pictures import plain
from florascope.doctor.evidence import Evidence, Finding, performance
from florascope.doctor.properties import DETAIL, Pictures

SCRAMBLED = "photos are scrambled: reshaped instead of transposed"
SHEARED = "photos are scrambled on reading: their rows have another length than was read"
STRANGE = "photos are scrambled, or show no pictures: neighbouring pixels are not alike"
EMPTY = "the photos, as they arrive, tell a sound network nothing"

WHOLE = 0.7  # of the roughness as they are
UNEQUAL = 3.0  # times: steps down over steps across, or the reverse
NOISE = 1.6  # of detail, where photos have about 1 and noise 1.7


def scrambled(evidence: Evidence) -> Finding | None:
    """Photos are no smoother in another order of axes."""
    side, ratio = _lowest({side: p.reordered for side, p in _sides(evidence).items()})
    if ratio > WHOLE:
        return None
    return Finding(
        "pictures.scrambled",
        SCRAMBLED,
        "error",
        f"{side} photos are {1 / ratio:.1f} times as smooth once their numbers are read in"
        " the other order of axes: a reshape stood where a transpose (permute) belongs",
        "neighbouring pixels that are alike",
        "Move axes with np.transpose or torch.permute; reshape and view cut photos into pieces",
        0.96,
    )


def sheared(evidence: Evidence) -> Finding | None:
    """Photos are no smoother where their rows are taken to be longer or shorter."""
    side, ratio = _lowest({side: p.realigned for side, p in _sides(evidence).items()})
    if ratio > WHOLE or scrambled(evidence) is not None:
        return None
    return Finding(
        "pictures.sheared",
        SHEARED,
        "error",
        f"from row to row, {side} photos are {1 / ratio:.1f} times as smooth once their rows are"
        " taken to have another length: each row is shifted against the one above",
        "rows that resemble the one above",
        "Give the reader the file's own width and stride: rows may be padded to 4 or 16 bytes, and"
        " width and height exchanged",
        0.95,
    )


def strange(evidence: Evidence) -> Finding | None:
    """Photos of a run at chance have neighbours that are alike, down as across."""
    reached, sides = performance(evidence), _sides(evidence)
    if reached is None or reached.learned or sheared(evidence) or scrambled(evidence):
        return None
    found = [text for side, p in sides.items() if (text := _unlike(side, p))]
    if not found:
        return None
    return Finding(
        "pictures.strange",
        STRANGE,
        "warning",
        "; ".join(found),
        "steps about as large down as across, and smaller than between pixels far apart",
        "Look at a photo as the network gets it; check width, height, stride and order of the axes",
        0.7,
    )


def empty(evidence: Evidence) -> Finding | None:
    """Something can be learned from the photos of a run at chance, within train or within val."""
    reached, tried = performance(evidence), evidence.substitution
    if reached is None or tried is None or reached.learned or not tried.within:
        return None
    nothing = tried.learned_nothing(evidence.classes)
    if not nothing or max(tried.within) >= tried.reachable + TOLD:
        return None
    return Finding(
        "pictures.empty",
        EMPTY,
        "warning",
        f"a small network of our own learns {tried.reachable:.0%} from train to val,"
        f" {tried.within[0]:.0%} within train and {tried.within[1]:.0%} within val; the run"
        f" {reached.run:.0%}, a guess {reached.chance:.0%}",
        "photos from which something can be learned",
        "Look at photos as the network gets them, beside their files: reading, crop and scaling may"
        " have spoilt both splits alike; else the labels of both are at fault",
        0.6,
    )


TOLD = 0.1  # of accuracy


def _sides(evidence: Evidence) -> dict[str, Pictures]:
    pairs = {"train": evidence.train_pictures, "val": evidence.val_pictures}
    return {side: p for side, p in pairs.items() if p is not None}


def _lowest(ratios: dict[str, float]) -> tuple[str, float]:
    """The side whose ratio is the lowest; infinite where there is none."""
    side = min(ratios, key=lambda one: ratios[one], default="")
    return side, ratios.get(side, np.inf)


def _unlike(side: str, pictures: Pictures) -> str:
    """How neighbours differ more than in photos; "" where they do not."""
    if plain(pictures).all():
        return ""
    steep = max(pictures.steepness, 1 / pictures.steepness)
    if steep > UNEQUAL:
        down = f"steps down {side} photos are {steep:.1f} times as large as steps across"
        across = f"steps across {side} photos are {steep:.1f} times as large as steps down"
        return down if pictures.steepness > 1 else across
    detail = float(np.median(pictures.values[~plain(pictures), DETAIL]))
    return f"{side} photos are as rough as noise ({detail:.2f} of 1.73)" if detail > NOISE else ""


CHECKS = (scrambled, sheared, strange, empty)
