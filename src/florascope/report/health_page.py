"""What an examination saw, as one HTML page with pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

from florascope.display import data_uri, thumbnail
from florascope.errors import PhotoError
from florascope.health.examination import Examination
from florascope.report.words import TIMES, Words, environment
from florascope.sentences import Told

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
        lines: the first of those that have no picture.
    """

    title: str
    lead: str
    count: int
    cards: tuple[Card, ...] = ()
    lines: tuple[Told, ...] = ()

    @property
    def shown(self) -> int:
        """How many of them the page shows."""
        return len(self.cards) + len(self.lines)


def health_html(found: Examination, language: str = "en") -> str:
    """Render an examination as one self-contained page.

    Args:
        found: what was seen.
        language: of the page, "en" or "es".

    Raises:
        FlorascopeError: the page is not written in that language.
    """
    words, dataset = Words.of(language), found.dataset
    return (
        environment()
        .get_template("health.html.jinja2")
        .render(
            t=words,
            name=dataset.name,
            photos=len(dataset),
            classes=len(dataset.classes),
            noise=found.noise,
            imbalance=found.imbalance,
            modes=found.modes,
            sections=_sections(found, words),
        )
    )


def _sections(found: Examination, words: Words) -> list[Section]:
    equal = [(group[0], group[1], words("health.same")) for group in found.groups]
    near = [(i, j, "") for i, j in found.near.tolist()]
    parts = [(i, j, "") for i, j in found.derived.tolist()]
    mixed = [(i, j, "") for i, j in found.conflicts()]
    splits = found.dataset.own_splits.items()
    return [
        *([] if found.noise is None else [_suspects(found, words)]),
        *(
            _pairs(found, words, "health.leaks", found.leaks(split), split=name)
            for name, split in splits
        ),
        _pairs(found, words, "health.conflicts", mixed),
        _pairs(found, words, "health.equal", equal),
        _pairs(found, words, "health.near", near),
        *([] if found.related is None else [_pairs(found, words, "health.derived", parts)]),
        _singles(found, words, "health.rotated", found.rotated),
        _singles(found, words, "health.odd", found.odd),
        _broken(found, words),
        _small_classes(found, words),
    ]


def _suspects(found: Examination, words: Words) -> Section:
    names = found.dataset.classes
    cards = []
    for s in found.suspects[:SHOWN]:
        label, other = names[s.label].name, names[s.looks_like].name
        margin = words.percent(s.margin, 0)
        text = words("health.suspect", label=label, other=other, margin=margin)
        cards.append(_card(found, (s.index,), text))
    return _section(words, "health.suspects", len(found.suspects), cards)


def _pairs(
    found: Examination,
    words: Words,
    key: str,
    pairs: Sequence[tuple[int, int, str]],
    split: str = "",
) -> Section:
    labels, names = found.dataset.labels, found.dataset.classes
    cards = []
    for i, j, remark in pairs[:SHOWN]:
        kinds = dict.fromkeys(names[labels[k]].name for k in (i, j))
        text = " / ".join(kinds) + (f" ({remark})" if remark else "")
        cards.append(_card(found, (i, j), text))
    return _section(words, key, len(pairs), cards, split=split)


def _singles(found: Examination, words: Words, key: str, indexes: Sequence[int]) -> Section:
    cards = []
    for i in indexes[:SHOWN]:
        width, height = found.looks[i].size
        cards.append(_card(found, (i,), f"{width} {TIMES} {height}"))
    return _section(words, key, len(indexes), cards)


def _broken(found: Examination, words: Words) -> Section:
    photos, broken = found.dataset.photos, found.broken
    lines = [_reason(photos[i].name, found.looks[i].problem, words) for i in broken[:SHOWN]]
    return _section(words, "health.broken", len(broken), lines=lines)


def _reason(name: str, problem: str, words: Words) -> Told:
    """Say why a photo cannot be read; its name goes before a reason that does not hold it."""
    told = words.problem(problem.removeprefix(f"{name}: "))
    named = problem.startswith(f"{name}: ")
    return Told(f"{name}: {told.text}", told.language) if named else told


def _small_classes(found: Examination, words: Words) -> Section:
    names = [found.dataset.classes[k].name for k in found.small_classes[:SHOWN]]
    lines = [Told(name, words.language) for name in names]
    return _section(words, "health.small", len(found.small_classes), lines=lines)


def _section(
    words: Words,
    key: str,
    count: int,
    cards: Sequence[Card] = (),
    lines: Sequence[Told] = (),
    split: str = "",
) -> Section:
    return Section(words(key, split=split), words(f"{key}.lead"), count, tuple(cards), tuple(lines))


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
