"""The API over real HTTP, against the identifier itself."""

import base64
import gzip
import io
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

from florascope.app.guards import HEADERS
from florascope.app.limits import Limits
from florascope.bundle.config import find_bundle
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion
from florascope.images import RGB

from .conftest import MODEL, Serve

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def found(identifier: Identifier, photo: bytes) -> Identification:
    return identifier(photo)


def post(server: str, path: str, content: bytes, **more: str) -> httpx.Response:
    return httpx.post(f"{server}{path}", content=content, headers=more, timeout=60)


def detail(response: httpx.Response, status: int) -> str:
    """What an error says, once it is a problem as RFC 9457 wants it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    told = response.json()
    assert told["status"] == status
    assert set(told) == {"type", "title", "status", "detail"}
    assert response.headers["content-language"] == "en"
    return str(told["detail"])


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_answer_is_the_identifiers(
    server: str, photo: bytes, found: Identification, language: str
) -> None:
    told = post(server, f"/api/identify?language={language}&top=3", photo).json()
    assert told["schema"] == "florascope/1"
    (result,) = told["results"]
    crop, maps = result.pop("crop"), result.pop("maps")
    assert result == {"file": "photo", **found.to_json(language, 3)}  # type: ignore[arg-type]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(crop["image"].split(",")[1]))))
    assert pixels.shape == found.observation.crop.shape == (crop["size"], crop["size"], 3)
    assert found.observation.maps is not None
    named = {c["class_id"] for c in (*result["candidates"], *result["lookalikes"])}
    assert named <= set(maps["values"])
    for class_id, values in maps["values"].items():
        index = found.catalogue.ids(range(102)).index(class_id)
        grid = np.reshape(values, (maps["rows"], maps["columns"]))
        np.testing.assert_allclose(grid, found.observation.maps[index], atol=1e-5)


def test_a_form_is_answered_like_the_bare_bytes(server: str, photo: bytes) -> None:
    bare = post(server, "/api/identify", photo).json()
    name = "../../etc/passwd"  # never used
    form = httpx.post(f"{server}/api/identify", files={"photo": (name, photo)}, timeout=60)
    other = httpx.post(f"{server}/api/identify", files={"image": ("x.jpg", photo)}, timeout=60)
    assert form.json() == other.json() == bare
    assert name not in form.text


def test_why_one_and_not_the_other_is_the_difference_of_their_maps(
    server: str, photo: bytes, found: Identification
) -> None:
    a, b = (c.class_id for c in found.candidates(top=2))
    one, other, both = (
        np.array(post(server, f"/api/explain?{query}", photo).json()["values"])
        for query in (f"class_id={a}", f"class_id={b}", f"class_id={a}&against={b}")
    )
    np.testing.assert_allclose(both, one - other, atol=3e-5)


def head_bias() -> np.ndarray:
    """(K,) as it is written in the shipped graph, read by the onnx package."""
    (found,) = (
        numpy_helper.to_array(tensor)
        for tensor in onnx.load(find_bundle(MODEL) / "model.onnx").graph.initializer
        if tensor.name == "head.bias"
    )
    return np.asarray(found, np.float64)


def test_maps_and_biases_add_up_to_the_logits(
    server: str, photo: bytes, found: Identification
) -> None:
    """And the bias, got from one photo, is the head's own: it is independent of the photo."""
    maps = post(server, "/api/identify", photo).json()["results"][0]["maps"]
    assert set(maps["bias"]) == set(maps["values"])
    ids, written = found.catalogue.ids(range(102)), head_bias()
    for class_id, values in maps["values"].items():
        k, bias = ids.index(class_id), maps["bias"][class_id]
        assert sum(values) + bias == pytest.approx(found.observation.logits[k], abs=1e-3)
        assert bias == pytest.approx(written[k], abs=1e-3)


def test_a_difference_of_maps_adds_up_to_that_of_the_logits(
    server: str, photo: bytes, found: Identification
) -> None:
    a, b = found.candidates(top=2)
    logits, path = found.observation.logits, f"/api/explain?class_id={a.class_id}"
    one = post(server, path, photo).json()
    both = post(server, f"{path}&against={b.class_id}", photo).json()
    assert sum(one["values"]) + one["bias"] == pytest.approx(logits[a.index], abs=1e-3)
    gap = logits[a.index] - logits[b.index]
    assert sum(both["values"]) + both["bias"] == pytest.approx(gap, abs=1e-3)


