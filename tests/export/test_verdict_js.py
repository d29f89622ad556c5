"""The browser's verdicts against the runtime's on many drawn logits, as JSON."""

import json
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from florascope.app.retelling import Told, retell
from florascope.bundle.config import BundleConfig
from florascope.calibration.calibration import Calibration, Familiarity
from florascope.data.dataset import ClassName
from florascope.data.oxford102 import oxford102_classes
from florascope.data.species import LANGUAGES, Species, species102
from florascope.errors import DataError
from florascope.export.web import facts
from florascope.identify.catalogue import Catalogue
from florascope.identify.identification import Identification, Observation, is_strange
from florascope.identify.prior import Occasion, TablePrior, Weighting, weigh, weights
from florascope.identify.together import combine
from florascope.identify.verdict import Judgement, decide, plausible, prediction_set, unnamed
from florascope.metrics import softmax
from florascope.preprocessing import Preprocessing

Facts = dict[str, Species] | None

K = 102
CASES = 300
NEAREST = 8  # monkshood: what the refused resemble
FIGURES: dict[str, Any] = {
    "photos": 818,
    "ece_before": 0.02,
    "ece_after": 0.01,
    "level": 0.9,
    "alike": 0.8,
}


def calibrations() -> list[Calibration]:
    rng = np.random.default_rng(5)
    wide = tuple(rng.uniform(0.6, 0.99, K).tolist())
    narrow = tuple(rng.uniform(0.01, 0.3, K).tolist())
    return [
        Calibration(**FIGURES, temperature=0.8, thresholds=wide, sure=0.6),
        Calibration(
            **FIGURES,
            temperature=0.8,
            thresholds=wide,
            sure=0.3,
            familiarity=Familiarity(0.4, 0.5, -3.0, 0.2),
        ),
        Calibration(
            **{**FIGURES, "photos": 27}, temperature=1.7, thresholds=narrow, sure=0.9, folds=10
        ),
    ]


def config(classes: tuple[ClassName, ...], calibration: Calibration | None) -> BundleConfig:
    return BundleConfig("net", {}, "fc", 1, classes, Preprocessing(), {}, calibration)


def draws() -> list[tuple[np.ndarray, float | None]]:
    """Logits with one to six that stand out, often kin, and similarities on both sides of 0.8."""
    rng = np.random.default_rng(3)
    kin = [(55, 58, 59), (14, 67), (19, 79), (40, 48, 53), (93, 2, 10)]
    made = []
    for _ in range(CASES):
        logits = rng.normal(0, 1, K)
        family = kin[rng.integers(len(kin))]
        chosen = [*family] if rng.random() < 0.5 else [*rng.choice(K, rng.integers(1, 7))]
        logits[chosen] += rng.uniform(2, 12) + rng.normal(0, 1, len(chosen))
        alike = (None, 0.7, float("nan"), 0.9, 0.95)[rng.integers(5)]
        made.append((logits.astype(np.float32), alike))
    return made


def identified(
    settings: BundleConfig, logits: Any, alike: float | None, own: Facts
) -> Identification:
    """What the runtime finds, step by step as Identifier.conclude does."""
    catalogue, figures = Catalogue.of(settings.classes, own), settings.calibration
    scaled = logits[None] / np.float64(figures.temperature if figures else 1.0)
    probabilities = softmax(scaled)[0]
    held = prediction_set(probabilities, figures)
    verdict = decide(probabilities, held, alike, figures, catalogue)
    named = plausible(probabilities, held, verdict.level)
    crop = np.zeros((8, 8, 3), np.uint8)
    seen = Observation(crop, logits, None, alike, nearest=NEAREST, ratios=ratios(logits))
    judged = Judgement(probabilities, held, named, verdict)
    judged = unnamed(judged) if is_strange(seen, figures) else judged
    return Identification(catalogue, seen, *judged, figures)


def ratios(logits: np.ndarray) -> np.ndarray:
    """Likelihood ratios that have little to do with the logits."""
    return np.cos(40 * logits).astype(np.float32) * 4 + logits / 4


def expected(
    settings: BundleConfig, logits: Any, alike: float | None, language: Any, own: Facts
) -> Any:
    """What the runtime answers."""
    return identified(settings, logits, alike, own).to_json(language)


def compare(engine: Any, settings: BundleConfig, drawn: Any, own: Facts = None) -> set[str]:
    """Compare all answers in both languages; return the levels that occurred."""
    calls = [
        {"what": "conclude", "logits": logits.tolist(), "alike": known(alike), "language": language}
        | {"nearest": NEAREST, "ratios": ratios(logits).tolist()}
        for logits, alike in drawn
        for language in LANGUAGES
    ]
    found = engine(calls, model=json.loads(json.dumps(facts(settings, own))))
    truth = [
        expected(settings, logits, alike, language, own)
        for logits, alike in drawn
        for language in LANGUAGES
    ]
    for one, other in zip(found, truth, strict=True):
        assert_same(one, other)
    return {answer["verdict"]["level"] for answer in truth}


