"""Photos that people name: kept where it is allowed, for training as they lie, without place."""

import io
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import ExifTags, Image
from tests.support.surroundings import full_disk

from florascope.app.collection import UNSURE, Collection, is_folder_name
from florascope.app.limits import Limits
from florascope.app.problem import Refusal
from florascope.app.schema import KeptShape
from florascope.data.dataset import ClassName
from florascope.data.folder import folder
from florascope.data.oxford102 import oxford102_classes
from florascope.errors import DataError, PhotoError
from florascope.identify.identifier import Identifier

from .conftest import Serve

CLASSES = (ClassName("1", "rose"), ClassName("2", "a/b"), ClassName("3", "a:c?"))


def picture(seed: int = 0, *, turned: bool = False) -> bytes:
    """A JPEG that tells where it was taken, and perhaps lies on its side."""
    told = Image.Exif()
    told[ExifTags.Base.Make] = "a camera"
    if turned:
        told[ExifTags.Base.Orientation] = 6
    told.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    pixels = np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=told)
    return file.getvalue()


def kept(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.jpg"))


def test_training_takes_the_folder_as_it_is(tmp_path: Path) -> None:
    collection = Collection(tmp_path, CLASSES)
    for seed in range(3):
        assert collection.keep(picture(seed), "1", sure=True) == "rose"
    collection.keep(picture(3), "ROSE", sure=False)
    collection.keep(picture(4), "  great   hairy willow-herb ", sure=True)
    data = folder(tmp_path)
    assert [c.name for c in data.classes] == ["great hairy willow-herb", "rose"]
    assert np.bincount(data.labels).tolist() == [1, 3]
    assert len(list((tmp_path / UNSURE / "rose").iterdir())) == 1


def test_no_place_and_no_camera_is_kept_and_photos_are_upright(tmp_path: Path) -> None:
    Collection(tmp_path, CLASSES).keep(picture(turned=True), "rose", sure=True)
    (path,) = tmp_path.rglob("*.jpg")
    with Image.open(path) as image:
        assert image.size == (30, 40)
        assert not image.getexif()
        assert "exif" not in image.info
    assert b"camera" not in path.read_bytes()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    collection = Collection(tmp_path, CLASSES)
    collection.keep(picture(), "rose", sure=True)
    (path,) = tmp_path.rglob("*.jpg")
    path.write_bytes(b"mended by hand")
    collection.keep(picture(), "rose", sure=True)
    assert path.read_bytes() == b"mended by hand"
    assert len(kept(tmp_path)) == 1


def test_a_class_whose_name_is_no_folder_goes_by_its_id(tmp_path: Path) -> None:
    collection = Collection(tmp_path, CLASSES)
    collection.keep(picture(), "a/b", sure=True)
    collection.keep(picture(), "3", sure=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        ".hidden",
        "a/b/c",
        "a\\b",
        "C:",
        "train",
        "valid",
        "bundle",
        "__MACOSX",
        "dot.",
        "CON",
        "lpt1.rose",
        "x" * 101,
        "a\x00b",
        "a\u202eb",
    ],
)
def test_names_that_are_no_folders(tmp_path: Path, name: str) -> None:
    assert not is_folder_name(name)
    with pytest.raises(DataError, match="cannot name a class"):
        Collection(tmp_path, ()).keep(picture(), name, sure=True)
    assert not list(tmp_path.iterdir())


def test_every_class_of_the_shipped_model_is_filed(tmp_path: Path) -> None:
    for known in oxford102_classes():
        assert is_folder_name(known.name), known


def test_a_full_collection(tmp_path: Path) -> None:
    collection = Collection(tmp_path, CLASSES, most=1)
    collection.keep(picture(0), "rose", sure=True)
    with pytest.raises(Refusal, match=r"full \(1 photos\)"):
        collection.keep(picture(1), "rose", sure=True)
    with pytest.raises(PhotoError):
        collection.keep(b"no photo", "rose", sure=True)


def test_a_disk_that_cannot_be_written(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "rose").write_text("a file in the way")
    with pytest.raises(Refusal, match="cannot write its collection"):
        Collection(tmp_path, CLASSES).keep(picture(), "rose", sure=True)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    with full_disk(100), pytest.raises(Refusal, match="cannot write its collection") as raised:
        Collection(tmp_path, CLASSES).keep(picture(), "rose", sure=True)
    assert raised.value.status == HTTPStatus.INSUFFICIENT_STORAGE
    assert kept(tmp_path) == []


def test_by_http(identifier: Identifier, serve: Serve, tmp_path: Path) -> None:
    server = serve(identifier, Limits(), collection=Collection(tmp_path, identifier.config.classes))
    assert httpx.get(f"{server}/api/model").json()["collects"] is True
    told = httpx.post(f"{server}/api/collect?name=94", content=picture(), timeout=60)
    assert KeptShape.model_validate_json(told.content).name == "foxglove"
    unsure = httpx.post(
        f"{server}/api/collect",
        params={"name": "dedalera", "sure": "false"},
        content=picture(1),
        timeout=60,
    )
    assert unsure.json() == {"name": "foxglove", "sure": False}
    assert [Path(name).parent.as_posix() for name in kept(tmp_path)] == [
        ".unsure/foxglove",
        "foxglove",
    ]
    outside = httpx.post(f"{server}/api/collect?name=..%2F..%2Fetc", content=picture(), timeout=60)
    assert outside.status_code == 422
    assert "cannot name a class" in outside.json()["detail"]


def test_nothing_is_kept_where_nobody_allowed_it(server: str) -> None:
    assert httpx.get(f"{server}/api/model").json()["collects"] is False
    told = httpx.post(f"{server}/api/collect?name=94", content=picture(), timeout=60)
    assert told.status_code == 404
    assert "keeps no photos" in told.json()["detail"]
