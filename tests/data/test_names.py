"""Natural order."""

from hypothesis import given
from hypothesis import strategies as st

from florascope.data.dataset import ClassName
from florascope.data.names import match_classes, natural_key
from florascope.data.oxford102 import oxford102_classes


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


def named(*names: str) -> list[ClassName]:
    return [ClassName(name, name) for name in names]


def test_classes_are_found_by_id_or_name_however_spelled() -> None:
    known = [ClassName("1", "Tête-à-tête"), ClassName("2", "black-eyed Susan"), ClassName("3", "2")]
    asked = [
        *named("1", "3", "TE\u0302TE-A\u0300-TE\u0302TE", "black_eyed susan", "rose"),
        ClassName("17", "Black-Eyed  Susan"),
    ]
    assert match_classes(asked, known) == [0, 2, 0, 1, -1, 1]


def test_an_id_wins_over_a_name_and_exact_spelling_over_any_other() -> None:
    known = [
        ClassName("1", "2"),
        ClassName("2", "1"),
        ClassName("rose", "x"),
        ClassName("Rose", "y"),
    ]
    assert match_classes(named("1", "2", "Rose", "rose"), known) == [0, 1, 3, 2]


def test_what_fits_several_classes_fits_none() -> None:
    assert match_classes(named("ROSE", "rose"), named("rose", "Rose")) == [-1, 0]


def test_species_are_found_by_spanish_and_scientific_names() -> None:
    names = ("94", "Foxglove", "dedalera", "digitalis purpurea", "no such flower")
    assert match_classes(named(*names), oxford102_classes()) == [93, 93, 93, 93, -1]
