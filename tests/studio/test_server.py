"""Who is let in, and where the addresses lead."""

import re

import pytest
from starlette.testclient import TestClient

from florascope.app.guards import HEADERS
from florascope.sentences import sentences
from florascope.studio.project import Project
from florascope.studio.server import studio_static

from .conftest import TOKEN


@pytest.mark.parametrize("path", ["/", "/api/project", f"/{TOKEN}x/", "/static/studio.js", "/%00/"])
def test_without_the_key_there_is_nothing(client: TestClient, path: str) -> None:
    answer = client.get(f"http://testserver{path}")
    assert answer.status_code == 404
    assert "florascope studio" in answer.json()["detail"]
    assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]


def test_the_key_alone_leads_to_the_page(client: TestClient) -> None:
    answer = client.get(f"http://testserver/{TOKEN}", follow_redirects=False)
    assert answer.headers["location"] == f"/{TOKEN}/"
    page = client.get("")
    assert "<main" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"


def test_every_file_that_the_page_needs_is_there(client: TestClient) -> None:
    for path in studio_static().glob("*.js"):
        text = client.get(f"static/{path.name}").text
        for name in re.findall(r'from "([^"]+)"', text):
            assert client.get(f"static/{name}").status_code == 200, (path.name, name)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"origin": "http://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://testserver", "sec-fetch-site": "same-origin"}, 422),
    ],
)
def test_other_names_and_sites_are_refused(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    assert client.post("api/edits/undo", headers=headers).status_code == status


def test_a_runs_model_answers_in_the_app(client: TestClient, photo: bytes) -> None:
    page = client.get("try/1/")
    assert 'id="camera"' in page.text
    assert client.get("try/1/static/page.js").status_code == 200
    told = client.post("try/1/api/identify", content=photo).json()
    assert {c["class_id"] for c in told["results"][0]["candidates"]} <= {"daisy", "rose", "violet"}
    assert client.get("try/1/api/model").json()["collects"] is True


@pytest.mark.parametrize("number", ["2", "x", "", "1e1"])
def test_a_run_that_is_not_there(client: TestClient, number: str) -> None:
    answer = client.get(f"try/{number}/")
    assert answer.status_code == 404
    assert "no finished run" in answer.json()["detail"]


def test_what_somebody_corrects_comes_back(
    client: TestClient, trained: Project, photo: bytes
) -> None:
    client.post("try/1/api/collect?name=lily", content=photo).raise_for_status()
    assert client.get("api/project").json()["corrections"] == 1
    assert client.post("api/corrections").json() == {"taken": 1}
    assert trained.classes()["lily"] == 1
    assert client.get("api/project").json()["corrections"] == 0


def test_every_word_that_the_page_says_is_there() -> None:
    """And none is kept that it never says: sentences/ holds the languages against each other."""
    words = sentences("studio", "en")
    static = studio_static()
    code = "".join(p.read_text("utf-8") for p in [*static.glob("*.js"), static / "index.html"])
    said = set(re.findall(r'say\("([\w-]+)"', code)) | set(re.findall(r'data-word="(\w+)"', code))
    assert said <= words.keys()
    built = r"(?:did|is|why|way|about|weights|subset|severity|work)-\w+"
    used = set(re.findall(r"[\w-]+", code))
    assert {w for w in words if w not in used and not re.fullmatch(built, w)} == set()
