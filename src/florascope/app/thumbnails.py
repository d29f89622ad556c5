"""The photos of an album, small, for the page."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Response

from florascope.app.gate import Gate
from florascope.app.limits import Limits
from florascope.app.problem import Refusal, described
from florascope.app.similar import SIDE, Album

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": f"At most {SIDE} pixels a side"},
    **described(HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS),
}
LIMITS = Limits(workers=1, waiting=64)  # a page asks for several at once; answers come first
UNKNOWN = "There is no photo of this id. Ids stand in `similar` of /api/identify's answers."


def show_photos(app: FastAPI, album: Album | None) -> Gate:
    """Let an app answer GET /api/photos/{photo_id}; without an album nothing is there.

    Returns:
        The gate that makes them, to be closed with the app.
    """
    gate = Gate(LIMITS)

    @app.get("/api/photos/{photo_id}", responses=ANSWERS, response_class=Response)
    async def photo(photo_id: str) -> Response:
        """A small copy of a photo that `similar` of an answer names."""
        made = None if album is None else await gate.run(lambda: album.thumbnail(photo_id))
        if made is None:
            raise Refusal(HTTPStatus.NOT_FOUND, UNKNOWN)
        return Response(made, media_type="image/jpeg")

    return gate
