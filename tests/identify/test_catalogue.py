"""Names, kin and look-alikes, with facts and without."""

from typing import Any

from florascope.data.dataset import ClassName
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
