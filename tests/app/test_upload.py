"""What is no photo is called by its name; what may be one never is."""

import gzip
import io
import json
import zipfile

import pytest
from PIL import Image

from florascope.app.upload import mistaken
from florascope.images import FORMATS


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("photo.jpg", b"")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (gzip.compress(b"x", mtime=0), "gzip"),
        (json.dumps({"photo": "aGVsbG8="}).encode(), "JSON"),
        (b" [1, 2]", "JSON"),
        (archive(), "a ZIP archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"<!doctype html><title>x</title>", "a web page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
    ],
)
def test_by_its_name_with_a_cure(body: bytes, kind: str) -> None:
    told = mistaken(body)
    assert told
    assert told.startswith(f"This is {kind}, not a photo. ")
    assert told.count(".") >= 2


def test_headers() -> None:
    assert "gzip" in str(mistaken(b"\xff\xd8", content_encoding="gzip"))
    assert "compressed (br)" in str(mistaken(b"\xff\xd8", content_encoding="br"))
    assert "JSON" in str(mistaken(b"nonsense", "application/json; charset=utf-8"))
    assert mistaken(b"\xff\xd8", "image/jpeg", "identity") is None


@pytest.mark.parametrize("form", FORMATS)
def test_photos_are_left_alone(form: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, form)
    assert mistaken(file.getvalue()) is None


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"{not json", b"[" * 100_000, b"\0\0\0\x18ftypheic"]
)
def test_what_cannot_be_called_by_a_name(body: bytes) -> None:
    assert mistaken(body) is None
