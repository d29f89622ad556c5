"""An identification as the API gives it: the answer, the crop that was looked at, class maps."""

from collections.abc import Set as AbstractSet
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from florascope.app.problem import REFUSALS, accepted, said
from florascope.app.schema import SCHEMA, SeveralShape
from florascope.app.upload import FILE, form
from florascope.app.workers import Answered, WorkerPool
from florascope.data.species import Language
from florascope.display import data_uri
from florascope.errors import DataError, ExplanationError, PhotoError
from florascope.identify.conclusion import Conclusion
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion
from florascope.identify.together import MOST
from florascope.images import RGB

QUALITY = 88  # of the crop's JPEG
DIGITS = 5
Asked = Annotated[Language | None, Query(description="Of names and sentences")]
Short = Annotated[Language | None, Query(description="The same, in short")]
Accepted = Annotated[str, Header(description="Where neither is given (RFC 9110)")]


Month = Annotated[int | None, Query(ge=1, le=12, description="When it was, for the prior")]
Latitude = Annotated[float | None, Query(ge=-90, le=90, description="Where it was, in degrees")]
Longitude = Annotated[float | None, Query(ge=-180, le=180, description="Likewise")]


def occasion(
    month: Month = None, latitude: Latitude = None, longitude: Longitude = None
) -> Occasion | None:
    """Return when and where a request says that its photos were taken; None where it says neither.

    Raises:
        DataError: a latitude without a longitude, or the reverse.
    """
    if (latitude is None) != (longitude is None):
        raise DataError("half of a place", expected="latitude and longitude")
    if month is None and latitude is None:
        return None
    place = None if latitude is None or longitude is None else (latitude, longitude)
    return Occasion.of(month, place)


def spoken(language: Asked = None, lang: Short = None, accept_language: Accepted = "") -> Language:
    """Return the language of a request's answer."""
    return language or lang or accepted(accept_language)


def answer(
    found: Identification, language: Language, top: int, also: AbstractSet[int] = frozenset()
) -> dict[str, Any]:
    """Return docs/identify-json.md's object of one photo, with its crop and class maps.

    Maps of all classes that are named at all come with it, so that a page can switch between
    them, and subtract one from another, without asking again.

    Args:
        found: the photo's answer.
        language: of names and sentences.
        top: candidates.
        also: further classes whose maps are wanted, such as those of an answer to several photos.
    """
    shown = (
        {} if found.observation.maps is None else {"maps": _maps(found, named(found, top) | also)}
    )
    crop = _crop(found.observation.crop)
    return {**found.to_json(language, top), "crop": crop, **shown}


def evidence_map(found: Identification, class_id: str, against: str | None) -> dict[str, Any]:
    """Return the class activation map of one class, or of the difference of two.

    The sum of its values and its bias are the logit, or the difference of the two logits.

    Raises:
        ExplanationError: the network has no maps, or a class is not its own.
    """
    index = index_of(found, class_id)
    rival = None if against is None else index_of(found, against)
    chosen = found.class_map(index, rival)
    rows, columns = chosen.shape
    return {
        "class_id": class_id,
        "against": against,
        "rows": rows,
        "columns": columns,
        "unit": "logit",
        "values": _rounded(chosen),
        "bias": round(found.bias(index, rival), DIGITS),
    }


def index_of(found: Identification, class_id: str) -> int:
    """Return the index of a class.

    Raises:
        ExplanationError: there is none of that id.
    """
    ids = found.catalogue.ids(range(len(found.probabilities)))
    if class_id not in ids:
        raise ExplanationError(
            f"no class {class_id!r}", expected="an id of those at /api/model, such as " + ids[0]
        )
    return ids.index(class_id)


def named(found: Conclusion, top: int) -> set[int]:
    """Return the classes that an answer names in its lists."""
    candidates = {c.index for c in found.candidates(top=top)}
    return candidates | {*found.lookalikes(), *found.prediction_set}


def _maps(found: Identification, indexes: AbstractSet[int]) -> dict[str, Any]:
    ids = dict(zip(found.catalogue.ids(tuple(indexes)), indexes, strict=True))
    maps = {class_id: found.class_map(ids[class_id]) for class_id in sorted(ids)}
    rows, columns = next(iter(maps.values())).shape
    values = {class_id: _rounded(own) for class_id, own in maps.items()}
    bias = {class_id: round(found.bias(ids[class_id]), DIGITS) for class_id in maps}
    return {"rows": rows, "columns": columns, "unit": "logit", "values": values, "bias": bias}


def _rounded(values: np.ndarray) -> list[float]:
    rounded: list[float] = values.ravel().astype(np.float64).round(DIGITS).tolist()
    return rounded


def _crop(pixels: RGB) -> dict[str, Any]:
    """The square that the network saw, as a data URL."""
    return {"size": len(pixels), "image": data_uri(pixels, quality=QUALITY)}


PHOTOS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": form({"type": "array", "items": FILE, "minItems": 1, "maxItems": MOST}),
    }
}
TOLD: dict[int | str, dict[str, Any]] = {200: {"model": SeveralShape, "description": "The answers"}}
Together = Annotated[bool, Query(description="They are views of one thing: answer for all, too")]


def answer_several(app: FastAPI, identifier: Identifier, pool: WorkerPool) -> None:
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

        return await pool.answer_several(request, MOST, None if together else when, tell)


def _result(
    name: str, found: Identification | PhotoError, language: Language, top: int, also: set[int]
) -> dict[str, Any]:
    if isinstance(found, PhotoError):
        return {"file": name, "error": said(found, language).text, "candidates": []}
    return {"file": name, **answer(found, language, top, also)}
