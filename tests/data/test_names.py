"""Natural order."""

from hypothesis import given
from hypothesis import strategies as st

from florascope.data.names import natural_key


def ordered(*names: str) -> list[str]:
    return sorted(names, key=natural_key)


def test_numbers_by_value() -> None:
    assert ordered("10", "9", "102", "1") == ["1", "9", "10", "102"]


def test_numbers_inside_names_by_value() -> None:
    assert ordered("rose 10", "Rose 9", "rose") == ["rose", "Rose 9", "rose 10"]


def test_numbers_before_letters() -> None:
    assert ordered("a", "1", "b2") == ["1", "a", "b2"]


def test_letters_without_case() -> None:
    assert ordered("Zinnia", "aster", "Bellis") == ["aster", "Bellis", "Zinnia"]


@given(st.lists(st.text(alphabet="aB01²٣ .", max_size=6)), st.randoms())
def test_the_order_never_depends_on_the_start(names: list[str], random: object) -> None:
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert ordered(*shuffled) == ordered(*names)


@given(st.lists(st.integers(0, 10**6), min_size=1))
def test_whole_numbers_order_as_numbers(numbers: list[int]) -> None:
    assert ordered(*map(str, numbers)) == [str(n) for n in sorted(numbers)]
