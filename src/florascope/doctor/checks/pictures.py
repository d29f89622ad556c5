"""Do photos show what they should, alike in train and val, without giving the class away?"""

import numpy as np
from jaxtyping import Bool, Float

from florascope.doctor.evidence import (
    AS_IT_IS,
    LOST,
    Evidence,
    Finding,
    Severity,
    performance,
)
from florascope.doctor.properties import COLOUR, CONTRAST, DETAIL, NAMES, Pictures
from florascope.doctor.provenance import WORDS, telling
from florascope.doctor.retouching import (
    CENTRE,
    CLEANED,
    EDGE,
    EVENED,
    GREYED,
    LOOKED_AT,
    SMOOTHED,
    SWAPPED,
)
from florascope.health.quick_probe import Discriminant

BLANK = "photos without content (black or one colour)"
COARSE = "photos lack detail, as thumbnails blown up do"
DIFFER = "train and validation photos differ"
CONFLICTING = "the same photos with contradicting labels"
SHORTCUT = "a simple property of the photos gives the class away"

PLAIN = 1e-3  # of the usual contrast
SOME = 0.02  # of the photos
SOFT = 0.55  # of detail, where photos have about 1 and those blown up twice 0.6
APART, FAR = 0.4, 0.65  # Kolmogorov and Smirnov's distance: from which to warn, and to be sure
SIGMAS = 3.0
ROUGH = 1.3  # of detail: more is noise
KEPT = 0.7  # of detail
FALLS = 0.5  # of the accuracy above chance
TELLS = 0.2  # of the way from chance to perfect
MOST = 0.5  # of the network's skill: what structure tells, which photos differ in by themselves

PLACES = "what single pixels at fixed places show"
REMOVED = {
    "brightness": EVENED,
    "contrast": EVENED,
    "sharpness": SMOOTHED,
    "detail": SMOOTHED,
    "JPEG blocks": SMOOTHED,
    "border": EDGE,
    "bars": EDGE,
    "red of the edge": GREYED,
    "green of the edge": GREYED,
    "grain": SMOOTHED,
    "grain of the colours": SMOOTHED,
    PLACES: CLEANED,
}
"""By property, what is done to photos to take it away."""
PIXELWISE = frozenset(
    {"sharpness", "detail", "border", "JPEG blocks", "grain", "grain of the colours"}
)
AUGMENTS = (
    "Look at a batch of train photos: augmentation may spoil them (overflow of uint8, a range that"
    " it does not expect, too strong)"
)
STRUCTURE = frozenset(REMOVED) - {"brightness", "contrast"}
ADVICE = {
    GREYED: "Use one camera, white balance and light for all classes, or vary colours in"
    " augmentation",
    EVENED: "Take the photos of all classes under the same light, or vary brightness in"
    " augmentation",
}

Values = Float[np.ndarray, "n"]


def blank(evidence: Evidence) -> Finding | None:
    """Photos are not one colour throughout."""
    pairs = (("train", evidence.train_pictures), ("val", evidence.val_pictures))
    shares = {side: float(plain(p).mean()) for side, p in pairs if p is not None}
    worst = max(shares, key=lambda side: shares[side], default="")
    if not worst or shares[worst] < SOME:
        return None
    text = " and ".join(f"{share:.0%} of {side}" for side, share in shares.items())
    return Finding(
        "pictures.blank",
        BLANK,
        "error" if shares[worst] > 0.1 else "warning",
        f"{text} photos are black, blank or of a single colour",
        "photos that show something",
        "Look at the files and at what the reader does with those that it cannot read",
        0.96,
    )


def plain(pictures: Pictures) -> Bool[np.ndarray, "n"]:
    """Which photos are of one colour."""
    contrast = pictures.values[:, CONTRAST]
    return contrast <= PLAIN * max(float(np.quantile(contrast, 0.9)), 1e-12)


