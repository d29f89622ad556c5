"""The HTTP API and the page around one identifier."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from PIL import Image
from starlette.middleware.cors import CORSMiddleware

from florascope.app import TEXTS, page_texts, static_folder
from florascope.app.answer import answer, answer_several, evidence_map, index_of, occasion, spoken
from florascope.app.collection import Collection, collect_photos
from florascope.app.guards import Access, RequestGuard
from florascope.app.limits import Limits
from florascope.app.problem import REFUSALS, described, speak_problems
from florascope.app.retelling import retell_verdicts
from florascope.app.schema import SCHEMA, AnswerShape, HealthShape, MapShape, ModelShape
from florascope.app.similar import Album, show_photos
from florascope.app.upload import FIELD, FILE, form
from florascope.app.workers import ServerMetrics, WorkerPool
from florascope.calibration.calibration import Calibration
from florascope.data.species import LANGUAGES, Language
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion
from florascope.identify.words import calibration_remark

PHOTO: dict[str, Any] = {
    "requestBody": {"required": True, "content": {**form(FILE), "image/*": {"schema": FILE}}}
}
STRANGE = described(HTTPStatus.MISDIRECTED_REQUEST)
TOLD: dict[int | str, dict[str, Any]] = {200: {"model": AnswerShape, "description": "The answer"}}
DRAWN: dict[int | str, dict[str, Any]] = {
    200: {"model": MapShape, "content": {"image/png": {}}, "description": "The map"}
}
Spoken = Annotated[Language, Depends(spoken)]
Class = Annotated[str, Query(max_length=200, description="Id of a class")]
Against = Annotated[str | None, Query(max_length=200, description="Id of another class")]
Top = Annotated[int, Query(ge=1, le=20, description="Candidates")]


def create_app(
    identifier: Identifier,
    limits: Limits | None = None,
    access: Access = Access(),  # noqa: B008 (frozen)
    album: Album | None = None,
    collection: Collection | None = None,
) -> RequestGuard:
    """Make the app.

    Args:
        identifier: answers photos, from several threads at once.
        limits: what it takes on.
        access: who may ask, and under which name; by default any name and no other origin.
        album: photos to compare with; None for none.
        collection: where photos go that people name; None keeps none.
    """
    bounds = limits or Limits()
    measures = ServerMetrics()
    pool = WorkerPool(identifier, bounds, measures)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        pool.close()
        thumbnails.close()

    app = FastAPI(
        title="florascope",
        version=version("florascope"),
        description="What is in a photo, how sure that is, and what speaks for it.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    speak_problems(app)
    thumbnails = show_photos(app, album)

    @app.post("/api/identify", responses={**REFUSALS, **TOLD}, openapi_extra=PHOTO)
    async def identify(
        request: Request,
        language: Spoken,
        when: Annotated[Occasion | None, Depends(occasion)],
        top: Top = 5,
    ) -> Response:
        """Name what is in a photo (docs/api.md), with its crop, class maps and similar photos."""

        def tell(found: Identification) -> Response:
            result = {"file": FIELD, **answer(found, language, top), **_compared(album, found)}
            return JSONResponse({"schema": SCHEMA, "results": [result]})

        return await pool.answer(request, tell, when)

    answer_several(app, identifier, pool)
    collect_photos(app, collection, pool, PHOTO)
    retell_verdicts(app, identifier.catalogue, identifier.config.calibration)

    @app.post(
        "/api/explain",
        responses={**REFUSALS, **DRAWN},
        openapi_extra=PHOTO,
    )
    async def explain(request: Request, class_id: Class, against: Against = None) -> Response:
        """Say where in a photo the evidence for a class lies, or for it and not for another.

        JSON with the map in logit units, or the picture where image/png is accepted.
        """
        drawn = "image/png" in request.headers.get("accept", "")
        tell = _picture if drawn else _map
        return await pool.answer(request, lambda found: tell(found, class_id, against))

    @app.get("/api/model", response_model=ModelShape, responses=STRANGE)
    async def model() -> dict[str, Any]:
        """Describe the model: its classes, input and calibration."""
        return {**_described(identifier), "collects": collection is not None}

    @app.get("/healthz", response_model=HealthShape, responses=STRANGE)
    async def health() -> dict[str, str]:
        """Say that the server answers."""
        return {"status": "ok"}

    @app.get("/metrics", response_class=PlainTextResponse, responses=STRANGE)
    async def metrics() -> Response:
        """Counters in the Prometheus text format."""
        return Response(measures.text(), media_type="text/plain; version=0.0.4")

    _serve_page(app)
    if access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=sorted(access.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
        )
    return RequestGuard(app, bounds.seconds, access, measures.count)


def _serve_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(static_folder() / "index.html")

    @app.get(f"/static/{TEXTS}", include_in_schema=False)
    async def texts() -> Response:
        return Response(page_texts(), media_type="text/javascript")

    app.mount("/static", StaticFiles(directory=static_folder()))


def _compared(album: Album | None, found: Identification) -> dict[str, Any]:
    return {} if album is None else {"similar": album.similar(found)}


def _map(found: Identification, class_id: str, against: str | None) -> Response:
    return JSONResponse(evidence_map(found, class_id, against))


def _picture(found: Identification, class_id: str, against: str | None) -> Response:
    rival = None if against is None else index_of(found, against)
    file = io.BytesIO()
    Image.fromarray(found.picture(index_of(found, class_id), rival)).save(file, "PNG")
    return Response(file.getvalue(), media_type="image/png")


def _rests_on(calibration: Calibration | None) -> dict[str, Any] | None:
    if calibration is None:
        return None
    remarks = {language: calibration_remark(calibration, language) for language in LANGUAGES}
    return {"photos": calibration.photos, "folds": calibration.folds, "remark": remarks}


def _described(identifier: Identifier) -> dict[str, Any]:
    config = identifier.config
    return {
        "architecture": config.architecture,
        "size": config.preprocessing.size,
        "shorter": config.preprocessing.shorter,
        "subject": identifier.catalogue.subject,
        "calibrated": config.calibration is not None,
        "calibration": _rests_on(config.calibration),
        "named_from": config.calibration and config.calibration.sure,
        "prior": identifier.prior is not None,
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
