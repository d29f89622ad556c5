"""The classes of a bundle with what is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from florascope.data.dataset import ClassName
from florascope.data.species import Harm, Language, Species, species_of
from florascope.identify.words import Subject, Words, words_of

Rank = Literal["genus", "group", "family"]


@dataclass(frozen=True)
class Catalogue:
    """The K classes and their facts.

    Attributes:
        classes: as the bundle names them.
        species: the facts of each, None where there are none.
        subject: "flowers" where the classes are of Oxford's 102, else "things".
    """

    classes: tuple[ClassName, ...]
    species: tuple[Species | None, ...]
    subject: Subject

    @classmethod
    def of(
        cls, classes: tuple[ClassName, ...], facts: Mapping[str, Species] | None = None
    ) -> "Catalogue":
        """Look up the facts of a bundle's classes.

        Args:
            classes: the bundle's.
            facts: its owner's, by class id, which go before the table of the 102 flowers.
        """
        table, own = species_of(classes), facts or {}
        species = (own.get(c.id, known) for c, known in zip(classes, table, strict=True))
        return cls(classes, tuple(species), "things" if None in table else "flowers")

    def words(self, language: Language) -> Words:
        """Return the sentences that speak of such classes."""
        return words_of(language, self.subject)

    def name(self, index: int, language: Language) -> str:
        """Return a class's name for people."""
        species = self.species[index]
        return species.names[language] if species else self.classes[index].name

    def scientific_name(self, index: int) -> str | None:
        """Return a class's scientific name, None where it is not known."""
        species = self.species[index]
        return (species.scientific or None) if species else None

    def harms(self, index: int) -> dict[str, Harm]:
        """Return a class's harm to people and to pets; nothing where nothing is said of it."""
        species = self.species[index]
        return {"people": species.people, "pets": species.pets} if species else {}

    def entry(self, index: int, language: Language) -> dict[str, Any]:
        """Return a class as every list of an answer names it, its harm included."""
        return {
            "class_id": self.classes[index].id,
            "name": self.name(index, language),
            "scientific_name": self.scientific_name(index),
            **self.harms(index),
        }

    def ids(self, indexes: Sequence[int]) -> list[str]:
        """Return the ids of some classes."""
        return [self.classes[k].id for k in indexes]

    def kin(self, index: int, rank: Rank) -> tuple[int, ...]:
        """Return the classes of the same genus, group or family, itself among them."""
        own = self.species[index]
        name = getattr(own, rank) if own else ""
        if not name:
            return ()
        return tuple(k for k, s in enumerate(self.species) if s and getattr(s, rank) == name)

    def lookalikes(self, indexes: Sequence[int]) -> tuple[int, ...]:
        """Return the classes that are easily taken for some of these, without these, by index."""
        known = [species for k in indexes if (species := self.species[k])]
        wanted = {name for species in known for name in species.lookalikes}
        return tuple(
            k for k, c in enumerate(self.classes) if c.id in wanted and k not in set(indexes)
        )
