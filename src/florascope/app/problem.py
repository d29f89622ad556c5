"""Errors as JSON problems (RFC 9457) with a sentence that a person can act on."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from florascope.app.schema import ProblemShape
from florascope.errors import DataError, ExplanationError, PhotoError

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


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the answer for an error."""
    title = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(content, status, headers, MEDIA_TYPE)


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
    async def refused(_: Request, error: Refusal) -> JSONResponse:
        headers = {k.replace("_", "-"): v for k, v in error.headers.items()}
        return problem(error.status, error.detail, headers)

    async def unfit(_: Request, error: Exception) -> JSONResponse:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    for kind in (PhotoError, ExplanationError, DataError):
        app.exception_handler(kind)(unfit)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = first["loc"][-1] if first["loc"] else "request"
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> JSONResponse:
        detail = {
            404: f"There is nothing at {request.url.path}. See / for the page, /openapi.json.",
            405: f"{request.method} does not work at {request.url.path}. See /openapi.json.",
        }.get(error.status_code, str(error.detail))
        return problem(error.status_code, detail, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> JSONResponse:
        detail = "The server failed. Its log says more; the same photo may work again."
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