def test_the_map_as_a_picture(server: str, photo: bytes, found: Identification) -> None:
    first = found.candidates(top=1)[0]
    path = f"/api/explain?class_id={first.class_id}"
    answer = post(server, path, photo, accept="image/png")
    assert answer.headers["content-type"] == "image/png"
    drawn = np.asarray(Image.open(io.BytesIO(answer.content)))
    np.testing.assert_array_equal(drawn, found.picture(first.index))


def test_the_model_describes_itself(server: str) -> None:
    told = httpx.get(f"{server}/api/model").json()
    assert told["architecture"] == "mobilenetv2_100"
    assert told["calibrated"] is True
    none = {"en": None, "es": None}
    assert told["calibration"] == {"photos": 818, "folds": 0, "remark": none}
    names = {c["class_id"]: (c["name"], c["nombre"]) for c in told["classes"]}
    assert len(names) == 102
    assert names["94"] == ("foxglove", "dedalera")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/identify?language=fr", 422, "language: Input should be 'en' or 'es'"),
        ("/api/identify?top=0", 422, "top: Input should be greater than or equal to 1"),
        ("/api/explain", 422, "class_id: Field required"),
        ("/api/explain?class_id=rose", 422, "no class 'rose'"),
        ("/api/explain?class_id=1&against=999", 422, "no class '999'"),
        ("/api/nothing", 404, "There is nothing at /api/nothing"),
    ],
)
def test_wrong_questions_are_problems(
    server: str, photo: bytes, path: str, status: int, words: str
) -> None:
    assert words in detail(post(server, path, photo), status)


@pytest.mark.parametrize("path", ["/", "/api/model", "/healthz", "/metrics", "/static/page.js"])
def test_heads_are_gets_without_a_body(server: str, path: str) -> None:
    head, get = httpx.head(f"{server}{path}"), httpx.get(f"{server}{path}")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-type", "content-security-policy"):
        assert head.headers[name] == get.headers[name]
    assert int(head.headers["content-length"]) > 0


def test_a_head_of_what_is_not_there(server: str) -> None:
    told = httpx.head(f"{server}/nothing")
    assert (told.status_code, told.content) == (404, b"")


@pytest.mark.parametrize("path", ["/api/model", "/healthz", "/metrics"])
def test_a_slash_at_the_end_changes_nothing(server: str, path: str) -> None:
    """A redirect would name a scheme and a prefix that only the proxy before us knows."""
    told = httpx.get(f"{server}{path}/", follow_redirects=False)
    assert told.status_code == 200
    assert told.headers["content-type"] == httpx.get(f"{server}{path}").headers["content-type"]


def test_a_posts_slash_at_the_end(server: str, photo: bytes) -> None:
    assert (
        post(server, "/api/identify/", photo).json() == post(server, "/api/identify", photo).json()
    )


def test_the_language_of_the_answer(server: str, photo: bytes, found: Identification) -> None:
    for query, header, language in (
        ("", "es-MX,en;q=0.5", "es"),
        ("?lang=es", "en", "es"),
        ("?language=en", "es", "en"),
        ("", "fr", "en"),
    ):
        told = post(server, f"/api/identify{query}", photo, **{"accept-language": header}).json()
        assert told["results"][0]["verdict"]["statement"] == found.statement(language)  # type: ignore[arg-type]


def test_a_get_where_a_photo_belongs(server: str) -> None:
    assert "GET does not work" in detail(httpx.get(f"{server}/api/identify"), 405)


def bomb() -> bytes:
    """A picture of 20,000 x 20,000 pixels in a few kilobytes."""
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    return file.getvalue()


def test_bodies_that_hold_no_photo(server: str) -> None:
    path = "/api/identify"
    assert "No photo came" in detail(post(server, path, b""), 400)
    assert "is not a photo" in detail(post(server, path, b"hello"), 422)
    assert "pixels" in detail(post(server, path, bomb()), 422)
    form = httpx.post(f"{server}{path}", data={"language": "en"}, files={"photo": b""})
    assert "No photo came" in detail(form, 400)
    bare = httpx.post(f"{server}{path}", data={"language": "en"}, files={"x": (None, "y")})
    assert "the form holds no file" in detail(bare, 400)
    assert "JSON" in detail(post(server, path, b'{"photo": "..."}'), 415)
    assert "gzip" in detail(post(server, path, gzip.compress(b"x")), 415)
    assert "gzip" in detail(post(server, path, b"x", **{"content-encoding": "gzip"}), 415)
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        assert "form" in detail(post(server, path, b"--y\r\n\r\n", **{"content-type": kind}), 400)


