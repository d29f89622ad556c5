"""Statements, cautions, look-alikes and pictures of planted answers."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from florascope.calibration.calibration import Calibration
from florascope.data.species import LANGUAGES, species102
from florascope.errors import ExplanationError
from florascope.explanation.cam import spread as torch_spread
from florascope.identify.caution import cautions
from florascope.identify.identification import Identification, Observation, spread
from florascope.identify.words import words_of


@pytest.mark.parametrize(
    ("shares", "alike", "english", "spanish"),
    [
        (
            {94: 0.95},
            0.9,
            "This is foxglove (Digitalis purpurea).",
            "Esto es dedalera (Digitalis purpurea).",
        ),
        (
            {15: 0.5, 68: 0.45},
            0.9,
            "This is probably of the genus Iris.",
            "Esto es probablemente del género Iris.",
        ),
        (
            {20: 0.5, 80: 0.45},
            0.9,
            "This is probably of the family Araceae.",
            "Esto es probablemente de la familia Araceae.",
        ),
        (
            {94: 0.5, 3: 0.45},
            0.9,
            "Not sure. It may be foxglove (Digitalis purpurea) or Canterbury bells"
            " (Campanula medium).",
            "No es seguro. Puede ser dedalera (Digitalis purpurea) o campanilla de Canterbury"
            " (Campanula medium).",
        ),
        (
            {94: 0.9},
            0.1,
            "This is unlike anything I was shown.",
            "Esto no se parece a nada que me hayan mostrado.",
        ),
    ],
)
def test_statements(
    answer: Any, shares: dict[int, float], alike: float, english: str, spanish: str
) -> None:
    found = answer(shares, alike)
    assert found.statement("en") == english
    assert found.statement("es") == spanish


def test_few_photos_are_named_with_every_answer(answer: Any, figures: Calibration) -> None:
    found = answer({94: 0.95}, calibration=replace(figures, photos=27, folds=10))
    english = "Percentages were calibrated on 27 photos only: treat them as rough."
    spanish = "Los porcentajes se calibraron con solo 27 fotos: tómelos como aproximados."
    rests = {"photos": 27, "folds": 10}
    assert found.to_json("en")["calibration"] == {**rests, "remark": english}
    assert found.to_json("es")["calibration"] == {**rests, "remark": spanish}


def test_enough_photos_need_no_remark(answer: Any) -> None:
    assert answer({94: 0.95}).to_json()["calibration"] == {
        "photos": 818,
        "folds": 0,
        "remark": None,
    }
    assert answer({94: 0.95}, calibration=None).to_json()["calibration"] is None


def test_a_long_set_is_cut_short_in_words(answer: Any) -> None:
    found = answer({94: 0.25, 3: 0.24, 11: 0.23, 42: 0.22})
    assert found.statement().count("(") == 3
    assert found.statement().endswith("or 1 more.")
    assert len(found.to_json()["prediction_set"]) == 4


def test_every_plausible_plants_harm_is_named_not_the_firsts_alone(answer: Any) -> None:
    """Sure of the snapdragon, with foxglove at 2 %: foxglove is spoken of."""
    found = answer({11: 0.95, 94: 0.02})
    assert found.verdict.level == "species"
    (caution,) = found.cautions()
    assert (caution.class_id, caution.people, caution.pets) == ("94", "deadly", "deadly")
    assert caution.text.startswith("Foxglove (Digitalis purpurea): deadly to people; deadly to")
    assert "ASPCA" in caution.source
    (spanish,) = found.cautions("es")
    assert spanish.text.startswith("Dedalera (Digitalis purpurea): mortal para las personas;")


def test_a_set_of_two_speaks_of_the_second(answer: Any) -> None:
    assert [c.class_id for c in answer({11: 0.5, 94: 0.45}).cautions()] == ["94"]


def test_a_refused_photo_speaks_of_its_set_alone(answer: Any) -> None:
    found = answer({42: 0.8, 94: 0.1}, 0.1)
    assert [c.class_id for c in found.cautions()] == ["42"]


def test_unknown_harm_is_treated_as_harm(answer: Any) -> None:
    (caution,) = answer({55: 0.99}).cautions()
    assert "treat it as harmful" in caution.text


def test_a_family_speaks_of_all_its_members_harm(answer: Any) -> None:
    """Sure of the buttercup family alone: monkshood is one of it, however improbable."""
    found = answer({48: 0.5, 69: 0.45})
    assert found.verdict.group == "Ranunculaceae"
    assert found.probabilities[8] < 0.01
    assert "9" in {c.class_id for c in found.cautions()}


def test_every_class_that_an_answer_names_carries_its_harm(answer: Any) -> None:
    value, table = answer({3: 0.95}).to_json(), species102()
    for entry in (*value["candidates"], *value["lookalikes"]):
        own = table[entry["class_id"]]
        assert (entry["people"], entry["pets"]) == (own.people, own.pets)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_says_what_was_nearest_and_why(answer: Any, language: Any) -> None:
    seen = answer({94: 0.9}, 0.75)
    found = replace(seen, observation=replace(seen.observation, nearest=8))
    refusal = found.to_json(language)["refusal"]
    assert refusal["nearest"]["class_id"] == "9"  # what it resembles, not what it is called
    assert (refusal["nearest"]["people"], refusal["similarity"]) == ("deadly", 0.75)
    assert refusal["needed"] == 0.8
    said = {"en": "resemblance to that is 0.75,", "es": "parecido es 0.75,"}
    assert said[language] in refusal["reason"]
    assert re.search(r"97 (in|de cada) 100 (reach|llegan a) 0\.8\.", refusal["reason"])


def test_the_figures_of_a_refusal_never_look_alike(answer: Any) -> None:
    reason = answer({94: 0.9}, 0.8 - 1e-7).refusal()["reason"]
    assert "0.799," in reason
    assert "0.8." in reason


def test_no_refusal_where_something_is_said(answer: Any) -> None:
    for found in (answer({94: 0.95}), answer({94: 0.5}), answer({94: 0.9}, 0.1, None)):
        assert "refusal" not in found.to_json()


def test_candidates_alone_have_no_certainty(answer: Any) -> None:
    assert answer({94: 0.5, 3: 0.45}).to_json()["verdict"]["probability"] is None
    genus = answer({15: 0.5, 68: 0.45}).to_json()["verdict"]
    assert genus["probability"] == pytest.approx(0.95, abs=2e-3)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_call_anything_safe(flowers: Any, language: Any) -> None:
    words = words_of(language)
    said = [c.text for c in cautions(flowers, range(102), language)]
    said += [str(getattr(words, name)) for name in words.__dataclass_fields__]
    forbidden = re.compile(
        r"\b(safe|edible|harmless|non-?toxic|comestible|segur[ao]s?|inofensiv\w+)\b",
        re.IGNORECASE,
    )
    for text in said:
        assert not forbidden.search(text.replace("No es seguro", "")), text


def test_every_species_but_the_unlisted_has_a_caution(flowers: Any) -> None:
    spoken = {c.class_id for c in cautions(flowers, range(102), "en")}
    unlisted = {s.id for s in species102().values() if s.people == s.pets == "unlisted"}
    assert spoken == {str(k) for k in range(1, 103)} - unlisted


def test_lookalikes_of_the_whole_set(answer: Any) -> None:
    found = answer({94: 0.5, 3: 0.45})
    table = species102()
    expected = {*table["94"].lookalikes, *table["3"].lookalikes} - {"94", "3"}
    shown = found.to_json()["lookalikes"]
    assert {s["class_id"] for s in shown} == expected
    assert next(s for s in shown if s["class_id"] == "9")["people"] == "deadly"


def test_json_has_the_documented_shape(answer: Any) -> None:
    value = answer({94: 0.95}).to_json("es", 2)
    assert set(value) == {
        "verdict",
        "candidates",
        "prediction_set",
        "cautions",
        "lookalikes",
        "calibration",
        "advice",
    }
    assert value["verdict"] == {
        "level": "species",
        "statement": "Esto es dedalera (Digitalis purpurea).",
        "probability": pytest.approx(0.95, abs=1e-3),
        "members": ["94"],
    }
    first, _ = value["candidates"]
    assert first["class_id"] == "94"
    assert first["name"] == "dedalera"
    assert first["scientific_name"] == "Digitalis purpurea"
    assert first["probability"] == pytest.approx(0.95, abs=1e-3)
    assert value["prediction_set"] == ["94"]
    assert set(value["cautions"][0]) == {"class_id", "name", "people", "pets", "text", "source"}


def test_spreading_equals_torchs() -> None:
    places = np.random.default_rng(0).normal(size=(7, 7)).astype(np.float32)
    for size in (28, 224, 50):
        total = torch.tensor([float(places.sum())])
        expected = torch_spread(torch.from_numpy(places)[None], (size, size), total)[0].numpy()
        np.testing.assert_allclose(spread(places, size), expected, atol=1e-6)


def test_evidence_of_one_class_and_against_another(answer: Any) -> None:
    found = answer({94: 0.95})
    one, other = found.evidence(93), found.evidence(2)
    assert one.sum() == pytest.approx(found.observation.maps[93].sum(), rel=1e-5)
    np.testing.assert_allclose(found.evidence(93, 2), one - other, rtol=1e-4)
    assert found.picture().shape == (8, 8, 3)
    np.testing.assert_array_equal(found.picture(), found.picture(93))


def test_a_network_without_maps(answer: Any) -> None:
    full = answer({94: 0.95})
    seen = Observation(full.observation.crop, full.observation.logits, None, 0.9)
    found = Identification(
        full.catalogue, seen, full.probabilities, (93,), (93,), full.verdict, full.calibration
    )
    with pytest.raises(ExplanationError, match="has no class maps"):
        found.picture()


def test_a_map_and_its_bias_add_up_to_the_logit(answer: Any) -> None:
    found = answer({1: 0.6, 2: 0.3})
    logits, maps = found.observation.logits, found.observation.maps
    assert maps is not None
    assert found.bias(0) == pytest.approx(logits[0] - (0 + 1 + 2 + 3), abs=1e-5)
    assert found.bias(1) == pytest.approx(logits[1] - (4 + 5 + 6 + 7), abs=1e-5)
    assert found.bias(0, 1) == pytest.approx(found.bias(0) - found.bias(1), abs=1e-5)