def assert_same(one: Any, other: Any) -> None:
    """Compare two answers, shares up to rounding."""
    shares = [[c["probability"] for c in answer["candidates"]] for answer in (one, other)]
    np.testing.assert_allclose(shares[0], shares[1], rtol=1e-9, atol=1e-15)
    sure = [answer["verdict"]["probability"] for answer in (one, other)]
    assert sure[0] == (sure[1] if sure[1] is None else pytest.approx(sure[1], rel=1e-9))
    assert without_shares(one) == without_shares(other)


def without_shares(answer: Any) -> Any:
    candidates = [{**c, "probability": None} for c in answer["candidates"]]
    verdict = {**answer["verdict"], "probability": None}
    return {**answer, "candidates": candidates, "verdict": verdict}


@pytest.mark.parametrize("calibration", [*calibrations(), None])
def test_photos_together(engine: Any, calibration: Calibration | None) -> None:
    """Views of one plant, of two, and with some that are refused, in both languages."""
    figures = calibration and replace(calibration, pooling=0.3)
    settings, drawn = config(oxford102_classes(), figures), draws()
    rng = np.random.default_rng(7)
    groups = [[drawn[k] for k in rng.integers(0, CASES, rng.integers(1, 6))] for _ in range(40)]
    for logits, alike in drawn[:60]:
        views = range(int(rng.integers(2, 5)))
        groups.append([((logits + rng.normal(0, 1, K)).astype(np.float32), alike) for _ in views])
    calls, truth = [], []
    for group, language in product(groups, LANGUAGES):
        told = [
            {"logits": z.tolist(), "nearest": NEAREST, "alike": known(a)}
            | {"ratios": ratios(z).tolist()}
            for z, a in group
        ]
        calls.append({"what": "together", "photos": told, "language": language})
        photos = [identified(settings, logits, alike, None) for logits, alike in group]
        truth.append(combine(photos).to_json(language))
    found = engine(calls, model=json.loads(json.dumps(facts(settings, None))))
    for one, other in zip(found, truth, strict=True):
        assert_same(one, other)
    if calibration:
        levels = {t["verdict"]["level"] for t in truth}
        assert levels >= {"genus", "family", "unsure", "none"}
        if "species" in levels:  # what is sure can disagree
            assert {t["disagreeing"] for t in truth} == {True, False}
        assert any(0 < t["counted"] < t["photos"] for t in truth)


PLACES = [None, (52.5, 13.4), (-0.5, -0.5), (90.0, 180.0), (-90.0, -180.0)]


@pytest.mark.parametrize("calibration", [calibrations()[0], calibrations()[2], None])
def test_month_and_place_weigh_as_in_python(engine: Any, calibration: Calibration | None) -> None:
    """One photo and several, with a table of every kind of line."""
    settings, drawn, prior = config(oxford102_classes(), calibration), draws()[:150], table()
    rng, calls, truth = np.random.default_rng(9), [], []
    for k, (logits, alike) in enumerate(drawn):
        month, place = (None, 6, 12)[k % 3], PLACES[rng.integers(len(PLACES))]
        where = {} if place is None else {"latitude": str(place[0]), "longitude": str(place[1])}
        asked = {**({"month": str(month)} if month else {}), **where}
        when = Occasion.of(month, place) if asked else None
        seen = {"alike": known(alike), "nearest": NEAREST, "ratios": ratios(logits).tolist()}
        photo = {"logits": logits.tolist(), **seen}
        told = {"what": "conclude", **photo} if k % 2 else {"what": "together", "photos": [photo]}
        calls.append({**told, "language": LANGUAGES[k % 2], "occasion": asked})
        alone = identified(settings, logits, alike, None)
        answer = alone if k % 2 else combine([alone])
        truth.append(weighed(answer, settings, prior, when).to_json(LANGUAGES[k % 2]))
    found = engine(calls, model=json.loads(json.dumps(facts(settings, None, prior))))
    for one, other in zip(found, truth, strict=True):
        shares = [
            [c["probability"] for c in a.get("prior", {}).get("alone", [])] for a in (one, other)
        ]
        np.testing.assert_allclose(shares[0], shares[1], rtol=1e-9, atol=1e-15)
        for answer in (one, other):
            for candidate in answer.get("prior", {}).get("alone", []):
                candidate["probability"] = None
        assert_same(one, other)
    assert sum("prior" in answer for answer in truth) > 100
    if calibration:
        assert {a["verdict"]["level"] for a in truth if "prior" in a} >= {"unsure", "none"}


