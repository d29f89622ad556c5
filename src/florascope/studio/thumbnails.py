"""Small pictures of photos, made when they are first asked for and kept on disk."""

import hashlib
import io
from contextlib import suppress
from pathlib import Path

from PIL import Image

from florascope.errors import FlorascopeError, PhotoError
from florascope.files import new_file
from florascope.images import read_photo

SIDES = {"small": 192, "large": 1200}  # pixels of the longer side
KEPT = "small"  # large ones are looked at one by one, and made anew
QUALITY = 80


class Thumbnails:
    """A folder of JPEGs, named by what their photos were when they were made.

    Args:
        folder: where they are kept; it can be deleted at any time.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, photo: Path, size: str) -> bytes:
        """Return a JPEG of a photo, upright, without any of its remarks.

        Args:
            photo: the file.
            size: one of SIDES.

        Raises:
            PhotoError: it cannot be read.
        """
        if size != KEPT:
            return _made(photo, SIDES[size])
        place = self._place(photo)
        try:
            return place.read_bytes()
        except OSError:
            made = _made(photo, SIDES[size])
        with suppress(FlorascopeError), new_file(place) as draft:  # a full disk keeps none
            draft.write_bytes(made)
        return made

    def _place(self, photo: Path) -> Path:
        """Name a thumbnail: a photo that was changed since gets another."""
        try:
            found = photo.stat()
        except OSError as error:
            raise PhotoError(
                f"{photo} cannot be read ({error.strerror})", expected="a photo file"
            ) from error
        state = f"{photo.absolute()} {found.st_size} {found.st_mtime_ns}"
        key = hashlib.blake2b(state.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()
        return self._folder / key[:2] / f"{key}.jpg"


def _made(photo: Path, side: int) -> bytes:
    image, file = Image.fromarray(read_photo(photo, shorter=side)), io.BytesIO()
    image.thumbnail((side, side))
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
