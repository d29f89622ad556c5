"""Photos of one thing: surer only as far as their calibration says, and never less careful."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from florascope.calibration.calibration import Familiarity
from florascope.errors import PhotoError
from florascope.identify.identification import is_strange
from florascope.identify.together import MOST, combine


def ids(found: Any) -> set[str]:
    """Ids of all that an answer warns of."""
    told = found.to_json()
    return {entry["class_id"] for entry in (*told["cautions"], *told["lookalikes"])}


def test_one_photo_together_is_itself(answer: Any) -> None:
    photo = answer({94: 0.95})
    group = combine([photo])
    np.testing.assert_allclose(group.probabilities, photo.probabilities, rtol=1e-5)
    assert group.verdict.level == photo.verdict.level == "species"
    assert group.statement() == photo.statement()
    assert ids(group) == ids(photo)


def test_two_doubtful_views_name_what_neither_would(answer: Any, figures: Any) -> None:
    """79 and 20 % each, independent: 0.79^2 / (0.79^2 + 0.2^2) = 94 %, where a name wants 90 %."""
    free = replace(figures, pooling=1.0)
    photos = [answer({94: 0.79, 5: 0.2}, calibration=free) for _ in range(2)]
    assert {photo.verdict.level for photo in photos} == {"unsure"}
    group = combine(photos)
    assert group.verdict.level == "species"
    expected = 0.79**2 / (0.79**2 + 0.2**2)
    assert group.candidates()[0].probability == pytest.approx(expected, rel=1e-3)
    cautious = combine([replace(photo, calibration=figures) for photo in photos])
    assert cautious.verdict.level == "unsure"
    assert cautious.candidates()[0].probability == pytest.approx(0.79, rel=1e-3)


def test_whatever_one_photo_warns_of_the_group_warns_of(answer: Any) -> None:
    photos = [answer({50: 0.99}), answer({50: 0.6, 94: 0.35}), answer({50: 0.97, 67: 0.02})]
    group = combine(photos)
    assert group.verdict.level == "species"
    assert ids(group) >= set().union(*map(ids, photos))
    assert "94" in {caution.class_id for caution in group.cautions()}


def test_a_refused_photo_has_no_say_but_warns(answer: Any) -> None:
    leaf = answer({94: 0.9}, alike=0.3)
    group = combine([answer({50: 0.99}), answer({50: 0.95}), leaf])
    assert (group.verdict.level, group.counted) == ("species", 2)
    assert group.catalogue.ids(group.verdict.members) == ["50"]
    assert "1 of the 3 photos" in group.statement()
    assert "1 de las 3 fotos" in group.statement("es")
    assert ids(group) >= ids(leaf) >= {"94"}


def test_where_half_are_refused_nothing_is_named(answer: Any) -> None:
    group = combine([answer({50: 0.99}), answer({50: 0.99}, alike=0.3)])
    assert group.verdict.level == "unsure"


def test_where_all_are_refused_so_is_the_group(answer: Any) -> None:
    group = combine([answer({50: 0.99}, alike=0.3), answer({50: 0.99}, alike=0.5)])
    assert (group.verdict.level, group.counted) == ("none", 0)
    refusal = group.to_json()["refusal"]
    assert refusal["similarity"] == 0.5
    assert "photos" not in group.statement()


def test_photos_of_two_things_are_named_as_none(answer: Any) -> None:
    group = combine([answer({50: 0.99}), answer({94: 0.99})])
    assert group.disagreeing
    assert group.verdict.level == "unsure"
    assert "may not all show the same" in group.statement()
    assert {"50", "94"} <= set(group.catalogue.ids(group.verdict.members))


def test_a_genus_does_not_contradict_its_species(answer: Any) -> None:
    genus = answer({15: 0.49, 68: 0.5})
    assert genus.verdict.level == "genus"
    group = combine([genus, answer({68: 0.99})])
    assert not group.disagreeing


def test_each_photo_keeps_its_map(answer: Any) -> None:
    photos = [answer({50: 0.99}), answer({50: 0.8, 94: 0.1})]
    group = combine(photos)
    for kept, photo in zip(group.photos, photos, strict=True):
        np.testing.assert_array_equal(kept.class_map(49), photo.class_map(49))


def test_without_a_calibration_nothing_is_named(answer: Any) -> None:
    group = combine([answer({50: 0.999}, calibration=None)] * 3)
    assert group.verdict.level == "unsure"
    assert group.probabilities.max() == pytest.approx(0.999, abs=1e-3)


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_none_and_too_many(answer: Any, count: int) -> None:
    with pytest.raises(PhotoError, match=f"{count} photos together. expected 1 to 20 of one thing"):
        combine([answer({50: 0.99})] * count)


def test_json_says_what_counted(answer: Any) -> None:
    told = combine([answer({50: 0.99}), answer({50: 0.95}), answer({9: 0.9}, alike=0.1)]).to_json()
    assert (told["photos"], told["counted"], told["disagreeing"]) == (3, 2, False)
    assert told["verdict"]["level"] == "species"


def strange(photo: Any, figures: Any) -> Any:
    """The same answer about what may be a stranger, the verdict as it was."""
    learned = Familiarity(ratio=1.0, logit=0.0, offset=0.0, least=2.0)
    seen = replace(photo.observation, ratios=np.full(len(photo.probabilities), 1.9, np.float32))
    told = replace(figures, familiarity=learned)
    return replace(photo, observation=seen, calibration=told)


def test_where_half_may_be_strangers_no_species_is_named(answer: Any, figures: Any) -> None:
    photos = [answer({50: 0.99}), answer({50: 0.95})]
    assert combine(photos).verdict.level == "species"
    odd = strange(photos[1], figures)
    assert is_strange(odd.observation, odd.calibration)
    first = replace(photos[0], calibration=odd.calibration)
    assert combine([first, odd]).verdict.level == "unsure"
    assert combine([first, first, odd]).verdict.level == "species"
