"""The HTTP API and the page around one identifier."""

import io
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image

from florascope.app.answer import answer, evidence_map, index_of
from florascope.app.gate import Gate
from florascope.app.limits import Limits
from florascope.app.measures import Measures
from florascope.app.problem import described, speak_problems
from florascope.app.shield import Shield
from florascope.app.similar import Album
from florascope.app.thumbnails import show_photos
from florascope.app.upload import FIELD, Inbox
from florascope.data.species import Language
from florascope.runtime.identification import Identification
from florascope.runtime.identifier import Identifier

SCHEMA = "florascope/1"
PHOTO: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: {"type": "string", "format": "binary"}},
                }
            },
            "image/*": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
REFUSALS = described(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
)
Class = Annotated[str, Query(max_length=200, description="Id of a class")]
Against = Annotated[str | None, Query(max_length=200, description="Id of another class")]
Top = Annotated[int, Query(ge=1, le=20, description="Candidates")]


def static_folder() -> Path:
    """Return the folder of the page."""
    return Path(str(files("florascope.app") / "static"))


def create_app(
    identifier: Identifier,
    limits: Limits | None = None,
    hosts: Collection[str] = (),
    album: Album | None = None,
) -> Shield:
    """Make the app.

    Args:
        identifier: answers photos, from several threads at once.
        limits: what it takes on.
        hosts: names under which it may be called; empty for any.
        album: photos to compare with; None for none.
    """
    bounds = limits or Limits()
    gate, inbox, measures = Gate(bounds), Inbox(bounds), Measures()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        gate.close()
        darkroom.close()

    app = FastAPI(
        title="florascope",
        version=version("florascope"),
        description="What is in a photo, how sure that is, and what speaks for it.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    speak_problems(app)
    darkroom = show_photos(app, album)
    measures.inside.set_function(lambda: gate.inside)

    async def look(request: Request) -> Identification:
        """Read the photo and answer it in a worker."""
        gate.check()
        photo = await inbox.photo(request)
        start = time.perf_counter()
        found = await gate.run(lambda: identifier(photo))
        measures.seconds.observe(time.perf_counter() - start)
        measures.verdicts.labels(found.verdict.level).inc()
        return found

    @app.post("/api/identify", responses=REFUSALS, openapi_extra=PHOTO)
    async def identify(request: Request, language: Language = "en", top: Top = 5) -> dict[str, Any]:
        """Name what is in a photo (docs/api.md), with its crop, class maps and similar photos."""
        found = await look(request)
        result = {"file": FIELD, **answer(found, language, top), **_compared(album, found)}
        return {"schema": SCHEMA, "results": [result]}

    @app.post(
        "/api/explain",
        responses={**REFUSALS, 200: {"content": {"image/png": {}}, "description": "The map"}},
        openapi_extra=PHOTO,
        response_model=None,
    )
    async def explain(
        request: Request, class_id: Class, against: Against = None
    ) -> dict[str, Any] | Response:
        """Say where in a photo the evidence for a class lies, or for it and not for another.

        JSON with the map in logit units, or the picture where image/png is accepted.
        """
        found = await look(request)
        if "image/png" not in request.headers.get("accept", ""):
            return evidence_map(found, class_id, against)
        return Response(_picture(found, class_id, against), media_type="image/png")

    @app.get("/api/model")
    async def model() -> dict[str, Any]:
        """Describe the model: its classes, input and calibration."""
        return _described(identifier)

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        """Say that the server answers."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Counters in the Prometheus text format."""
        return Response(measures.text(), media_type="text/plain; version=0.0.4")

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(static_folder() / "index.html")

    app.mount("/static", StaticFiles(directory=static_folder()))
    return Shield(app, bounds.seconds, hosts, measures.count)


def _compared(album: Album | None, found: Identification) -> dict[str, Any]:
    return {} if album is None else {"similar": album.similar(found)}


def _picture(found: Identification, class_id: str, against: str | None) -> bytes:
    rival = None if against is None else index_of(found, against)
    file = io.BytesIO()
    Image.fromarray(found.picture(index_of(found, class_id), rival)).save(file, "PNG")
    return file.getvalue()


def _described(identifier: Identifier) -> dict[str, Any]:
    config = identifier.config
    return {
        "architecture": config.architecture,
        "size": config.preprocessing.size,
        "calibrated": config.calibration is not None,
        "classes": [
            {
                "class_id": c.id,
                "name": identifier.catalogue.name(k, "en"),
                "nombre": identifier.catalogue.name(k, "es"),
                "scientific_name": identifier.catalogue.scientific_name(k),
            }
            for k, c in enumerate(config.classes)
        ],
    }
