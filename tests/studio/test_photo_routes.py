"""The photos as the page asks for them."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from florascope.studio.project import Project


def test_everything_in_columns(client: TestClient, trained: Project) -> None:
    told = client.get("api/project").json()
    assert told["classes"] == ["daisy", "rose", "violet"]
    assert told["names"] == [photo.name for photo in trained.photos]
    assert told["labels"] == [0] * 12 + [1] * 12 + [2] * 12
    assert (told["undo"], told["corrections"], told["name"]) == (None, 0, "mine")


def test_an_edit_tells_what_changed_and_is_undone(client: TestClient) -> None:
    told = client.post("api/edits", json={"kind": "label", "photos": [0, 13], "to": "rose"}).json()
    assert told["changes"] == [[0, "rose"]]
    assert told["undo"] == {"kind": "label", "photos": 2, "to": "rose", "of": ""}
    assert client.post("api/edits", json={"kind": "remove", "photos": [1]}).json()["changes"] == [
        [1, None]
    ]
    assert client.get("api/project").json()["labels"][:2] == [1, -2]
    assert client.post("api/edits/undo").json()["changes"] == [[1, "daisy"]]
    assert client.post("api/edits/undo").json() == {
        "changes": [[0, "daisy"]],
        "undo": None,
        "confirmed": [],
    }
    assert client.post("api/edits/undo").status_code == 422


@pytest.mark.parametrize(
    ("wish", "status", "told"),
    [
        ({"kind": "label", "photos": [36], "to": "rose"}, 404, "no photo 36"),
        ({"kind": "label", "photos": [-1], "to": "rose"}, 422, "greater than or equal"),
        ({"kind": "label", "photos": [0], "to": "a/b"}, 422, "cannot name a class"),
        ({"kind": "burn", "photos": [0]}, 422, "kind"),
        ({"kind": "rename", "of": "tulip", "to": "rose"}, 422, "no class 'tulip'"),
    ],
)
def test_what_cannot_be_edited(
    client: TestClient, wish: dict[str, object], status: int, told: str
) -> None:
    answer = client.post("api/edits", json=wish)
    assert answer.status_code == status
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "label", "name"),
    [
        ("garden/lily/1.jpg", "lily", "added/lily/1.jpg"),
        ("lily/1.jpg", "lily", "added/lily/1.jpg"),
        ("data/train/ lily  of may/1.JPG", "lily of may", "added/lily of may/1.JPG"),
        ("1.jpg", "", "added/_/1.jpg"),
        ("train/1.jpg", "", "added/_/1.jpg"),
    ],
)
def test_a_dropped_photo_gets_its_folders_class(
    client: TestClient, trained: Project, photo: bytes, path: str, label: str, name: str
) -> None:
    told = client.post("api/photos", params={"path": path}, content=photo).json()
    assert told == {"id": 36, "label": label}
    assert trained.photos[36].name == name
    assert trained.labels[36] == label
    assert client.post("api/photos", params={"path": path}, content=photo).json()["id"] is None


@pytest.mark.parametrize(
    ("path", "content", "status", "told"),
    [
        ("rose/notes.txt", b"hello", 415, "does not end as a photo does"),
        ("rose/1.jpg", b"PK\x03\x04 zip", 415, "ZIP archive"),
        ("rose/1.jpg", b"", 400, "empty"),
        ("a:b/1.jpg", b"\xff\xd8\xff", 422, "cannot name a class"),
        ("rose/.1.jpg", b"\xff\xd8\xff", 422, "cannot name a photo's file"),
    ],
)
def test_what_is_no_photo_is_refused(
    client: TestClient, trained: Project, path: str, content: bytes, status: int, told: str
) -> None:
    answer = client.post("api/photos", params={"path": path}, content=content)
    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert len(trained.photos) == 36


def test_pictures_in_two_sizes(client: TestClient) -> None:
    small = client.get("api/photos/0/small")
    assert Image.open(io.BytesIO(small.content)).size == (80, 60)
    assert small.headers["cache-control"].startswith("private")
    assert client.get("api/photos/0/large").headers["content-type"] == "image/jpeg"
    assert client.get("api/photos/36/small").status_code == 404
    assert client.get("api/photos/0/huge").status_code == 422


def test_a_damaged_photo_is_kept_and_says_so(client: TestClient) -> None:
    client.post("api/photos", params={"path": "rose/x.jpg"}, content=b"\xff\xd8\xff no photo")
    answer = client.get("api/photos/36/small")
    assert answer.status_code == 422
    assert "damaged" in answer.json()["detail"] or "cannot be read" in answer.json()["detail"]


HEALTH = {
    "photos": 36,
    "broken": {"rose/1.jpg": "rose/1.jpg is damaged"},
    "duplicates": [["daisy/0.jpg", "daisy/1.jpg", "gone.jpg"]],
    "near": [["rose/2.jpg", "rose/3.jpg"]],
    "suspects": [["violet/0.jpg", "violet", "rose", 0.9], ["violet/1.jpg", "violet", "rose", 0.5]],
    "odd": ["daisy/5.jpg"],
    "noise": 0.1,
    "remarks": [],
}


def test_health_forgets_what_is_mended(client: TestClient, trained: Project) -> None:
    assert client.get("api/health").json() == {"looked": False, "small": []}
    Path(trained.folder / "health.json").write_text(json.dumps(HEALTH), encoding="utf-8")
    told = client.get("api/health").json()
    assert told["broken"] == [[13, "rose/1.jpg is damaged"]]
    assert told["duplicates"] == [[0, 1]]
    assert [row[0] for row in told["suspects"]] == [24, 25]
    assert (told["now"], told["photos"], told["noise"], told["odd"]) == (36, 36, 0.1, [5])
    for wish in (
        {"kind": "remove", "photos": [13, 1]},
        {"kind": "label", "photos": [24], "to": "rose"},
        {"kind": "confirm", "photos": [25, 14, 15, 5]},
    ):
        client.post("api/edits", json=wish).raise_for_status()
    told = client.get("api/health").json()
    assert [told[k] for k in ("broken", "duplicates", "near", "suspects", "odd")] == [[]] * 5
    assert told["now"] == 34
