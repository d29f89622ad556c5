"""Runs as the page asks for them; what takes long is done by a real worker in test_jobs."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from florascope import sentences
from florascope.data.species import LANGUAGES
from florascope.identify.identifier import Identifier
from florascope.sentences import Told
from florascope.studio.project import Edit, Project
from florascope.studio.run_routes import SENTENCES
from florascope.studio.runs import Runs

from .conftest import TINY


def test_runs_are_listed_and_told(client: TestClient) -> None:
    (run,) = client.get("api/runs").json()
    assert run["compared"]["run"] == run["number"] == 1
    told = client.get("api/runs/1").json()
    assert told["test"] == run["test"]
    assert told["request"]["title"] == "first"
    assert isinstance(told["findings"], list)
    assert (told["asked"], told["web"]) == (False, False)


def test_a_cell_of_the_confusions_leads_to_photos_and_maps(
    client: TestClient, trained: Project
) -> None:
    told = client.get("api/runs/1/confusions").json()
    label, predicted, count = told["cells"][0]
    query = {"label": label, "predicted": predicted}
    found = client.get("api/runs/1/answers", params=query).json()
    assert len(found) == count
    assert trained.photos[found[0]["id"]].name == found[0]["name"]
    assert trained.labels[found[0]["id"]] == told["classes"][label]
    drawn = client.get(f"api/runs/1/map/{found[0]['id']}?target=0")
    rival = client.get(f"api/runs/1/map/{found[0]['id']}?target=0&against=1")
    assert Image.open(io.BytesIO(drawn.content)).size == (64, 64)
    assert drawn.content != rival.content


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("api/runs/7", 422, "no run 7"),
        ("api/runs/2", 409, "not finished"),
        ("api/runs/1/map/99?target=0", 404, "no such photo"),
        ("api/runs/1/map/0?target=3", 404, "no such photo or class"),
        ("api/runs/1/confusions?subset=best", 422, "subset"),
        ("api/runs/1/web.zip", 404, "was not written yet"),
        ("api/runs/1/weights.zip", 422, "part"),
    ],
)
def test_what_is_not_there(
    client: TestClient, trained: Project, path: str, status: int, told: str
) -> None:
    Runs(trained.folder).begin(TINY)  # number 2, never trained
    answer = client.get(path)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


def test_the_bundle_is_one_that_identifies(
    client: TestClient, tmp_path: Path, photo: bytes
) -> None:
    answer = client.get("api/runs/1/bundle.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert "mine-1-bundle.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "out")
    found = Identifier(tmp_path / "out" / "bundle")(photo)
    assert found.candidates(top=1)[0].class_id in {"daisy", "rose", "violet"}


def test_the_web_page_is_packed_where_it_was_written(client: TestClient, trained: Project) -> None:
    page = trained.folder / "runs" / "1" / "web"
    page.mkdir()
    (page / "index.html").write_text("<html>", encoding="utf-8")
    answer = client.get("api/runs/1/web.zip")
    assert zipfile.ZipFile(io.BytesIO(answer.content)).namelist() == ["web/index.html"]


def test_the_doctors_word_is_told(client: TestClient, trained: Project) -> None:
    english = ("few photos", "3 classes, among them 'train'", "folders of classes alone", "Mine")
    finding = {"severity": "note", **dict(zip(SENTENCES, english, strict=True))}
    path = trained.folder / "runs" / "1" / "doctor.json"
    path.write_text(json.dumps({"findings": [finding]}), encoding="utf-8")
    for language in LANGUAGES:
        told = client.get("api/runs/1", headers={"accept-language": language}).json()
        (found,) = told["findings"]
        assert found.items() >= finding.items()  # the record stays as it is
        assert told["asked"]
        said = [Told(**found["told"][part]) for part in SENTENCES]
        assert said == [sentences.told("doctor", text, language) for text in english]
    assert said[1] == Told("3 clases, entre ellas 'train'", "es")
    assert said[3] == Told("Mine", "en")


def test_a_refusal_is_said_in_the_pages_language(client: TestClient) -> None:
    refused = client.get("api/runs/9", headers={"accept-language": "es"})
    assert refused.json()["detail"].startswith("no hay ningún entrenamiento 9 en este proyecto.")


def test_photos_to_label_are_told_while_they_are_there(
    client: TestClient, trained: Project
) -> None:
    assert client.get("api/runs/1").json()["next"] is None
    path = trained.folder / "runs" / "1" / "next.json"
    path.write_text(json.dumps([["rose/1.jpg", "rose", 0.4], ["gone.jpg", "rose", 0.3]]), "utf-8")
    assert client.get("api/runs/1").json()["next"] == [[trained.id_of("rose/1.jpg"), "rose", 0.4]]


def test_a_run_can_be_deleted(client: TestClient) -> None:
    assert client.delete("api/runs/1").json() == {"removed": 1}
    assert client.get("api/runs").json() == []
    assert client.delete("api/runs/1").status_code == 422


def test_too_few_photos_are_said_before_anything_starts(
    client: TestClient, trained: Project
) -> None:
    trained.edit(Edit("label", ("rose/0.jpg",), "lily"))
    answer = client.post("api/runs", json={})
    assert answer.status_code == 422
    assert "Too few photos of lily: a class needs at least 3" in answer.json()["detail"]
    trained.undo()
    trained.edit(Edit("remove", tuple(p.name for p in trained.photos[12:])))
    assert "at least two classes" in client.post("api/runs", json={}).json()["detail"]
    assert [run.number for run in Runs(trained.folder)] == [1]
    assert client.get("api/job").json() is None


@pytest.mark.parametrize(
    "asked",
    [{"recipe": "magic"}, {"title": "x" * 81}, {"settings": {"views": [1]}}],
)
def test_a_training_that_nobody_could_mean(client: TestClient, asked: dict[str, Any]) -> None:
    assert client.post("api/runs", json=asked).status_code == 422


@pytest.mark.parametrize(
    ("wanted", "status", "told"),
    [
        ({"work": "doctor", "run": 2}, 409, "Run 2 is not finished"),
        ({"work": "train", "run": 1}, 409, "finished already"),
        ({"work": "web", "run": 9}, 422, "no run 9"),
        ({"work": "suggest", "run": 1}, 409, "no unsorted photos"),
        ({"work": "dance"}, 422, "work"),
    ],
)
def test_work_that_cannot_be_done(
    client: TestClient, trained: Project, wanted: dict[str, Any], status: int, told: str
) -> None:
    Runs(trained.folder).begin(TINY)
    answer = client.post("api/job", json=wanted)
    assert answer.status_code == status
    assert told in answer.json()["detail"]
