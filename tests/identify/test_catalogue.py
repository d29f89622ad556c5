"""Names, kin and look-alikes, with facts and without."""

import re
from dataclasses import replace
from typing import Any

from florascope.data.dataset import ClassName
from florascope.data.species import LANGUAGES, species102
from florascope.identify.catalogue import Catalogue

SHAPES = Catalogue.of((ClassName("a", "circle"), ClassName("b", "square")))


def test_names_are_the_plants_own(flowers: Any) -> None:
    """Oxford's class 55 is called pelargonium and shows blue hibiscus."""
    assert flowers.classes[54].name == "pelargonium"
    assert flowers.name(54, "en") == "blue hibiscus"
    assert flowers.name(54, "es") == "hibisco azul"
    assert flowers.scientific_name(54) == "Alyogyne huegelii"


def test_kin(flowers: Any) -> None:
    assert flowers.ids(flowers.kin(55, "genus")) == ["56", "59", "60"]
    assert "54" in flowers.ids(flowers.kin(55, "family"))


def test_lookalikes_leave_out_the_classes_themselves(flowers: Any) -> None:
    assert flowers.ids(flowers.lookalikes([14])) == ["42", "68"]
    assert flowers.ids(flowers.lookalikes([14, 67])) == ["42"]


def test_classes_without_facts() -> None:
    assert SHAPES.name(0, "es") == "circle"
    assert SHAPES.scientific_name(0) is None
    assert SHAPES.kin(0, "genus") == ()
    assert SHAPES.lookalikes([0]) == ()


def test_the_owners_facts_go_before_the_table(flowers: Any) -> None:
    foxglove = species102()["94"]
    own = replace(foxglove, names={"en": "my foxglove", "es": "mi dedalera"})
    mended = Catalogue.of(flowers.classes, {"94": own})
    assert mended.name(93, "en") == "my foxglove"
    assert mended.name(92, "en") == flowers.name(92, "en")
    assert (mended.subject, SHAPES.subject) == ("flowers", "things")


def test_groups_of_other_things() -> None:
    blank = replace(species102()["94"], scientific="", genus="", family="", group="round")
    own = {"a": replace(blank, id="a"), "b": replace(blank, id="b", group="")}
    shapes = Catalogue.of(SHAPES.classes, own)
    assert shapes.kin(0, "group") == (0,)
    assert shapes.kin(1, "group") == ()  # what has no group has no kin
    assert shapes.kin(0, "genus") == ()
    assert shapes.scientific_name(0) is None


def test_words_of_things_name_no_plant() -> None:
    for language in LANGUAGES:
        words = SHAPES.words(language)
        said = " ".join(str(getattr(words, name)) for name in ("advice", "none", "species"))
        assert not re.search("plant|flower|flor|eat|coma", said)
