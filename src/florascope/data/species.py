"""Facts of classes: names, kinship, harm, look-alikes; the table of the 102 flowers.

The table is the project's own short summary of the lists that each row cites. Nothing in it says
that a plant is safe: the mildest word, "unlisted", says that the cited lists name no poisoning.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from florascope.data.dataset import ClassName

Harm = Literal["deadly", "poisonous", "harmful", "unknown", "unlisted"]
"""From what may kill in small amounts to what the cited lists do not name.

"unknown" means that no trusted record was found: it is treated as harmful.
"""
Language = Literal["en", "es"]

HARMS: tuple[Harm, ...] = get_args(Harm)
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Species:
    """What is known of one class.

    Attributes:
        id: Oxford's class id, "1" to "102".
        label: the class's name in Oxford's list, by which a bundle's class is recognised.
        names: by language. They name the plant that the photos show, which for some classes is
            another than Oxford's list says (55 is no pelargonium, 21 no Lilium).
        scientific: two words or more, the genus first; a class of hybrids bears a usual one's name.
            Empty, like genus and family, where things have none.
        genus: its first word.
        family: ends in -aceae.
        people: harm to people.
        pets: harm to cats and dogs, the worse of the two.
        notes: by language: what does the harm and how; may be empty.
        source: the lists and entries that were followed.
        lookalikes: ids of classes that are easily taken for this one; the relation is symmetric.
        group: what some classes have in common, in a model of other things; else empty.
    """

    id: str
    label: str
    names: dict[Language, str]
    scientific: str
    genus: str
    family: str
    people: Harm
    pets: Harm
    notes: dict[Language, str]
    source: str
    lookalikes: tuple[str, ...]
    group: str = ""

    @property
    def harm(self) -> Harm:
        """The worse of the harm to people and to pets."""
        return min(self.people, self.pets, key=HARMS.index)

    @property
    def toxic(self) -> bool:
        """Whether a caution is due: anything but "unlisted", for people or for pets."""
        return self.harm != "unlisted"


@cache
def species102() -> dict[str, Species]:
    """Return the table by class id."""
    table = Path(__file__).with_name("species102.csv")
    rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
    return {row["id"]: _species(row) for row in rows}


def species_of(classes: Sequence[ClassName]) -> tuple[Species | None, ...]:
    """Return the facts of a classifier's classes, None for each that the table does not know.

    Ids such as "1" mean something else in every data set: the facts apply where every id is one
    of Oxford 102's and at least half of the names are too (names may be mended, ids are not).
    """
    table = species102()
    facts = [table.get(c.id) for c in classes]
    same = sum(s is not None and s.label == c.name for s, c in zip(facts, classes, strict=True))
    if None in facts or 2 * same < len(classes):
        return (None,) * len(classes)
    return tuple(facts)


def _species(row: dict[str, str]) -> Species:
    people, pets = (next(h for h in HARMS if h == row[who]) for who in ("people", "pets"))
    return Species(
        id=row["id"],
        label=row["label"],
        names={"en": row["name"], "es": row["spanish"]},
        scientific=row["scientific"],
        genus=row["genus"],
        family=row["family"],
        people=people,
        pets=pets,
        notes={"en": row["note"], "es": row["note_es"]},
        source=row["source"],
        lookalikes=tuple(row["lookalikes"].split()),
    )