def conflicting(evidence: Evidence) -> Finding | None:
    """A photo is of one class."""
    pictures = evidence.train_pictures
    if pictures is None or pictures.conflicting < SOME or plain(pictures).mean() > SOME:
        return None
    return Finding(
        "pictures.conflicting",
        CONFLICTING,
        "error" if pictures.conflicting > 0.1 else "warning",
        f"{pictures.conflicting:.0%} of the train photos are there again, pixel for pixel, with"
        " another label",
        "one label for each photo",
        "Look for photos that were filed under two classes, and keep each once",
        0.94,
    )


def coarse(evidence: Evidence) -> Finding | None:
    """Photos have detail as fine as their pixels, and keep it on their way into the network."""
    given = _detail(evidence.val_pictures)
    entering = _detail(evidence.entering[1]) if evidence.entering else None
    if given is None:
        return None
    lost = entering is not None and entering < min(SOFT, KEPT * given)
    if given > SOFT and not lost:
        return None
    where = "what enters the network: " if lost else ""
    detail = entering if lost else given
    return Finding(
        "pictures.coarse",
        COARSE,
        "warning",
        f"{where}steps between pixels change by {detail:.2f} of their size, in photos by about 1:"
        " the pictures look like thumbnails enlarged to this size, of low resolution, or blurred",
        "photos resized down, not up",
        "Load the originals instead of thumbnails; resize from them",
        0.9,
    )


def _detail(pictures: Pictures | None) -> float | None:
    """Median of the photos that show something; None where few do."""
    if pictures is None or plain(pictures).mean() > 0.5:
        return None
    return float(np.median(pictures.values[~plain(pictures), DETAIL]))


def differ(evidence: Evidence) -> Finding | None:
    """Photos of train and val are alike in every property that can be named."""
    given = (evidence.train_pictures, evidence.val_pictures)
    return _differ(evidence, *given) or _differ(evidence, *(evidence.entering or (None, None)))


def _differ(evidence: Evidence, ours: Pictures | None, theirs: Pictures | None) -> Finding | None:
    distances = {} if ours is None or theirs is None else _distances(ours, theirs)
    worst = max(distances, key=lambda name: distances[name], default="")
    if not worst or distances[worst] < APART or ours is None or theirs is None:
        return None
    inside = ours is not evidence.train_pictures
    where = "as they enter the network, " if inside else ""
    at = NAMES.index(worst)
    mine, other = (float(np.median(p.values[:, at])) for p in (ours, theirs))
    far, changed = distances[worst] > FAR, inside or augmented(evidence)
    reached = performance(evidence)
    wrecked = changed and reached is not None and reached.lost >= LOST
    return Finding(
        "pictures.differ",
        DIFFER,
        _seriousness(far=far, augmented=changed, wrecked=wrecked, colour=worst == NAMES[COLOUR]),
        f"{where}{worst} is {mine:.3g} in train and {other:.3g} in val (medians; distributions"
        f" are {distances[worst]:.0%} apart){_more(distances, worst)}",
        "train and val photos prepared alike",
        AUGMENTS if wrecked else _advice(worst),
        0.92 if far else 0.75,
    )


def unlike(ours: Pictures | None, theirs: Pictures | None) -> list[str]:
    """Name the properties in which photos of two subsets clearly differ."""
    distances = {} if ours is None or theirs is None else _distances(ours, theirs)
    return [name for name, distance in distances.items() if distance >= APART]


def _seriousness(*, far: bool, augmented: bool, wrecked: bool, colour: bool) -> Severity:
    """Augmentation changes everything but whether there is colour, and may go too far."""
    if far and (wrecked or not augmented):
        return "error"
    return "note" if augmented and not colour else "warning"


def _more(distances: dict[str, float], worst: str) -> str:
    others = [name for name, d in distances.items() if d > APART and name != worst]
    return f"; {', '.join(others)} differ, too" if others else ""


def _advice(worst: str) -> str:
    special = {
        "colour": "Read both in colour, or both in grey",
        "sharpness": "Resize and save both alike",
        "detail": "Resize and save both alike",
        "JPEG blocks": "Save both alike",
        "border": "Crop and pad both alike",
    }
    return special.get(worst, "Scale and normalise both alike") + "; one preprocessing for both"