def test_too_many_bytes(identifier: Identifier, photo: bytes, serve: Serve) -> None:
    server = serve(identifier, Limits(max_bytes=len(photo)))
    path = "/api/identify"
    assert post(server, path, photo).status_code == 200
    assert "larger than" in detail(post(server, path, photo + b"."), 413)
    unannounced = httpx.post(f"{server}{path}", content=iter([photo, b"."]))
    assert "larger than" in detail(unannounced, 413)


def test_too_many_bytes_of_all_together(identifier: Identifier, photo: bytes, serve: Serve) -> None:
    server = serve(identifier, Limits(held_bytes=len(photo) - 1))
    refused = post(server, "/api/identify", photo)
    assert "Too many photos are waiting" in detail(refused, 429)
    assert refused.headers["retry-after"] == "1"
    assert post(server, "/api/identify", b"hello").status_code == 422  # what was held is let go


class Slow(Identifier):
    """Waits until it may go on."""

    def __init__(self, identifier: Identifier) -> None:
        vars(self).update(vars(identifier))
        self.go, self.begun = threading.Event(), threading.Event()

    def __call__(
        self, photo: RGB | bytes | Path, occasion: Occasion | None = None
    ) -> Identification:
        self.begun.set()
        assert self.go.wait(30)
        return super().__call__(photo)


class Failing(Slow):
    """Fails."""

    def __call__(
        self, photo: RGB | bytes | Path, occasion: Occasion | None = None
    ) -> Identification:
        raise RuntimeError("secret")


def test_a_full_queue_says_when_to_come_back(
    identifier: Identifier, photo: bytes, serve: Serve
) -> None:
    slow = Slow(identifier)
    server = serve(slow, Limits(workers=1, waiting=0))
    answers: list[httpx.Response] = []
    first = threading.Thread(target=lambda: answers.append(post(server, "/api/identify", photo)))
    first.start()
    assert slow.begun.wait(30)
    refused = post(server, "/api/identify", photo)
    assert "Too many photos are waiting" in detail(refused, 429)
    assert refused.headers["retry-after"] == "1"
    slow.go.set()
    first.join(30)
    assert answers[0].status_code == 200
    assert post(server, "/api/identify", photo).status_code == 200


def test_what_takes_too_long_is_given_up(
    identifier: Identifier, photo: bytes, serve: Serve
) -> None:
    slow = Slow(identifier)
    server = serve(slow, Limits(seconds=0.3, workers=1, waiting=0))
    assert "longer than 0.3 seconds" in detail(post(server, "/api/identify", photo), 408)
    assert detail(post(server, "/api/identify", photo), 429)  # abandoned work still counts
    slow.go.set()


def test_a_failure_of_ours_is_a_problem_without_details(
    identifier: Identifier, serve: Serve, photo: bytes
) -> None:
    server = serve(Failing(identifier), Limits())
    told = detail(post(server, "/api/identify", photo), 500)
    assert "The server failed" in told
    assert "secret" not in told


def test_every_answer_is_shielded(server: str) -> None:
    for path in ("/", "/static/page.js", "/api/model", "/nothing"):
        answer = httpx.get(f"{server}{path}")
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert "set-cookie" not in answer.headers
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_other_names_and_other_sites_are_refused(server: str, photo: bytes) -> None:
    named = httpx.get(server, headers={"host": "rebound.example"})
    assert "not called 'rebound.example'" in detail(named, 421)
    foreign = post(server, "/api/identify", photo, **{"sec-fetch-site": "cross-site"})
    assert "other sites" in detail(foreign, 403)


def test_any_name_where_none_is_given(identifier: Identifier, serve: Serve) -> None:
    server = serve(identifier, Limits())
    assert httpx.get(server, headers={"host": "any.example"}).status_code == 200


def test_files_outside_of_the_page_are_not_served(server: str) -> None:
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static//etc/passwd"):
        assert detail(httpx.get(f"{server}{path}"), 404)


def test_metrics_count_answers(identifier: Identifier, photo: bytes, serve: Serve) -> None:
    server = serve(identifier, Limits())
    for _ in range(3):
        post(server, "/api/identify", photo)
    post(server, "/api/identify", b"hello")
    text = httpx.get(f"{server}/metrics").text
    assert 'florascope_requests_total{path="/api/identify",status="200"} 3.0' in text
    assert 'florascope_requests_total{path="/api/identify",status="422"} 1.0' in text
    assert "florascope_answer_seconds_count 3.0" in text
    assert "florascope_inside 0.0" in text


def test_no_torch() -> None:
    code = "import sys, florascope.app.server; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
