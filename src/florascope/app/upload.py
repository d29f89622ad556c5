"""The photo in a request's body, never larger in memory than the limit."""

import json
import logging
from http import HTTPStatus
from typing import Any, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from florascope.app.limits import Limits
from florascope.app.problem import Refusal, busy
from florascope.data.dataset import is_showable
from florascope.errors import PhotoError

FIELD = "photo"
FORM = b"multipart/form-data"
FILE: dict[str, Any] = {"type": "string", "format": "binary"}
NO_FORM = f"No photos came. Send them as the files {FIELD!r} of one form (multipart/form-data)."
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


def form(photos: dict[str, Any]) -> dict[str, Any]:
    """Describe a form for OpenAPI, by the schema of its one field."""
    schema = {"type": "object", "required": [FIELD], "properties": {FIELD: photos}}
    return {FORM.decode(): {"schema": schema}}


class File(NamedTuple):
    """One file of a form: its field, its name as it is shown, and what it holds."""

    field: bytes
    name: str
    content: bytes


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
        body = await self._body(request, self._limits.max_bytes)
        headers = request.headers
        named = headers.get("content-type", "")
        files = _files(body, named)
        photo = body if files is None else _chosen(files)
        if told := mistaken(photo or b"", named, headers.get("content-encoding", "")):
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told)
        if not photo:
            raise Refusal(HTTPStatus.BAD_REQUEST, _missing(photo))
        return photo

    async def photos(self, request: Request, most: int) -> list[File]:
        """Read all files of a multipart form, whatever each is.

        Args:
            request: a POST.
            most: files that it may hold.

        Raises:
            Refusal: the body is too large, cut off or no form, or holds no file or too many.
        """
        body = await self._body(request, self._limits.several_bytes)
        files = _files(body, request.headers.get("content-type", ""))
        if not files:
            raise Refusal(HTTPStatus.BAD_REQUEST, NO_FORM)
        if len(files) > most:
            told = f"{len(files)} photos came, of which at most {most} are answered at a time."
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{told} Send the rest later.")
        return files

    def check(self, file: File) -> bytes:
        """Return a file's bytes, if it may be a photo.

        Raises:
            PhotoError: it is empty, too large, or plainly something else.
        """
        if not file.content:
            raise PhotoError("the photo is empty (0 bytes)", expected="a photo's bytes")
        if len(file.content) > self._limits.max_bytes:
            raise PhotoError(_too_large(self._limits.max_bytes).detail)
        if told := mistaken(file.content):
            raise PhotoError(told)
        return file.content

    async def _body(self, request: Request, most: int) -> bytes:
        """Collect the body, and stop at the first byte too many, whatever its headers promise."""
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


def _files(body: bytes, content_type: str) -> list[File] | None:
    """Return the files of a form, in their order; None where the body is no form."""
    kind, options = parse_options_header(content_type)
    if kind != FORM:
        return None
    found: list[File] = []

    def keep(file: Any) -> None:  # noqa: ANN401 (the parser's file)
        file.file_object.seek(0)
        field, name = (part or b"" for part in (file.field_name, file.file_name))
        found.append(File(field, _shown(name, len(found) + 1), file.file_object.read()))

    try:
        parser = FormParser(
            FORM.decode(),
            lambda _: None,
            keep,
            boundary=options.get(b"boundary"),
            config={"MAX_MEMORY_FILE_SIZE": len(body)},
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"The form cannot be read: {error}.") from error
    return found


def _shown(name: bytes, number: int) -> str:
    """Return a file's name if it can be shown; it is repeated to its sender alone."""
    text = name.decode("utf-8", "replace")
    return text if is_showable(text) else f"{FIELD} {number}"


def _chosen(files: list[File]) -> bytes | None:
    """Find the photo in a form; the first file where none has the right name, None where none."""
    named = [file for file in files if file.field == FIELD.encode()] or files
    return named[0].content if named else None


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
