"""Similar photos of a labelled folder, with thumbnails."""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Response
from PIL import Image

from florascope.app.limits import Limits
from florascope.app.problem import Refusal, described
from florascope.app.workers import Admission
from florascope.bundle.config import GRAPH, MAX_GRAPH, read_own_file
from florascope.calibration.similarity import nearest
from florascope.data.dataset import Dataset, Photo, read_shrunken
from florascope.data.names import match_classes
from florascope.errors import BundleError, DataError, PhotoError
from florascope.files import cache_dir, new_file
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.images import readable_formats
from florascope.parallel import in_order
from florascope.progress import Progress, silent, track
from florascope.shapes import Float32, Int64

SIDE = 160  # pixels of a thumbnail's longer side
LARGE = 1024  # of a photo that is looked at
QUALITY = 82  # of its JPEG
MOST = 4  # photos of a class
CLASSES = 2  # the first candidate and its rival
DECODING = 1  # raised whenever the same photo would give other features

Features = Float32[np.ndarray, "n c"]


@dataclass(frozen=True, eq=False)
class Album:
    """Labelled photos by what the network makes of them; pixels are read when one is shown.

    Attributes:
        photos: the n photos.
        labels: (n,) indexes into the bundle's classes.
        features: (n, c) what the head reads.
    """

    photos: tuple[Photo, ...]
    labels: Int64[np.ndarray, "n"]
    features: Features

    @cached_property
    def _places(self) -> dict[str, int]:
        return {str(k): k for k in range(len(self.photos))}

    def similar(self, found: Identification) -> dict[str, list[str]]:
        """Return the ids of the nearest photos of the first candidate and of its rival.

        Returns:
            By class id, at most MOST each, nearest first; classes without photos are left out.
        """
        query = found.observation.features
        if query is None:
            return {}
        near = {}
        for candidate in found.candidates(top=CLASSES):
            among = np.flatnonzero(self.labels == candidate.index)
            if len(among):
                chosen = nearest(self.features, query, among, MOST)
                near[candidate.class_id] = [str(k) for k in chosen]
        return near

    def thumbnail(self, photo_id: str, side: int = SIDE) -> bytes | None:
        """Return a small JPEG, made from the pixels alone; None where there is no such photo.

        Args:
            photo_id: as `similar` gave it. It is compared, never made into a path.
            side: pixels of its longer side, at most.
        """
        place = self._places.get(photo_id)
        if place is None:
            return None
        try:
            pixels = read_shrunken(self.photos[place], side)
        except PhotoError:  # taken away or damaged since the start
            return None
        image, file = Image.fromarray(pixels), io.BytesIO()
        image.thumbnail((side, side))
        image.save(file, "JPEG", quality=QUALITY)
        return file.getvalue()


def open_album(identifier: Identifier, dataset: Dataset, progress: Progress = silent) -> Album:
    """Embed a data set's photos with a bundle's own graph, once for equal photos and graphs.

    Photos of classes that the bundle does not have, and those that cannot be read, are left out.

    Args:
        identifier: the bundle.
        dataset: photos whose classes are called as the bundle's: by id or by a name.
        progress: told after each photo.

    Raises:
        BundleError: the bundle's graph gives no features.
        DataError: no photo is left.
    """
    table = match_classes(dataset.classes, identifier.config.classes)
    labels = np.array([table[k] for k in dataset.labels], dtype=np.int64)
    photos = [photo for photo, label in zip(dataset.photos, labels, strict=True) if label >= 0]
    features = _features(identifier, photos, progress)
    kept = np.flatnonzero(np.isfinite(features).all(axis=1))
    if not len(kept):
        raise DataError(
            f"no photo of {dataset.name} is one of a class of the model, and readable",
            expected=f"classes such as {', '.join(c.id for c in identifier.config.classes[:5])}",
            fix="Name the class folders after the model's classes (see /api/model)",
        )
    return Album(tuple(photos[k] for k in kept), labels[labels >= 0][kept], features[kept])


def _features(identifier: Identifier, photos: Sequence[Photo], progress: Progress) -> Features:
    """Return (n, c), from the cache where there; a row of NaN where a photo cannot be read."""
    shape = (len(photos), identifier.config.num_features)
    if not photos:
        return np.empty(shape, np.float32)
    path = cache_dir() / "albums" / f"{_key(identifier, photos)}.npy"
    try:
        kept: Features = np.load(path, allow_pickle=False)
    except (OSError, ValueError):
        kept = np.empty((0, 0), np.float32)
    if kept.shape == shape and kept.dtype == np.float32:
        return kept
    rows = in_order(lambda photo: _embed(identifier, photo), photos)
    made: Features = np.stack(list(track(rows, len(photos), "Looking at the photos", progress)))
    with new_file(path) as draft, draft.open("wb") as file:
        np.save(file, made, allow_pickle=False)
    return made


def _embed(identifier: Identifier, photo: Photo) -> Float32[np.ndarray, "c"]:
    width, shorter = identifier.config.num_features, identifier.config.preprocessing.shorter
    try:
        found = identifier.observe(read_shrunken(photo, shorter)).features
    except PhotoError:
        return np.full(width, np.nan, np.float32)
    if found is None:
        raise BundleError(
            "the bundle's graph gives no features",
            expected="a bundle that training wrote, whose photos can be compared",
            fix="Leave out `photos`",
        )
    return found


def _key(identifier: Identifier, photos: Sequence[Photo]) -> str:
    """Return a name that is equal for equal photos, graphs and preprocessing."""
    decoding = [DECODING, readable_formats(), identifier.config.preprocessing.to_json()]
    digest = hashlib.blake2b(read_own_file(identifier.bundle, GRAPH, MAX_GRAPH), digest_size=16)
    digest.update(json.dumps(decoding).encode())
    for name in in_order(_digest, photos):
        digest.update(name.encode())
    return digest.hexdigest()


def _digest(photo: Photo) -> str:
    try:
        return photo.digest()
    except PhotoError:
        return f"unreadable {photo.name}"


ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": f"At most {SIDE} pixels a side"},
    **described(
        HTTPStatus.NOT_FOUND,
        HTTPStatus.UNPROCESSABLE_ENTITY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.MISDIRECTED_REQUEST,
    ),
}
Large = Annotated[bool, Query(description=f"At most {LARGE} pixels a side")]
LIMITS = Limits(workers=1, waiting=64)  # a page asks for several at once; answers come first
UNKNOWN = "There is no photo of this id. Ids stand in `similar` of /api/identify's answers."


def show_photos(app: FastAPI, album: Album | None) -> Admission:
    """Let an app answer GET /api/photos/{photo_id}; without an album nothing is there.

    Returns:
        What makes them, to be closed with the app.
    """
    threads = Admission(LIMITS)

    @app.get("/api/photos/{photo_id}", responses=ANSWERS, response_class=Response)
    async def photo(photo_id: str, large: Large = False) -> Response:  # noqa: FBT002
        """A small copy of a photo that `similar` of an answer names."""
        side = LARGE if large else SIDE
        made = None if album is None else await threads.run(lambda: album.thumbnail(photo_id, side))
        if made is None:
            raise Refusal(HTTPStatus.NOT_FOUND, UNKNOWN)
        return Response(made, media_type="image/jpeg")

    return threads
