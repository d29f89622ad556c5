"""Several photos in one request, and their answer together."""

import json

import httpx
import numpy as np
import pytest

from florascope.app import static_folder
from florascope.app.limits import Limits
from florascope.app.schema import AnswerShape, SeveralShape
from florascope.identify.identifier import Identifier
from florascope.identify.prior import TablePrior

from .conftest import Planted, Serve

SAMPLES = static_folder() / "samples"
ROUTE = "/api/identify/several"


def forms(*contents: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("photo", (name, content, "image/webp")) for name, content in contents]


def drawings(count: int) -> list[tuple[str, bytes]]:
    return [(f"{k}.webp", (SAMPLES / f"{k}.webp").read_bytes()) for k in range(1, count + 1)]


def test_each_photo_is_answered_as_alone_and_each_failure_is_named(
    server: str, photo: bytes
) -> None:
    sent = [
        ("a.webp", photo),
        ("empty.jpg", b""),
        ("cut.jpg", b"\xff\xd8\xff"),
        ("b.gz", b"\x1f\x8b"),
    ]
    told = httpx.post(f"{server}{ROUTE}?language=es", files=forms(*sent), timeout=60)
    results = SeveralShape.model_validate_json(told.content).results
    assert [result.file for result in results] == [name for name, _ in sent]
    alone = httpx.post(f"{server}/api/identify?language=es", content=photo, timeout=60).json()
    assert {**told.json()["results"][0], "file": "photo"} == alone["results"][0]
    said = [result["error"] for result in told.json()["results"][1:]]
    assert "la foto no contiene nada (0 bytes)" in said[0]
    assert "no es una foto que se pueda leer" in said[1]
    assert "Esto es gzip" in said[2]
    assert "together" not in told.json()


def test_views_of_one_thing_have_one_answer_and_keep_their_maps(
    identifier: Identifier, serve: Serve
) -> None:
    server = serve(Planted(identifier, {"50": 0.97, "94": 0.02}), Limits())
    told = httpx.post(
        f"{server}{ROUTE}?together=true", files=forms(*drawings(3)), timeout=60
    ).json()
    shape = SeveralShape.model_validate(told)
    assert shape.together is not None
    assert (shape.together.photos, shape.together.counted) == (3, 3)
    assert shape.together.verdict.level == "species"
    assert "94" in {caution.class_id for caution in shape.together.cautions}
    maps = [result["maps"]["values"]["50"] for result in told["results"]]
    assert len({json.dumps(one) for one in maps}) == 3


def test_names_that_cannot_be_shown_are_numbered(server: str) -> None:
    told = httpx.post(f"{server}{ROUTE}", files=forms(("a\u202egpj.exe", b"")), timeout=60).json()
    assert told["results"][0]["file"] == "photo 1"


def test_too_many_photos(server: str) -> None:
    told = httpx.post(f"{server}{ROUTE}", files=forms(*[("x.jpg", b"x")] * 21), timeout=60)
    assert told.status_code == 413
    assert "21 photos came, of which at most 20" in told.json()["detail"]


def test_no_form(server: str, photo: bytes) -> None:
    told = httpx.post(f"{server}{ROUTE}", content=photo, timeout=60)
    assert told.status_code == 400
    assert "Send them as the files 'photo' of one form" in told.json()["detail"]


def test_limits_hold_for_the_form_and_for_each_photo(identifier: Identifier, serve: Serve) -> None:
    server = serve(identifier, Limits(max_bytes=1000, several_bytes=5000))
    large = httpx.post(f"{server}{ROUTE}", files=forms(("x.jpg", b"x" * 2000)), timeout=60)
    assert "larger than" in large.json()["results"][0]["error"]
    whole = httpx.post(f"{server}{ROUTE}", files=forms(*[("x.jpg", b"x" * 900)] * 8), timeout=60)
    assert whole.status_code == 413


def test_a_prior_weighs_what_the_server_was_given(
    identifier: Identifier, photo: bytes, serve: Serve
) -> None:
    planted = Planted(identifier, {"50": 0.5, "94": 0.49})
    planted.prior = TablePrior({("94", 6, "N52E013"): 50.0})
    server = serve(planted, Limits())
    assert httpx.get(f"{server}/api/model").json()["prior"] is True
    asked = "month=6&latitude=52.5&longitude=13.4"
    plain, told = (
        httpx.post(f"{server}/api/identify?{query}", content=photo, timeout=60).json()
        for query in ("", asked)
    )
    AnswerShape.model_validate(told)
    assert [r["results"][0]["candidates"][0]["class_id"] for r in (plain, told)] == ["50", "94"]
    assert told["results"][0]["prior"]["cell"] == "N52E013"
    half = httpx.post(f"{server}/api/identify?latitude=52", content=photo, timeout=60)
    assert half.status_code == 422
    assert "half of a place" in half.json()["detail"]
    several = httpx.post(
        f"{server}{ROUTE}?together=true&{asked}", files=forms(*drawings(2)), timeout=60
    )
    assert several.json()["together"]["prior"]["month"] == 6


def test_without_a_prior_month_and_place_change_nothing(server: str, photo: bytes) -> None:
    plain, told = (
        httpx.post(f"{server}/api/identify?{query}", content=photo, timeout=60).json()
        for query in ("", "month=6")
    )
    assert plain == told


@pytest.mark.parametrize("count", [1, 4])
def test_pooled_probabilities_are_those_of_python(
    identifier: Identifier, server: str, count: int
) -> None:
    sent = drawings(count)
    told = httpx.post(f"{server}{ROUTE}?together=1", files=forms(*sent), timeout=60).json()
    group = identifier.together([identifier(content) for _, content in sent])
    shares = [candidate["probability"] for candidate in told["together"]["candidates"]]
    np.testing.assert_allclose(shares, np.sort(group.probabilities)[::-1][:5])
