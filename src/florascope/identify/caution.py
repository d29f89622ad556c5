"""What is harmful about the plants that a photo may show."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from florascope.data.species import Harm, Language, Species
from florascope.identify.catalogue import Catalogue
from florascope.identify.words import Words, words_of


@dataclass(frozen=True, slots=True)
class Caution:
    """One plausible plant's harm, in one language.

    Attributes:
        class_id: the class.
        name: its name for people.
        people: harm to people.
        pets: harm to cats and dogs.
        text: a sentence or two.
        source: the lists that say so.
    """

    class_id: str
    name: str
    people: Harm
    pets: Harm
    text: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """Return the caution as JSON values."""
        return asdict(self)


def cautions(
    catalogue: Catalogue, plausible: Sequence[int], language: Language
) -> tuple[Caution, ...]:
    """Return a caution for every plausible class that is not "unlisted", in the order given.

    A class without facts has none: that is no statement about it.
    """
    found = ((k, catalogue.species[k]) for k in plausible)
    return tuple(
        _caution(catalogue.classes[k].id, species, language)
        for k, species in found
        if species and species.toxic
    )


def marked(catalogue: Catalogue, index: int, language: Language) -> str:
    """Return a class's name for people, with its harm behind it where it is known to do any."""
    species, name = catalogue.species[index], catalogue.name(index, language)
    if species is None or species.harm in {"unknown", "unlisted"}:
        return name
    return f"{name} ({_harms(species, words_of(language))})"


def _caution(class_id: str, species: Species, language: Language) -> Caution:
    words, name = words_of(language), species.names[language]
    scientific = f" ({species.scientific})" if species.scientific else ""
    text = f"{capital(name)}{scientific}: {_harms(species, words)}."
    if note := species.notes[language]:
        text += f" {capital(note.rstrip('.'))}."
    return Caution(class_id, name, species.people, species.pets, text, species.source)


def _harms(species: Species, words: Words) -> str:
    """Say the harm to both; what no list names is passed over in silence, never called safe."""
    parts = (words.people.get(species.people), words.pets.get(species.pets))
    return "; ".join(part for part in parts if part)


def capital(text: str) -> str:
    """Begin a sentence with a capital letter."""
    return text[:1].upper() + text[1:]
