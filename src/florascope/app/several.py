"""Several photos in one request: each answered, and all together where they show one thing."""

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse

from florascope.app.answer import answer, named, occasion, spoken
from florascope.app.problem import REFUSALS
from florascope.app.schema import SCHEMA, SeveralShape
from florascope.app.upload import FILE, form
from florascope.app.workers import Answered, WorkerPool
from florascope.data.species import Language
from florascope.errors import PhotoError
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion
from florascope.identify.together import MOST

PHOTOS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": form({"type": "array", "items": FILE, "minItems": 1, "maxItems": MOST}),
    }
}
TOLD: dict[int | str, dict[str, Any]] = {200: {"model": SeveralShape, "description": "The answers"}}
Together = Annotated[bool, Query(description="They are views of one thing: answer for all, too")]


def answer_several(app: FastAPI, identifier: Identifier, desk: WorkerPool) -> None:
    """Let an app answer POST /api/identify/several."""

    @app.post("/api/identify/several", responses={**REFUSALS, **TOLD}, openapi_extra=PHOTOS)
    async def several(
        request: Request,
        language: Annotated[Language, Depends(spoken)],
        when: Annotated[Occasion | None, Depends(occasion)],
        together: Together = False,  # noqa: FBT002 (a query's default)
        top: Annotated[int, Query(ge=1, le=20, description="Candidates")] = 5,
    ) -> Response:
        """Name what is in each of up to 20 photos, and what they show together where asked."""

        def tell(told: list[Answered]) -> Response:
            known = [found for _, found in told if isinstance(found, Identification)]
            group = identifier.together(known, when) if together and known else None
            also = named(group, top) if group else set()
            results = [_result(name, found, language, top, also) for name, found in told]
            more = {"together": group.to_json(language, top)} if group else {}
            return JSONResponse({"schema": SCHEMA, "results": results, **more})

        return await desk.answer_several(request, MOST, None if together else when, tell)


def _result(
    name: str, found: Identification | PhotoError, language: Language, top: int, also: set[int]
) -> dict[str, Any]:
    if isinstance(found, PhotoError):
        return {"file": name, "error": str(found), "candidates": []}
    return {"file": name, **answer(found, language, top, also)}