def _distances(ours: Pictures, theirs: Pictures) -> dict[str, float]:
    """Kolmogorov and Smirnov's distance of two subsets by property, where beyond chance.

    Photos of unlike sizes differ in what is measured from pixel to pixel, however alike they are.
    """
    if min(len(ours.labels), len(theirs.labels)) < 10:
        return {}
    rows = [p.values[~plain(p)] for p in (ours, theirs)]
    if min(map(len, rows)) < 10:
        return {}
    doubt = 1.95 * np.sqrt(sum(1 / len(r) for r in rows))  # at a level of 0.1 %
    left_out = PIXELWISE if ours.side != theirs.side else frozenset()
    found = {
        n: _distance(rows[0][:, i], rows[1][:, i]) for i, n in enumerate(NAMES) if n not in left_out
    }
    return {name: d for name, d in found.items() if d > doubt}


def _distance(one: Values, other: Float[np.ndarray, "m"]) -> float:
    every = np.sort(np.concatenate([one, other]))
    steps = (np.searchsorted(np.sort(x), every, side="right") / len(x) for x in (one, other))
    return float(np.abs(next(steps) - next(steps)).max())


def augmented(evidence: Evidence) -> bool:
    """Whether train photos are augmented, or mixed."""
    inputs, drawn = evidence.inputs, evidence.drawn
    mixed = drawn is not None and drawn.soft
    return mixed or (inputs is not None and (inputs.augments or inputs.train_repeats is False))


def shortcut(evidence: Evidence) -> Finding | None:
    """No single property of the photo tells the class as well as the network does."""
    reached, right = performance(evidence), evidence.exchanged
    if reached is None or not reached.learned or AS_IT_IS not in right:
        return None
    chance, whole = reached.chance, right[AS_IT_IS]
    skill = max(whole - chance, 1e-6)
    suspects = {
        name: told
        for name, told in _told(evidence).items()
        if told >= chance + max(TELLS * (1 - chance), MOST * skill * (name in STRUCTURE))
        and (REMOVED[name] != GREYED or _natural(evidence))
        and whole - right.get(REMOVED[name], whole) >= FALLS * skill
    }
    if not suspects:
        return None
    best = max(suspects, key=lambda name: suspects[name])
    return Finding(
        "pictures.shortcut",
        SHORTCUT,
        # A tint is a camera's, or the subjects' own: who looks at the photos knows.
        "warning" if REMOVED[best] == GREYED else "error",
        f"{best} alone names {suspects[best]:.0%} of the val photos; with {REMOVED[best]}, the"
        f" network falls from {whole:.0%} to {right[REMOVED[best]]:.0%}: a shortcut",
        f"an accuracy that outlives {REMOVED[best]}",
        ADVICE.get(REMOVED[best], "Save, crop and resize the photos of all classes alike"),
        0.85,
    )


def _natural(evidence: Evidence) -> bool:
    """Whether val shows photos: plain drawings and noise may well have a colour for each class."""
    pictures = evidence.val_pictures
    detail = 0.0 if pictures is None else float(np.median(pictures.values[:, DETAIL]))
    return SOFT < detail < ROUGH


def _told(evidence: Evidence) -> dict[str, float]:
    """Val accuracy of a Gaussian classifier on each property alone."""
    ours, theirs = evidence.train_pictures, evidence.val_pictures
    if ours is None or theirs is None:
        return {}
    told = {name: _by_one(ours, theirs, NAMES.index(name)) for name in REMOVED if name != PLACES}
    return told | _by_places(ours, theirs, evidence.classes)


def _by_places(train: Pictures, val: Pictures, classes: int) -> dict[str, float]:
    """Val accuracy of a linear discriminant on single pixels; {} where there are none."""
    if train.specks is None or val.specks is None or train.specks.shape[1] != val.specks.shape[1]:
        return {}
    if train.labels.min() < 0 or train.labels.max() >= classes:
        return {}
    said = Discriminant.fit(train.specks, train.labels, classes)(val.specks).argmax(1)
    return {PLACES: float((said == val.labels).mean())}


