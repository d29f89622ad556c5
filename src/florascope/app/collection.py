"""Photos that people say the names of, kept where the operator allows it, for the next training."""

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request

from florascope.app.problem import REFUSALS, Refusal, described
from florascope.app.schema import KeptShape
from florascope.app.workers import WorkerPool
from florascope.data.dataset import ClassName, is_showable, subset_named
from florascope.data.listing import RUN_PARTS, is_system
from florascope.data.names import match_classes
from florascope.errors import DataError, FlorascopeError
from florascope.images import read_photo, write_picture

UNSURE = ".unsure"  # hidden, so that training passes it by
QUALITY = 95
LONGEST = 100  # characters of a name
MOST = 10_000  # photos
DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows no file
FORBIDDEN = frozenset('/\\:*?"<>|')  # in names of files, on one system or another


@dataclass(frozen=True)
class Collection:
    """A folder of class folders, as training takes it.

    Attributes:
        folder: where; names that are not sure lie in `.unsure` below it, which training passes by.
        classes: the model's, whose names photos are filed under.
        most: photos that it may hold.
    """

    folder: Path
    classes: tuple[ClassName, ...]
    most: int = MOST
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def keep(self, photo: bytes, name: str, *, sure: bool) -> str:
        """Keep a photo's pixels under what somebody says it shows; nothing is ever overwritten.

        The photo is written anew as a JPEG, upright, without place, time, camera or any other
        remark. It is named by its pixels, so that the same photo is kept once under a name.

        Args:
            photo: a photo's bytes.
            name: a class's id or name, or one that the model does not have.
            sure: whether whoever says so is.

        Returns:
            The class's name.

        Raises:
            DataError: the name cannot be a class folder's.
            PhotoError: it is no photo that can be read.
            Refusal: the folder is full, or cannot be written.
        """
        known = self._filed(name)
        pixels = read_photo(photo)
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=12).hexdigest()
        path = (self.folder if sure else self.folder / UNSURE) / known / f"{digest}.jpg"
        with self._lock:
            if path.exists():
                return known
            self._check_room()
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_picture(path, pixels, "JPEG", quality=QUALITY, subsampling=0)
            except (OSError, FlorascopeError) as error:  # its sentence would tell the folder
                raise Refusal(HTTPStatus.INSUFFICIENT_STORAGE, UNWRITTEN) from error
        return known

    def _filed(self, name: str) -> str:
        """Return the folder's name for a class."""
        wanted = " ".join(name.split())
        (index,) = match_classes([ClassName(wanted, wanted)], self.classes)
        own = [self.classes[index].name, self.classes[index].id] if index >= 0 else [wanted]
        found = next(filter(is_folder_name, own), None)
        if found is None:
            raise DataError(
                f"{name[:60]!r} cannot name a class",
                expected=f"a name of at most {LONGEST} letters, digits and spaces",
            )
        return found

    def _check_room(self) -> None:
        held = sum(1 for _ in self.folder.rglob("*.jpg"))
        if held >= self.most:
            raise Refusal(HTTPStatus.INSUFFICIENT_STORAGE, FULL.format(held))


def is_folder_name(name: str) -> bool:
    """Whether training would take a folder of that name as a class, on any system."""
    plain = is_showable(name) and len(name) <= LONGEST and not FORBIDDEN & set(name)
    taken = is_system(name) or subset_named(name) or name in RUN_PARTS or DEVICE.fullmatch(name)
    return plain and not taken and not name.endswith(".")


FULL = "The collection is full ({} photos). Ask whoever runs this server to empty it."
UNWRITTEN = "The photo could not be kept: the server cannot write its collection."
CLOSED = "This server keeps no photos. Whoever runs it can let it keep them."
ANSWERS = {
    **REFUSALS,
    **described(HTTPStatus.NOT_FOUND, HTTPStatus.INSUFFICIENT_STORAGE),
}
Name = Annotated[str, Query(min_length=1, max_length=LONGEST, description="Its id or name")]
Sure = Annotated[bool, Query(description="Whether you are sure of it")]


def collect_photos(
    app: FastAPI, collection: Collection | None, pool: WorkerPool, body: dict[str, object]
) -> None:
    """Let an app keep what POST /api/collect sends; without a collection nothing is kept.

    Args:
        app: the app.
        collection: where; None keeps nothing.
        pool: what reads photos.
        body: how OpenAPI describes a request with a photo.
    """

    @app.post("/api/collect", responses=ANSWERS, response_model=KeptShape, openapi_extra=body)
    async def collect(request: Request, name: Name, sure: Sure = True) -> dict[str, object]:  # noqa: FBT002
        """Keep a photo with its name, where the server was started with --collect."""
        if collection is None:
            raise Refusal(HTTPStatus.NOT_FOUND, CLOSED)
        kept = await pool.work(request, lambda photo: collection.keep(photo, name, sure=sure))
        return {"name": kept, "sure": sure}
