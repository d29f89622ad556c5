"""The photo in a request's body, never larger in memory than the limit."""

import json
import logging
from http import HTTPStatus
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from florascope.app.limits import Limits
from florascope.app.problem import Refusal, busy

FIELD = "photo"
FORM = b"multipart/form-data"
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

# The client is told what is wrong with its form; a line each would let strangers fill the log.
logging.getLogger("python_multipart").addHandler(logging.NullHandler())


class UploadReader:
    """Receives photos, never holding more bytes than the limits.

    Args:
        limits: of one body and of all together.

    Attributes:
        held: bytes of the bodies that are being received.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits, self.held = limits, 0

    async def photo(self, request: Request) -> bytes:
        """Read the photo: the whole body, or the file `photo` of a multipart form.

        Names and types that the client gives are not used.

        Raises:
            Refusal: the body is too large, empty, cut off, plainly no photo, or a form without one.
        """
        body = await self._body(request)
        headers = request.headers
        named = headers.get("content-type", "")
        kind, options = parse_options_header(named)
        photo = _part(body, options.get(b"boundary"), len(body)) if kind == FORM else body
        if told := mistaken(photo or b"", named, headers.get("content-encoding", "")):
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told)
        if not photo:
            raise Refusal(HTTPStatus.BAD_REQUEST, _missing(photo))
        return photo

    async def _body(self, request: Request) -> bytes:
        """Collect the body, and stop at the first byte too many, whatever its headers promise."""
        most = self._limits.max_bytes
        promised = request.headers.get("content-length", "")
        if promised.isdecimal() and int(promised) > most:
            raise _too_large(most)
        parts, size = [], 0
        try:
            async for part in request.stream():
                size += len(part)
                self.held += len(part)
                if size > most:
                    raise _too_large(most)
                if self.held > self._limits.held_bytes:
                    raise busy()
                parts.append(part)
        except ClientDisconnect as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, "The upload was cut off.") from error
        finally:
            self.held -= size
        return b"".join(parts)


def _missing(photo: bytes | None) -> str:
    if photo is None:
        return f"No photo came: the form holds no file. Send it as the file {FIELD!r}."
    return (
        "No photo came: it is empty (0 bytes). Send its bytes as the body, or as the file"
        f" {FIELD!r} of a form."
    )


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The photo is larger than {max_bytes / 2**20:.0f} MB. Send a smaller copy;"
        " 1000 pixels across are plenty.",
        Connection="close",
    )


def _part(body: bytes, boundary: bytes | None, max_bytes: int) -> bytes | None:
    """Find the photo in a form; the first file where none has the right name, None where none."""
    found: dict[bytes, bytes] = {}

    def keep(file: Any) -> None:  # noqa: ANN401 (the parser's file)
        file.file_object.seek(0)
        found.setdefault(file.field_name or b"", file.file_object.read())
        file.close()

    try:
        parser = FormParser(
            FORM.decode(),
            lambda _: None,
            keep,
            boundary=boundary,
            config={"MAX_MEMORY_FILE_SIZE": max_bytes},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"The form cannot be read: {error}.") from error
    return found.get(FIELD.encode(), next(iter(found.values()), None))


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
