"""The species as data: colours shared, forms not."""

import pytest

from florascope.garden.species import SPECIES, Species


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.name)
def test_each_colour_is_shared_with_other_species(species: Species) -> None:
    assert len(set(species.colourways)) >= 4
    for colour in species.colourways:
        assert sum(colour in other.colourways for other in SPECIES) >= 3


def test_no_two_species_are_drawn_alike() -> None:
    assert len({(s.blossom, s.habit) for s in SPECIES}) == len(SPECIES)


@pytest.mark.parametrize(
    ("one", "two"), [("five-star", "six-star"), ("bell-spire", "false-bell-spire")]
)
def test_look_alikes_share_colours_habit_and_scale(one: str, two: str) -> None:
    named = {species.name: species for species in SPECIES}
    a, b = named[one], named[two]
    assert (a.colourways, a.habit, a.scale) == (b.colourways, b.habit, b.scale)
    assert a.blossom != b.blossom