def _by_one(train: Pictures, val: Pictures, at: int) -> float:
    """One Gaussian a class on one property, equal priors."""
    x, labels = train.values[:, at], train.labels
    kinds = np.unique(labels)
    means = np.array([x[labels == k].mean() for k in kinds])
    spreads = np.array([x[labels == k].std() for k in kinds]) + 0.05 * x.std() + 1e-12
    z = (val.values[:, at][:, None] - means) / spreads
    return float((kinds[(-0.5 * z**2 - np.log(spreads)).argmax(1)] == val.labels).mean())


PICTURE_CHECKS = (blank, conflicting, differ, shortcut, coarse)


BGR = "validation photos are BGR, train photos RGB (or the reverse)"
BORDER = "the edge of the photos gives the class away"

GAINS = 0.12  # of accuracy
ALONE = 0.8  # of the accuracy above chance that the edge alone keeps
FALLS_ALONE = 0.5  # of the accuracy above chance that is left without it


def colours(evidence: Evidence) -> Finding | None:
    """Val photos are answered best as they are."""
    right, val = evidence.exchanged, evidence.val_answers
    if AS_IT_IS not in right or SWAPPED not in right or val is None:
        return None
    gained = right[SWAPPED] - right[AS_IT_IS]
    doubt = SIGMAS * (0.5 / min(len(val.labels), LOOKED_AT)) ** 0.5 / 2
    chance = 1 / max(evidence.classes, 2)
    if gained < max(GAINS, doubt) or right[SWAPPED] < chance + GAINS:
        return None
    return Finding(
        "retouched.colours",
        BGR,
        "error",
        f"{right[AS_IT_IS]:.0%} of val is right as it is, {right[SWAPPED]:.0%} with red and blue"
        " exchanged",
        "fewer with the channels exchanged",
        "Read train and val alike: OpenCV gives BGR, convert with image[..., ::-1]",
        0.97,
    )


def border(evidence: Evidence) -> Finding | None:
    """The edge alone, where subjects seldom are, does not tell the class."""
    right = evidence.exchanged
    if not {AS_IT_IS, CENTRE, EDGE} <= set(right) or evidence.classes < 2:
        return None
    chance = 1 / evidence.classes
    whole, alone, without = (right[name] - chance for name in (AS_IT_IS, CENTRE, EDGE))
    if whole < 2 * GAINS or alone < ALONE * whole or without > FALLS_ALONE * whole:
        return None
    return Finding(
        "retouched.border",
        BORDER,
        "error",
        f"{right[AS_IT_IS]:.0%} of val is right; {right[CENTRE]:.0%} when the edge (15 % of a side)"
        f" alone is shown, {right[EDGE]:.0%} when it is hidden",
        "answers that hang on the middle of the photo",
        "Look at the photos' borders for watermarks, stamps, frames or dates, and cut them off",
        0.9,
    )


RETOUCHED_CHECKS = (colours, border)


SOURCES = "the photos' files give the class away"

NAMES_CLASS = 0.5  # of the way from chance to perfect
ENOUGH = 30  # val photos


def provenance(evidence: Evidence) -> Finding | None:
    """Camera, time, size and format of a file say little about what it shows."""
    train, val = (part.origins if part else None for part in (evidence.train, evidence.val))
    if train is None or val is None or evidence.classes < 2 or len(val.labels) < ENOUGH:
        return None
    usual = max((val.labels == k).mean() for k in set(val.labels.tolist()))
    told = telling(train, val)
    best = max(told, key=lambda name: told[name], default="")
    if not best or told[best] < usual + NAMES_CLASS * (1 - usual):
        return None
    others = [WORDS[n] for n, share in told.items() if share > told[best] - 0.1 and n != best]
    more = f"; so do {', '.join(others)}, nearly" if others else ""
    return Finding(
        "files.provenance",
        SOURCES,
        "warning",
        f"{WORDS[best]} alone names the class of {told[best]:.0%} of the val photos"
        f" (always the same class: {usual:.0%}){more}: the network may have learned where photos"
        " come from, and fail on others",
        "classes whose photos come from the same sources",
        "Measure on photos of another source; take the photos of all classes with the same cameras,"
        " and save and resize them alike",
        0.8,
    )


FILE_CHECKS = (provenance,)
