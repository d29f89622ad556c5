"""The photos as the page asks for them."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from starlette.testclient import TestClient

from florascope.errors import PhotoError
from florascope.studio.photo_routes import Thumbnails
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


def save(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (900, 600)) -> Path:
    told = Image.Exif()
    told[ExifTags.Base.ImageDescription] = "a secret garden"
    Image.new("RGB", size, colour).save(path, exif=told)
    return path


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_sizes_and_remarks(tmp_path: Path) -> None:
    make, photo = Thumbnails(tmp_path / "kept"), save(tmp_path / "a.jpg", (200, 30, 60))
    small = make(photo, "small")
    assert opened(small).size == (192, 128)
    assert opened(make(photo, "large")).size == (900, 600)
    assert b"secret" in photo.read_bytes()
    assert b"secret" not in small
    assert np.abs(np.asarray(opened(small), int) - (200, 30, 60)).max() < 6


def test_one_is_made_once_until_its_photo_changes(tmp_path: Path) -> None:
    make, photo = Thumbnails(tmp_path / "kept"), save(tmp_path / "a.jpg", (200, 30, 60))
    first = make(photo, "small")
    (kept,) = (tmp_path / "kept").rglob("*.jpg")
    kept.write_bytes(b"from the disk")
    assert make(photo, "small") == b"from the disk"
    save(photo, (20, 30, 160))
    os.utime(photo, ns=(1, 1))
    assert make(photo, "small") not in {first, b"from the disk"}


def test_a_photo_that_cannot_be_read(tmp_path: Path) -> None:
    make, broken = Thumbnails(tmp_path), tmp_path / "broken.jpg"
    with pytest.raises(PhotoError, match="cannot be read"):
        make(broken, "small")
    broken.write_bytes(b"\xff\xd8\xff no photo")
    with pytest.raises(PhotoError, match=r"broken.jpg"):
        make(broken, "small")


def test_a_place_that_cannot_be_written_keeps_none(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("no folder", encoding="utf-8")
    photo = save(tmp_path / "a.jpg", (200, 30, 60))
    assert opened(Thumbnails(tmp_path / "kept")(photo, "small")).size == (192, 128)
