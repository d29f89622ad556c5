"""Answers said again from their ids: the same verdict, warning of no less; nothing else."""

from typing import Any

import httpx
import pytest

from florascope.app.retelling import Told, retell
from florascope.app.schema import RetoldShape
from florascope.errors import DataError
from florascope.identify.identifier import Identifier

from .conftest import Planted

BELLS, FOXGLOVE = "3", "94"
IRISES = {"15": 0.5, "68": 0.495}


def carried(answer: Any) -> dict[str, Any]:
    """What the page puts into an address."""
    verdict, refusal = answer["verdict"], answer.get("refusal")
    ids = {name: [e["class_id"] for e in answer[name]] for name in ("cautions", "lookalikes")}
    return {
        "level": verdict["level"],
        "member": verdict["members"],
        **({"probability": verdict["probability"]} if verdict["probability"] else {}),
        **({"nearest": refusal["nearest"]["class_id"]} if refusal else {}),
        **({"similarity": refusal["similarity"]} if refusal else {}),
        **({} if refusal else {"caution": ids["cautions"], "lookalike": ids["lookalikes"]}),
    }


@pytest.mark.parametrize(
    ("shares", "alike", "level"),
    [
        ({BELLS: 0.999}, 0.99, "species"),
        (IRISES, 0.99, "genus"),
        ({BELLS: 0.6, FOXGLOVE: 0.3}, 0.99, "unsure"),
        ({FOXGLOVE: 0.999}, 0.1, "none"),
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_an_answer_is_the_same_without_its_photo(
    identifier: Identifier, photo: bytes, shares: Any, alike: float, level: str, language: Any
) -> None:
    planted = Planted(identifier, shares, alike, nearest=FOXGLOVE)
    answer = planted(photo).to_json(language)
    assert answer["verdict"]["level"] == level
    told = Told(**carried(answer))
    again = retell(told, identifier.catalogue, identifier.config.calibration)
    found = again.to_json(language, top=0)
    for name in ("verdict", "advice", "calibration", "refusal"):
        assert found.get(name) == answer.get(name)
    if level != "none":
        assert found["cautions"] == answer["cautions"]
        named = [entry["class_id"] for entry in found["lookalikes"]]
        assert {entry["class_id"] for entry in answer["lookalikes"]} <= set(named)
    assert found["candidates"] == found["prediction_set"] == []


def test_an_address_cannot_leave_out_a_warning(identifier: Identifier) -> None:
    told = Told(level="species", member=[BELLS], probability=0.999)
    found = retell(told, identifier.catalogue, identifier.config.calibration).to_json()
    assert {"94", "9"} <= {entry["class_id"] for entry in found["lookalikes"]}  # both are deadly
    told = Told(level="species", member=[FOXGLOVE], probability=0.999)
    found = retell(told, identifier.catalogue, identifier.config.calibration).to_json()
    assert found["cautions"][0]["people"] == "deadly"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"level": "species", "member": ["rose"], "probability": 1}, "no class 'rose'"),
        ({"level": "species", "member": [BELLS, FOXGLOVE], "probability": 1}, "a species of 2"),
        ({"level": "species", "member": [BELLS], "probability": 0.5}, "not sure enough"),
        ({"level": "species", "member": [BELLS]}, "not sure enough"),
        ({"level": "species", "member": [BELLS], "probability": "nan"}, "not sure enough"),
        ({"level": "genus", "member": [BELLS], "probability": 1}, "a genus of 1"),
        ({"level": "family", "member": [BELLS, FOXGLOVE], "probability": 1}, "a family of 2"),
        ({"level": "unsure"}, "speaks of nothing"),
        ({"level": "none", "member": [BELLS], "nearest": BELLS}, "a refusal"),
        ({"level": "none"}, "a refusal"),
        ({"level": "none", "nearest": BELLS, "similarity": 0.999}, "of what is known"),
    ],
)
def test_what_the_bundle_cannot_have_said(identifier: Identifier, told: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        retell(Told(**told), identifier.catalogue, identifier.config.calibration)


def test_by_http(server: str) -> None:
    told = {"level": "none", "nearest": FOXGLOVE, "similarity": "nan", "language": "es"}
    found = httpx.get(f"{server}/api/verdict", params=told)
    result = RetoldShape.model_validate_json(found.content).result
    assert result.refusal is not None
    assert result.refusal.nearest.name == "dedalera"
    refused = httpx.get(f"{server}/api/verdict?level=unsure&member=no")
    assert (refused.status_code, refused.json()["status"]) == (422, 422)
    assert "no class 'no'" in refused.json()["detail"]
