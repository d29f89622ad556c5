"""The table of the 102 species: complete, consistent, and right where it matters most."""

import re

import pytest

from florascope.data.dataset import ClassName
from florascope.data.oxford102 import oxford102_classes
from florascope.data.species import HARMS, Species, species102, species_of

TABLE = species102()
EVERY = list(TABLE.values())


def test_every_class_is_there_under_the_name_of_its_data_set() -> None:
    assert [(s.id, s.label) for s in EVERY] == [(c.id, c.name) for c in oxford102_classes()]


@pytest.mark.parametrize("species", EVERY, ids=lambda s: s.label)
def test_each_row_is_complete_and_consistent(species: Species) -> None:
    words = species.scientific.split()
    assert words[0] == species.genus
    assert len(words) >= 2
    assert species.genus.istitle()
    assert re.fullmatch(r"[A-Z][a-z]+aceae", species.family)
    assert species.people in HARMS
    assert species.pets in HARMS
    assert species.names["en"]
    assert species.names["es"]
    assert species.source
    assert bool(species.notes["en"]) == bool(species.notes["es"])
    if {species.people, species.pets} & {"deadly", "poisonous", "harmful"}:
        assert species.notes["en"], "harm that is known says what does it"


def test_names_are_unique() -> None:
    for values in (
        [s.names["en"] for s in EVERY],
        [s.names["es"] for s in EVERY],
        [s.scientific for s in EVERY],
    ):
        assert len(set(values)) == 102


def test_a_genus_is_of_one_family() -> None:
    families: dict[str, set[str]] = {}
    for species in EVERY:
        families.setdefault(species.genus, set()).add(species.family)
    assert {genus for genus, found in families.items() if len(found) > 1} == set()


def test_lookalikes_are_known_others_and_mutual() -> None:
    for species in EVERY:
        assert species.lookalikes
        assert len(set(species.lookalikes)) == len(species.lookalikes)
        for other in species.lookalikes:
            assert other != species.id
            assert species.id in TABLE[other].lookalikes


def test_nothing_is_called_safe() -> None:
    words = r"safe|edible|harmless|non-?toxic|comestible|segur|inofensiv"
    forbidden = re.compile(words, re.IGNORECASE)
    for species in EVERY:
        for text in (*species.notes.values(), species.source):
            assert not forbidden.search(text), species.label


def test_the_most_dangerous_are_so_named() -> None:
    """Cardiac glycosides, aconitine, tropanes and colchicine; lilies for cats."""
    deadly = {s.scientific for s in EVERY if s.people == "deadly"}
    assert deadly == {
        "Aconitum napellus",
        "Adenium obesum",
        "Datura stramonium",
        "Digitalis purpurea",
        "Gloriosa superba",
    }
    assert TABLE["6"].pets == "deadly"


HARMFUL_GENERA = """
Anemone Anthurium Aquilegia Clematis Cyclamen Euphorbia Fritillaria Helleborus Hippeastrum Ipomoea
Iris Lathyrus Lilium Narcissus Nerine Papaver Pelargonium Ranunculus Rhododendron Zantedeschia
"""


@pytest.mark.parametrize("genus", HARMFUL_GENERA.split())
def test_known_harm_is_never_left_out(genus: str) -> None:
    found = [s for s in EVERY if s.genus == genus]
    assert found
    assert all(s.toxic and "unlisted" not in {s.people, s.pets} for s in found)


def test_facts_follow_ids_and_names() -> None:
    classes = oxford102_classes()
    assert species_of(classes) == tuple(EVERY)
    assert species_of(classes[40:43]) == tuple(EVERY[40:43])
    mended = (ClassName("1", "another name"), *classes[1:])
    assert species_of(mended) == tuple(EVERY)


def test_other_data_sets_have_no_facts() -> None:
    assert species_of((ClassName("1", "cat"), ClassName("2", "dog"))) == (None, None)
    assert species_of((*oxford102_classes(), ClassName("103", "cat"))) == (None,) * 103
    assert species_of((ClassName("daisy", "daisy"),)) == (None,)
