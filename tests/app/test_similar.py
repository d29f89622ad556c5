"""Similar photos, found again by a plain ONNX Runtime, and their thumbnails over HTTP."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from florascope.app.limits import Limits
from florascope.app.similar import Album, open_album
from florascope.bundle.config import find_bundle
from florascope.data.folder import folder
from florascope.errors import DataError
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.images import read_photo

from .conftest import MODEL, Serve, free_port, wait_for


@pytest.fixture
def server(identifier: Identifier, album: Album, serve: Serve) -> str:
    return serve(identifier, Limits(), album=album)


@pytest.fixture(scope="module")
def found(identifier: Identifier, photo: bytes) -> Identification:
    return identifier(photo)


def features(identifier: Identifier, photo: bytes | Path) -> np.ndarray:
    """Of one photo, of length 1, by ONNX Runtime alone."""
    settings = identifier.config.preprocessing
    image = settings(read_photo(photo, shorter=settings.shorter))[None]
    session = ort.InferenceSession(find_bundle(MODEL) / "model.onnx")
    (values,) = session.run(["features"], {"image": image})
    return np.asarray(values[0] / np.linalg.norm(values[0]))


def test_the_nearest_are_those_of_the_largest_cosine(
    identifier: Identifier, album: Album, shelf: Path, photo: bytes, found: Identification
) -> None:
    near, query = album.similar(found), features(identifier, photo)
    names = [p.name for p in album.photos]
    assert set(near) == {c.class_id for c in found.candidates(top=2)}
    for class_id, ids in near.items():
        files = [shelf / class_id / f"{k}.png" for k in range(6)]
        cosines = [float(features(identifier, file) @ query) for file in files]
        best = sorted(range(6), key=lambda k: -cosines[k])[:4]
        assert [names[int(i)] for i in ids] == [f"{class_id}/{k}.png" for k in best]


def test_photos_of_other_classes_and_broken_ones_are_left_out(album: Album) -> None:
    assert len(album.photos) == len(album.labels) == len(album.features) == 12
    assert not any("no such flower" in p.name or "broken" in p.name for p in album.photos)


def test_a_class_without_photos_is_left_out(album: Album, found: Identification) -> None:
    _, two = found.candidates(top=2)
    only = album.labels == two.index
    photos = tuple(p for p, keep in zip(album.photos, only, strict=True) if keep)
    assert set(Album(photos, album.labels[only], album.features[only]).similar(found)) == {
        two.class_id
    }


def test_a_second_start_looks_at_no_photo_again(
    identifier: Identifier, shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))
    copy = shutil.copytree(shelf, tmp_path / "copy")
    seen: list[int] = []
    first = open_album(identifier, folder(shelf), lambda _, done, __: seen.append(done))
    assert max(seen) == 14  # with the broken one of each class
    seen.clear()
    again = open_album(identifier, folder(copy), lambda _, done, __: seen.append(done))
    assert seen == []
    np.testing.assert_array_equal(again.features, first.features)
    changed = next(copy.glob("[0-9]*")) / "0.png"
    Image.new("RGB", (60, 40), "red").save(changed)
    open_album(identifier, folder(copy), lambda _, done, __: seen.append(done))
    assert seen


def test_a_folder_of_other_things_is_refused(identifier: Identifier, photo_folder: Path) -> None:
    for path in photo_folder.iterdir():
        path.rename(path.with_name(f"{path.name} of glass"))
    with pytest.raises(DataError, match="is one of a class of the model"):
        open_album(identifier, folder(photo_folder))


def test_an_answer_names_them_and_the_server_shows_them(
    server: str, album: Album, photo: bytes, found: Identification
) -> None:
    (result,) = httpx.post(f"{server}/api/identify", content=photo, timeout=60).json()["results"]
    assert result["similar"] == album.similar(found)
    first = result["similar"][found.candidates()[0].class_id][0]
    answer = httpx.get(f"{server}/api/photos/{first}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert b"secret" not in answer.content
    small = Image.open(io.BytesIO(answer.content))
    whole = Image.open(album.photos[int(first)].path).convert("RGB")  # type: ignore[attr-defined]
    assert max(small.size) == 160
    off = np.subtract(np.asarray(small, float), np.asarray(whole.resize(small.size), float))
    assert np.abs(off).mean() < 8


@pytest.mark.parametrize(
    "name", ["12", "-1", "00", "%2B1", "..", "..%2F..%2Fetc%2Fpasswd", "0.png", "%00", "1e0", "٣"]
)
def test_no_other_name_leads_anywhere(server: str, name: str) -> None:
    answer = httpx.get(f"{server}/api/photos/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_photo_that_has_gone_is_unknown(
    identifier: Identifier, shelf: Path, tmp_path: Path, serve: Serve
) -> None:
    copy = shutil.copytree(shelf, tmp_path / "copy")
    server = serve(identifier, Limits(), album=open_album(identifier, folder(copy)))
    assert httpx.get(f"{server}/api/photos/0").status_code == 200
    shutil.rmtree(copy)
    assert httpx.get(f"{server}/api/photos/0").status_code == 404


def test_without_an_album_there_are_none(
    identifier: Identifier, photo: bytes, serve: Serve
) -> None:
    server = serve(identifier, Limits())
    (result,) = httpx.post(f"{server}/api/identify", content=photo, timeout=60).json()["results"]
    assert "similar" not in result
    assert httpx.get(f"{server}/api/photos/0").status_code == 404


def test_the_command_looks_at_the_photos_first(
    shelf: Path, photo: bytes, album: Album, found: Identification, tmp_path: Path
) -> None:
    port = free_port()
    own = ("--port", str(port), "--photos", str(shelf))
    command = [sys.executable, "-m", "florascope", "serve", *own]
    there = {**os.environ, "FLORASCOPE_CACHE": str(tmp_path)}
    nowhere, kept = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, stdout=nowhere, stderr=kept, env=there) as it:
        try:
            wait_for(f"http://127.0.0.1:{port}")
            asked = httpx.post(f"http://127.0.0.1:{port}/api/identify", content=photo, timeout=60)
            assert asked.json()["results"][0]["similar"] == album.similar(found)
        finally:
            it.terminate()
        assert it.stderr
        assert b"12 of 21 photos to compare with" in it.stderr.read()


def test_the_command_refuses_what_is_no_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "florascope", "serve", "--photos", str(tmp_path / "nowhere")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "is no file or folder" in ended.stderr


def test_no_torch() -> None:
    imports = "import sys, florascope.app.similar, florascope.source"
    code = f"{imports}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
