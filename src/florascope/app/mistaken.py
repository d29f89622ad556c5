"""What is sent instead of a photo now and then, and what to do about it."""

import json

SIGNATURES = (
    (0, b"\x1f\x8b", "gzip"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"%PDF", "a PDF"),
    (4, b"ftypmp4", "a video"),
    (4, b"ftypisom", "a video"),
    (4, b"ftypqt", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"<!DOCTYPE", "a web page"),
    (0, b"<html", "a web page"),
    (0, b"<svg", "an SVG drawing"),
)
CURES = {
    "gzip": "Send the photo itself, uncompressed: photo formats are compressed already.",
    "JSON": "Send the photo's bytes as the body, or as a form's file, not inside JSON.",
    "a ZIP archive": "Unpack it and send one photo.",
    "a PDF": "Save its page as a JPEG or PNG first.",
    "a video": "Send one picture of it.",
    "a web page": "Send the picture, not the page that shows it.",
    "an SVG drawing": "Send a photo; a drawing can be saved as PNG.",
}


def mistaken(body: bytes, content_type: str = "", content_encoding: str = "") -> str | None:
    """Say what was sent instead of a photo, and the cure; None where it may well be one.

    Args:
        body: what was sent.
        content_type: header, trusted only where it says that this is no photo.
        content_encoding: header; a photo that was compressed on its way is not unpacked, since
            a few kilobytes may hold gigabytes.
    """
    if content_encoding not in {"", "identity"}:
        way = "gzip" if "gzip" in content_encoding else f"compressed ({content_encoding[:20]})"
        return f"This is {way}, not a photo. {CURES['gzip']}"
    kind = _kind(body, content_type)
    return kind and f"This is {kind}, not a photo. {CURES[kind]}"


def _kind(body: bytes, content_type: str) -> str | None:
    for at, signature, kind in SIGNATURES:
        if body[at : at + len(signature)].lower() == signature.lower():
            return kind
    if content_type.partition(";")[0].strip().lower().endswith(("/json", "+json")) or _json(body):
        return "JSON"
    return None


def _json(body: bytes) -> bool:
    if body[:64].lstrip()[:1] not in {b"{", b"["}:
        return False
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
