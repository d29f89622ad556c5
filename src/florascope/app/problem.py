"""Errors as JSON problems (RFC 9457) with a sentence that a person can act on, in two languages."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from florascope.app.schema import ProblemShape
from florascope.data.species import LANGUAGES, Language
from florascope.errors import DataError, ExplanationError, FlorascopeError, PhotoError, joined
from florascope.sentences import Told, all_told, told

MEDIA_TYPE = "application/problem+json"


class Refusal(Exception):  # noqa: N818 (no failure of ours)
    """A request that is not answered.

    Args:
        status: of HTTP.
        detail: what is wrong and what to do, in a sentence or two.
        headers: more of the answer.
    """

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def busy() -> Refusal:
    """Return the refusal of a server that has enough to do."""
    told = "Too many photos are waiting. Try again in a second."
    return Refusal(HTTPStatus.TOO_MANY_REQUESTS, told, Retry_After="1")


def problem(
    status: int,
    detail: str | FlorascopeError,
    language: Language,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return the answer for an error, in a language where its sentences are known in it."""
    text, spoken = said(detail, language)
    title = told("problem", HTTPStatus(status).phrase, spoken).text
    content = {"type": "about:blank", "title": title, "status": status, "detail": text}
    return JSONResponse(
        content, status, {**(headers or {}), "content-language": spoken}, MEDIA_TYPE
    )


def said(detail: str | FlorascopeError, language: str) -> Told:
    """Say what is wrong in a language; in English where one of its sentences is not known in it."""
    parts = [detail] if isinstance(detail, str) else detail.sentences
    texts = all_told("problem", parts, language)
    if texts is None:
        return Told(str(detail), "en")
    return Told(texts[0] if isinstance(detail, str) else joined(texts), language)


def language_of(request: HTTPConnection) -> Language:
    """Return the language of a request's answer: asked for in its query, else by its header."""
    asked = request.query_params.get("language") or request.query_params.get("lang")
    known = next((language for language in LANGUAGES if language == asked), None)
    return known or accepted(request.headers.get("accept-language", ""))


def accepted(header: str) -> Language:
    """Return the language of ours that an Accept-Language header likes best, English where none.

    RFC 9110, 12.5.4: "es-MX,es;q=0.9,en;q=0.8"; a quality of 0 means "not this one".
    """
    liked: dict[Language, float] = dict.fromkeys(LANGUAGES, 0.0)
    for part in header.split(","):
        tag, _, quality = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if name == language:
                liked[language] = max(liked[language], _quality(quality))
    return max(LANGUAGES, key=lambda language: liked[language])


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0


def described(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Describe error answers for OpenAPI."""
    content = {MEDIA_TYPE: {"schema": ProblemShape.model_json_schema()}}
    return {s.value: {"description": s.phrase, "content": content} for s in statuses}


REFUSALS = described(
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.MISDIRECTED_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
"""What a request that sends a photo may get instead of an answer."""


def speak_problems(app: FastAPI) -> None:
    """Have every error of the app answered as a problem."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> JSONResponse:
        headers = {k.replace("_", "-"): v for k, v in error.headers.items()}
        return problem(error.status, error.detail, language_of(request), headers)

    async def unfit(request: Request, error: FlorascopeError) -> JSONResponse:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error, language_of(request))

    for kind in (PhotoError, ExplanationError, DataError):
        app.exception_handler(kind)(unfit)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = first["loc"][-1] if first["loc"] else "request"
        detail = f"{name}: {first['msg']}."
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, language_of(request))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        detail = {
            404: f"There is nothing at {request.url.path}. See / for the page, /openapi.json.",
            405: f"{request.method} does not work at {request.url.path}. See /openapi.json.",
        }.get(error.status_code, str(error.detail))
        headers = dict(error.headers or {})
        return problem(error.status_code, detail, language_of(request), headers)

    @app.exception_handler(Exception)
    async def broken(request: Request, _: Exception) -> JSONResponse:
        detail = "The server failed. Its log says more; the same photo may work again."
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, language_of(request))
