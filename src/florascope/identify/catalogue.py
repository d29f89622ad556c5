"""The classes of a bundle with what is known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from florascope.data.dataset import ClassName
from florascope.data.species import Language, Species, species_of

Rank = Literal["genus", "family"]


@dataclass(frozen=True)
class Catalogue:
    """The K classes and their facts.

    Attributes:
        classes: as the bundle names them.
        species: the facts of each; all None where the classes are no species of the table.
    """

    classes: tuple[ClassName, ...]
    species: tuple[Species | None, ...]

    @classmethod
    def of(cls, classes: tuple[ClassName, ...]) -> "Catalogue":
        """Look up the facts of a bundle's classes."""
        return cls(classes, species_of(classes))

    def name(self, index: int, language: Language) -> str:
        """Return a class's name for people."""
        species = self.species[index]
        return species.names[language] if species else self.classes[index].name

    def scientific_name(self, index: int) -> str | None:
        """Return a class's scientific name, None where it is not known."""
        species = self.species[index]
        return species.scientific if species else None

    def ids(self, indexes: Sequence[int]) -> list[str]:
        """Return the ids of some classes."""
        return [self.classes[k].id for k in indexes]

    def kin(self, index: int, rank: Rank) -> tuple[int, ...]:
        """Return the classes of the same genus or family, the class itself among them."""
        own = self.species[index]
        if own is None:
            return ()
        name = getattr(own, rank)
        return tuple(k for k, s in enumerate(self.species) if s and getattr(s, rank) == name)

    def lookalikes(self, indexes: Sequence[int]) -> tuple[int, ...]:
        """Return the classes that are easily taken for some of these, without these, by index."""
        known = [species for k in indexes if (species := self.species[k])]
        wanted = {name for species in known for name in species.lookalikes}
        return tuple(
            k for k, c in enumerate(self.classes) if c.id in wanted and k not in set(indexes)
        )
