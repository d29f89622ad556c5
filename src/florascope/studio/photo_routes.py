"""What the page asks of a project's photos: the list, edits, uploads, thumbnails, their health."""

import asyncio
import hashlib
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from PIL import Image
from pydantic import BaseModel, Field

from florascope.app.problem import Refusal
from florascope.app.upload import UploadReader
from florascope.app.workers import Admission
from florascope.data.dataset import subset_named
from florascope.data.names import natural_key
from florascope.errors import DataError, FlorascopeError, PhotoError
from florascope.files import new_file
from florascope.images import SUFFIXES, read_photo
from florascope.studio.project import UNSORTED, Change, Edit, Kind, Project
from florascope.studio.worker import HEALTH

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


AT_ONCE = 4  # pictures that are made
KEEP = {"cache-control": "private, max-age=86400"}  # the address changes with each start
NO_PHOTO = "There is no photo {} in this project."
NO_ENDING = "{!r} does not end as a photo does ({}). It was left out."
Id = Annotated[int, Field(ge=0)]


class Wish(BaseModel):
    """An edit as the page asks for it, photos by id; see `florascope.studio.project.Edit`."""

    kind: Kind
    photos: list[Id] = Field(default_factory=list)
    to: str = Field("", max_length=255)
    of: str = Field("", max_length=255)


def photo_routes(
    project: Project, thumbnails: Thumbnails, threads: Admission, reader: UploadReader
) -> APIRouter:
    """Make the routes.

    Args:
        project: the project.
        thumbnails: of its photos.
        threads: where pictures are made and uploads written, beside the event loop.
        reader: receives uploads.
    """
    routes, turn = APIRouter(), asyncio.Semaphore(AT_ONCE)

    @routes.get("/api/project")
    async def everything() -> Response:
        """Tell of every photo, in columns."""
        return Response(json.dumps(_listed(project)), media_type="application/json")

    @routes.post("/api/edits")
    async def edit(wish: Wish) -> dict[str, Any]:
        """Edit labels; the files stay as they are."""
        names = tuple(_photo(project, i) for i in wish.photos)
        return _told(project, project.edit(Edit(wish.kind, names, wish.to.strip(), wish.of)))

    @routes.post("/api/edits/undo")
    async def undo() -> dict[str, Any]:
        """Take back the last edit."""
        return _told(project, project.undo())

    @routes.post("/api/photos")
    async def upload(
        request: Request, path: Annotated[str, Query(min_length=1, max_length=1000)]
    ) -> dict[str, Any]:
        """Keep a copy of one photo; its class is the folder in which it lies."""
        label, file = placed(path)
        threads.check()
        photo = await reader.photo(request)
        added = await threads.run(lambda: project.add(photo, label, file))
        return {"id": added, "label": label}

    @routes.post("/api/corrections")
    async def take() -> dict[str, int]:
        """Take over what people said while they tried a model."""
        return {"taken": await threads.run(project.take_corrections)}

    @routes.get("/api/photos/{photo}/{size}")
    async def picture(
        request: Request, photo: Id, size: Annotated[str, Field(pattern="^(small|large)$")]
    ) -> Response:
        """Show a photo; large ones for looking at, small ones for lists."""
        _photo(project, photo)
        path = project.photos[photo].path
        async with turn:
            if await request.is_disconnected():  # flew past, and wants it no more
                return Response(status_code=HTTPStatus.NO_CONTENT)
            made = await threads.run(lambda: thumbnails(path, size))
        return Response(made, media_type="image/jpeg", headers=KEEP)

    @routes.get("/api/health")
    async def health() -> dict[str, Any]:
        """Tell what the last inspection found and nobody mended yet."""
        return _health(project)

    return routes


def placed(path: str) -> tuple[str, str]:
    """Say which class a dropped file belongs to, and its name.

    Args:
        path: as the browser gives it, below what was dropped: "holiday/rose/1.jpg".

    Raises:
        Refusal: it does not end as a photo does.
    """
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).suffix.lower() not in SUFFIXES:
        told = NO_ENDING.format(parts[-1][:60], ", ".join(sorted(SUFFIXES)[:6]))
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told)
    folder = parts[-2] if len(parts) > 1 else UNSORTED
    return (UNSORTED if subset_named(folder) else " ".join(folder.split())), parts[-1]


def _photo(project: Project, photo: int) -> str:
    """Return a photo's name.

    Raises:
        Refusal: there is none of that id.
    """
    if photo >= len(project.photos):
        raise Refusal(HTTPStatus.NOT_FOUND, NO_PHOTO.format(photo))
    return project.photos[photo].name


def _listed(project: Project) -> dict[str, Any]:
    labels = list(project.labels)
    names = sorted({label for label in labels if label}, key=natural_key)
    index = {name: k for k, name in enumerate(names)} | {UNSORTED: -1, None: -2}
    return {
        "name": project.folder.absolute().name,
        "source": str(project.source or ""),
        "classes": names,
        "names": [photo.name for photo in project.photos],
        "labels": [index[label] for label in labels],
        "confirmed": sorted(project.confirmed),
        "undo": _undo(project),
        "corrections": sum(1 for _ in project.corrections()),
    }


def _told(project: Project, changes: Sequence[Change]) -> dict[str, Any]:
    """Answer an edit: (id, new label) of each photo that changed, null for those left out."""
    confirmed = sorted(project.confirmed)
    return {"changes": list(changes), "undo": _undo(project), "confirmed": confirmed}


def _undo(project: Project) -> dict[str, Any] | None:
    last = project.last
    if last is None:
        return None
    return {"kind": last.kind, "photos": len(last.photos), "to": last.to, "of": last.of}


def _health(project: Project) -> dict[str, Any]:
    try:
        told = json.loads((project.folder / HEALTH).read_text("utf-8"))
    except (OSError, ValueError):
        return {"looked": False, "small": project.too_small()}
    here = _Here(project)
    return {
        "looked": True,
        "photos": told["photos"],
        "now": len(project.labelled()),
        "small": project.too_small(),
        "broken": [[here(name), why] for name, why in told["broken"].items() if here.open(name)],
        "duplicates": here.groups(told["duplicates"]),
        "near": here.groups(told["near"]),
        "suspects": [
            [here(name), looks_like, margin]
            for name, label, looks_like, margin in told["suspects"]
            if here.open(name) and project.labels[here(name)] == label
        ],
        "odd": [here(name) for name in told["odd"] if here.open(name)],
        "noise": told["noise"],
        "remarks": told["remarks"],
    }


class _Here:
    """Photos by name that are still in the project, and not confirmed."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def __call__(self, name: str) -> int:
        found = self._project.id_of(name)
        if found is None:
            raise DataError(f"there is no photo {name!r} in this project", expected="a photo of it")
        return found

    def open(self, name: str) -> bool:
        """Whether a photo still waits for somebody's word."""
        found = self._project.id_of(name)
        if found is None or found in self._project.confirmed:
            return False
        return self._project.labels[found] is not None

    def groups(self, groups: Sequence[Sequence[str]]) -> list[list[int]]:
        """Return the groups of which at least two photos wait."""
        left = ([self(name) for name in group if self.open(name)] for group in groups)
        return [group for group in left if len(group) > 1]
