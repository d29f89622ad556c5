"""What an examination saw, as one HTML page with pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from florascope.display import data_uri, thumbnail
from florascope.errors import PhotoError
from florascope.health.examination import Examination
from florascope.report.words import environment

SHOWN = 24  # of each kind
SIDE = 176  # pixels of a picture


@dataclass(frozen=True, slots=True)
class Card:
    """One or two photos with what is said of them.

    Attributes:
        pictures: data URIs.
        names: of the photos.
        text: below them.
    """

    pictures: tuple[str, ...]
    names: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of finding.

    Attributes:
        title: its name.
        lead: what it means, and what to do.
        count: how many there are.
        cards: the first of them.
        lines: those that have no picture.
    """

    title: str
    lead: str
    count: int
    cards: tuple[Card, ...] = ()
    lines: tuple[str, ...] = ()


def health_html(found: Examination) -> str:
    """Render an examination as one self-contained page."""
    dataset = found.dataset
    return (
        environment()
        .get_template("health.html.jinja2")
        .render(
            name=dataset.name,
            photos=len(dataset),
            classes=len(dataset.classes),
            noise=found.noise,
            imbalance=found.imbalance,
            modes=found.modes,
            sections=_sections(found),
        )
    )


def _sections(found: Examination) -> list[Section]:
    broken = tuple(found.looks[i].problem for i in found.broken[:SHOWN])
    names = found.dataset.classes
    small = tuple(names[k].name for k in found.small_classes[:SHOWN])
    equal = [(group[0], group[1], "the same bytes") for group in found.groups]
    near = [(i, j, "") for i, j in found.near.tolist()]
    parts = [(i, j, "") for i, j in found.derived.tolist()]
    mixed = [(i, j, "") for i, j in found.conflicts()]
    return [
        _suspects(found),
        *(
            _pairs(found, f"Leaks across the split {name}", LEAKS, found.leaks(split))
            for name, split in found.dataset.own_splits.items()
        ),
        _pairs(found, "Same photo, two classes", CONFLICTS, mixed),
        _pairs(found, "Equal photos", EQUAL, equal),
        _pairs(found, "Near-duplicates", NEAR, near),
        *([] if found.related is None else [_pairs(found, "Crops and edits", DERIVED, parts)]),
        _singles(found, "Turned by EXIF", ROTATED, found.rotated),
        _singles(found, "Very small or very long", ODD, found.odd),
        Section("Broken files", BROKEN, len(found.broken), lines=broken),
        Section("Classes with few photos", SMALL, len(found.small_classes), lines=small),
    ]


LEAKS = "A photo on both sides measures memory. Keep both on one side."
CONFLICTS = "One of the two labels is wrong, or both classes are in the picture."
EQUAL = "The same content under two names."
NEAR = "The same picture resized, re-encoded or slightly cropped, by its perceptual hash."
DERIVED = (
    "Parts of one picture, or the same picture turned or recoloured, by keypoints that agree; the"
    " same scene photographed twice can be among them. Keep both on one side of a split."
)
ROTATED = "Stored lying; a reader that ignores EXIF shows them on their side."
ODD = "Little is left of them at the network's size."
BROKEN = "They cannot be read, and are left out."
SMALL = "Their figures mean little; collect more or merge them."
SUSPECTS = (
    "Photos that a probe, which did not see them, takes for another class with confidence."
    " Look at each: a label may be wrong, two classes may look alike, or two may be in the photo."
)


def _suspects(found: Examination) -> Section:
    names = found.dataset.classes
    cards = [
        _card(
            found,
            (s.index,),
            f"labelled {names[s.label].name}; looks like {names[s.looks_like].name}"
            f" (by {s.margin:.0%})",
        )
        for s in found.suspects[:SHOWN]
    ]
    return Section("Suspicious labels", SUSPECTS, len(found.suspects), tuple(cards))


def _pairs(
    found: Examination, title: str, lead: str, pairs: Sequence[tuple[int, int, str]]
) -> Section:
    labels, names = found.dataset.labels, found.dataset.classes
    cards = []
    for i, j, remark in pairs[:SHOWN]:
        kinds = dict.fromkeys(names[labels[k]].name for k in (i, j))
        text = " / ".join(kinds) + (f" ({remark})" if remark else "")
        cards.append(_card(found, (i, j), text))
    return Section(title, lead, len(pairs), tuple(cards))


def _singles(found: Examination, title: str, lead: str, indexes: Sequence[int]) -> Section:
    cards = [
        _card(found, (i,), f"{found.looks[i].size[0]} x {found.looks[i].size[1]}")
        for i in indexes[:SHOWN]
    ]
    return Section(title, lead, len(indexes), tuple(cards))


def _card(found: Examination, indexes: tuple[int, ...], text: str) -> Card:
    photos = found.dataset.photos
    pictures = tuple(_picture(found, i) for i in indexes)
    return Card(pictures, tuple(photos[i].name for i in indexes), text)


def _picture(found: Examination, index: int) -> str:
    """A small JPEG as a data URI; empty where the photo is no longer readable."""
    try:
        pixels = found.dataset.photos[index].read()
    except PhotoError:
        return ""
    return data_uri(thumbnail(pixels, SIDE), quality=80)