def table() -> TablePrior:
    """Lines by month and cell, by either and by neither."""
    rng = np.random.default_rng(2)
    lines = {}
    for k in range(K):
        at = ((6, "N52E013"), (6, None), (None, "S01W001"), (None, None))[rng.integers(4)]
        lines[str(k + 1), *at] = float(rng.choice([0.0, 0.001, 0.3, 1.0, 40.0]))
    return TablePrior(lines)


def weighed(answer: Any, settings: BundleConfig, prior: TablePrior, when: Occasion | None) -> Any:
    """What Identifier does with an occasion."""
    if when is None:
        return answer
    own = [getattr(answer, name) for name in Judgement._fields]
    judged = weigh(Judgement(*own), weights(prior, settings.classes, when), settings.calibration)
    return replace(answer, **judged._asdict(), weighting=Weighting(when, answer.probabilities))


def test_places_that_are_none(engine: Any) -> None:
    asked = [{}, {"latitude": "91", "longitude": "0"}, {"month": "7"}]
    found = engine([{"what": "occasion", "asked": one} for one in asked])
    assert found == [None, None, {"month": 7, "cell": None}]


@pytest.mark.parametrize("calibration", [*calibrations(), None])
def test_an_address_says_the_same_again(engine: Any, calibration: Calibration | None) -> None:
    """As the server says it, or that this model can have said no such thing."""
    settings = config(oxford102_classes(), calibration)
    catalogue = Catalogue.of(settings.classes, None)
    calls: list[dict[str, Any]] = []
    truth: list[Any] = []
    for k, (logits, alike) in enumerate(draws()[:120]):
        told = carried(identified(settings, logits, alike, None).to_json())
        if k % 4 == 3:  # somebody writes something else
            told = {**told, "level": ("species", "family", "unsure", "none")[k // 4 % 4]}
        pairs = [(n, v) for n, vs in told.items() for v in (vs if isinstance(vs, list) else [vs])]
        language = LANGUAGES[k % 2]
        calls.append({"what": "retell", "told": pairs, "language": language})
        try:
            answer = retell(Told(**told), catalogue, calibration)
        except DataError:
            truth.append(None)
        else:
            truth.append(answer.to_json(language, top=0))
    found = engine(calls, model=json.loads(json.dumps(facts(settings, None))))
    assert found == json.loads(json.dumps(truth))
    assert None in found


def carried(answer: Any) -> dict[str, Any]:
    """What the page puts into an address."""
    verdict, refusal = answer["verdict"], answer.get("refusal")
    named = (
        [e["class_id"] for e in answer["cautions"]],
        [e["class_id"] for e in answer["lookalikes"]],
    )
    told = {"level": verdict["level"], "member": verdict["members"]}
    told |= {"probability": verdict["probability"]} if verdict["probability"] is not None else {}
    told |= {"nearest": refusal["nearest"]["class_id"]} if refusal else {}
    told |= {"similarity": refusal["similarity"]} if refusal and refusal["similarity"] else {}
    return told if refusal else {**told, "caution": named[0], "lookalike": named[1]}


def known(alike: float | None) -> Any:
    """JSON has no NaN."""
    return "not a number" if alike is not None and np.isnan(alike) else alike


@pytest.mark.parametrize("calibration", calibrations())
def test_answers_about_flowers(engine: Any, calibration: Calibration) -> None:
    levels = compare(engine, config(oxford102_classes(), calibration), draws())
    assert levels >= {"species", "genus", "family", "unsure", "none"}


def test_answers_of_an_uncalibrated_bundle(engine: Any) -> None:
    assert compare(engine, config(oxford102_classes(), None), draws()[:100]) == {"unsure"}


def test_classes_of_which_nothing_is_known(engine: Any) -> None:
    classes = tuple(ClassName(f"k{k}", f"thing {k}") for k in range(K))
    levels = compare(engine, config(classes, calibrations()[0]), draws()[:100])
    assert levels == {"species", "unsure", "none"}


def test_answers_of_a_model_with_facts_of_its_own(engine: Any) -> None:
    classes = tuple(ClassName(f"k{k}", f"thing {k}") for k in range(K))
    blank = replace(species102()["94"], scientific="", genus="", family="", lookalikes=("k9",))
    names: Any = {"en": "a thing", "es": "una cosa"}
    own = {
        f"k{k}": replace(blank, id=f"k{k}", names=names, group=f"group {k % 3}") for k in range(60)
    }
    levels = compare(engine, config(classes, calibrations()[0]), draws(), own)
    assert levels == {"species", "group", "unsure", "none"}


def test_probabilities_sum_to_one_however_large_the_logits(engine: Any) -> None:
    rows = [[1000.0, 999.0, -1000.0], [-1e4, -1e4, -1e4], [0.0, 0.0, 0.0]]
    found = engine([{"what": "softmax", "logits": row, "temperature": 0.5} for row in rows])
    np.testing.assert_allclose(found, softmax(np.array(rows) / 0.5), rtol=1e-9)
