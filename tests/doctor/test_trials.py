"""The exchange of parts, on trainings whose accuracies are planted."""

from florascope.doctor.trials import Exchange, Part, exchange

PARTS: tuple[Part, ...] = ("loss", "optimizer", "order")


def planted(*broken: frozenset[Part]) -> Exchange:
    """A training fails where it has all parts of one of these sets."""
    return exchange(PARTS, lambda own: 0.2 if any(some <= own for some in broken) else 0.9)


def test_a_part_that_fails_alone() -> None:
    found = planted(frozenset({"loss"}))
    assert (found.sound, found.whole) == (0.9, 0.2)
    assert found.own == {"loss": 0.2, "optimizer": 0.9, "order": 0.9}
    assert found.repaired == {}


def test_parts_that_fail_together_are_repaired_by_either() -> None:
    found = planted(frozenset({"loss", "optimizer"}))
    assert found.own == dict.fromkeys(PARTS, 0.9)
    assert found.repaired == {("loss",): 0.9, ("optimizer",): 0.9, ("order",): 0.2}


def test_where_one_is_not_enough_two_are_exchanged() -> None:
    found = planted(
        frozenset({"loss", "optimizer"}),
        frozenset({"loss", "order"}),
        frozenset({"optimizer", "order"}),
    )
    assert found.repaired[("loss",)] == 0.2
    assert found.repaired[("loss", "optimizer")] == 0.9


def test_sound_parts_need_no_repair() -> None:
    assert planted() == Exchange(0.9, dict.fromkeys(PARTS, 0.9), 0.9, {})
