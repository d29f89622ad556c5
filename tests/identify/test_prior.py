"""A prior may reorder and make an answer more careful, never surer; tables are checked by line."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florascope.calibration.calibration import Calibration
from florascope.data.dataset import ClassName
from florascope.data.oxford102 import oxford102_classes
from florascope.errors import DataError, FlorascopeError
from florascope.identify.catalogue import Catalogue
from florascope.identify.prior import LEAST, Occasion, read_prior, weigh, weights
from florascope.identify.verdict import Judgement, judge

CLASSES = (ClassName("1", "rose"), ClassName("2", "lily"), ClassName("3", "daisy"))
K = 102
FIGURES = Calibration(818, 1.0, 0.02, 0.01, 0.9, (0.8,) * K, alike=0.8, sure=0.9)
FLOWERS = Catalogue.of(oxford102_classes())


def judged(shares: dict[int, float], alike: float = 0.95) -> Judgement:
    probabilities = np.full(K, (1 - sum(shares.values())) / K)
    for class_id, share in shares.items():
        probabilities[class_id - 1] += share
    return judge(probabilities, alike, FIGURES, FLOWERS)


def weight(told: dict[int, float]) -> np.ndarray:
    return weights(lambda name, *_: told.get(int(name), 1.0), oxford102_classes(), Occasion(6))


def test_a_table_is_read_by_id_or_name_and_the_most_particular_line_counts(tmp_path: Path) -> None:
    path = tmp_path / "prior.csv"
    lines = ("rose,,,2", "1,6,,3", "1,,n52e013,4", "Rose,6,N52E013,5", "lily,12,,0")
    path.write_text("\n".join(["class,month,cell,weight", *lines]))
    prior = read_prior(path, CLASSES)
    assert prior("1", None, None) == 2
    assert prior("1", 5, "N00E000") == 2
    assert prior("1", 6, None) == 3
    assert prior("1", 6, "N00E000") == 3
    assert prior("1", 1, "N52E013") == 4
    assert prior("1", 6, "N52E013") == 5
    assert prior("2", 12, None) == 0
    assert prior("3", 12, None) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class,month\nrose,1\n", "has the columns label, month. expected those of class,month,"),
        ("class,weight\ntulip,1\n", "line 2: no class 'tulip'. expected one of the model's: 1, 2"),
        ("class,month,weight\nrose,13,1\n", "line 2: month '13'"),
        ("class,cell,weight\nrose,52N,1\n", "line 2: cell '52N'"),
        ("class,weight\nrose,-1\n", "line 2: weight '-1'"),
        ("class,weight\nrose,often\n", "line 2: weight 'often'"),
        ("class,weight\nrose,inf\n", "line 2: weight 'inf'"),
        ("class_id,weight\n1,2\nrose,3\n", "line 3: the same class, month and cell again"),
    ],
)
def test_tables_that_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prior.csv"
    path.write_text(text)
    with pytest.raises(DataError) as error:
        read_prior(path, CLASSES)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("place", "cell"),
    [
        ((52.52, 13.4), "N52E013"),
        ((-33.9, -59.2), "S34W060"),
        ((0.0, 0.0), "N00E000"),
        ((-0.5, -0.5), "S01W001"),
        ((90.0, 180.0), "N89W180"),  # the pole's last row; 180 E is 180 W
    ],
)
def test_cells_are_named_by_their_south_western_corner(
    place: tuple[float, float], cell: str
) -> None:
    assert Occasion.of(place=place).cell == cell


def test_occasions_that_cannot_be() -> None:
    with pytest.raises(FlorascopeError, match="month 13. expected 1 to 12"):
        Occasion.of(13)
    with pytest.raises(FlorascopeError, match=r"the place 91,0. expected a latitude"):
        Occasion.of(place=(91, 0))


def test_weights_rule_nothing_out_and_only_proportions_count() -> None:
    told = weight({1: 0.0, 2: 400.0})
    assert told[1] == 1
    assert told[0] == LEAST
    assert told[2] == LEAST  # 1 / 400
    np.testing.assert_array_equal(weight({}), np.ones(K))
    np.testing.assert_array_equal(weights(lambda *_: 0.0, CLASSES, Occasion(1)), np.ones(3))


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_a_function_that_gives_no_weight(wrong: float) -> None:
    with pytest.raises(FlorascopeError, match="the prior's weight of class 1 is"):
        weights(lambda *_: wrong, CLASSES, Occasion(1))


def test_shares_follow_bayes_rule() -> None:
    alone = judged({5: 0.59, 94: 0.39})
    told = weigh(alone, weight({94: 3.0}), FIGURES)
    odds = told.probabilities[93] / told.probabilities[4]
    assert odds == pytest.approx(3 * (0.39 + 0.02 / K) / (0.59 + 0.02 / K))
    assert told.probabilities.sum() == pytest.approx(1)
    assert told.verdict.level == "unsure"
    assert told.verdict.members[0] == 93


def test_a_name_that_is_out_of_season_is_doubted_and_its_harm_still_told() -> None:
    told = weigh(judged({94: 0.95, 50: 0.05}), weight({94: 0.0}), FIGURES)
    assert told.verdict.level == "unsure"
    assert {93, 49} <= set(told.verdict.members)
    assert 93 in told.plausible


def test_a_name_in_season_is_no_surer_than_before() -> None:
    alone = judged({94: 0.95, 50: 0.05})
    told = weigh(alone, weight({94: 100.0}), FIGURES)
    assert told.verdict.level == "species"
    assert told.verdict.probability == alone.verdict.probability


SHARES = st.dictionaries(st.integers(1, K), st.floats(0.02, 1.0), min_size=1, max_size=5)


@given(SHARES, st.dictionaries(st.integers(1, K), st.floats(0, 1e6)), st.sampled_from([0.1, 0.95]))
def test_no_prior_lowers_a_caution_or_makes_an_answer(
    shares: dict[int, float], told: dict[int, float], alike: float
) -> None:
    total = sum(shares.values())
    alone = judged({k: share / total for k, share in shares.items()}, alike)
    found = weigh(alone, weight(told), FIGURES)
    assert set(found.plausible) | set(found.verdict.members) >= {
        *alone.plausible,
        *alone.verdict.members,
    }
    assert set(found.prediction_set) == set(alone.prediction_set)
    if found.verdict.level != "unsure":
        assert found.verdict.level == alone.verdict.level
        assert set(found.verdict.members) == set(alone.verdict.members)
        assert found.verdict.probability <= alone.verdict.probability
    else:
        assert alone.verdict.level != "none"


def test_it_is_shown_as_what_it_is(answer: Any) -> None:
    from florascope.identify.prior import Weighting

    alone = answer({5: 0.6, 47: 0.3})
    weighing = Weighting(Occasion(6, "N52E013"), alone.probabilities)
    told = replace(alone, weighting=weighing).to_json(top=2)["prior"]
    assert (told["month"], told["cell"]) == (6, "N52E013")
    assert [c["class_id"] for c in told["alone"]] == ["5", "47"]
    assert "(month 6, N52E013)" in told["remark"]
    assert "pot marigold 60.1 %, African marigold 30.1 %" in told["remark"]
    assert "0.0 %" not in told["remark"]
    assert "prior" not in alone.to_json()
