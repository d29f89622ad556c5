"""The workbench as an app on this machine: whoever has its address may use it, nobody else."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from florascope.app import TEXTS, page_texts, static_folder
from florascope.app.collection import Collection
from florascope.app.guards import HEADERS, Access, RequestGuard
from florascope.app.limits import Limits
from florascope.app.problem import language_of, problem, speak_problems
from florascope.app.server import create_app
from florascope.app.upload import UploadReader
from florascope.app.workers import Admission
from florascope.data.species import Language
from florascope.errors import FlorascopeError
from florascope.identify.identifier import Identifier
from florascope.images import MAX_BYTES
from florascope.studio.jobs import Jobs
from florascope.studio.photo_routes import Thumbnails, photo_routes
from florascope.studio.project import CORRECTIONS, Project
from florascope.studio.run_routes import run_routes, work_routes
from florascope.studio.runs import Runs

OPEN = 4  # models that stay in memory
Trial = Callable[[int], ASGIApp]
CLOSED = "Open the address that `{}` printed: it holds a key that changes each time."
TRY = "/try/"  # below it, the app of each run: /try/3/


def studio_static() -> Path:
    """Return the folder of the page."""
    return Path(str(files("florascope.studio") / "static"))


def create_studio(project: Project, token: str, access: Access, started: str) -> ASGIApp:
    """Make the workbench's app.

    Args:
        project: what it is about.
        token: first part of every path, so that no other page and no other user finds in.
        access: under which names it may be called.
        started: the command that runs it, and prints its address.
    """
    limits = Limits(max_bytes=MAX_BYTES, seconds=300.0, waiting=64)
    threads, jobs, runs = Admission(limits), Jobs(project.folder), Runs(project.folder)

    @lru_cache(OPEN)
    def model(number: int) -> Identifier:
        return Identifier(runs[number].bundle)

    @lru_cache(OPEN)
    def trial(number: int) -> ASGIApp:
        known = model(number)
        return create_app(
            known, collection=Collection(project.folder / CORRECTIONS, known.config.classes)
        )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await jobs.stop()
        threads.close()

    app = FastAPI(title=started, lifespan=lifespan, docs_url=None, redoc_url=None)
    speak_problems(app)
    app.include_router(
        photo_routes(
            project, Thumbnails(project.folder / "thumbnails"), threads, UploadReader(limits)
        )
    )
    app.include_router(work_routes(project, runs, jobs, threads))
    app.include_router(run_routes(project, runs, jobs, threads, model))

    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(studio_static() / "index.html")

    @app.get(f"/static/{TEXTS}", include_in_schema=False)
    async def texts() -> Response:
        return Response(page_texts("studio"), media_type="text/javascript")

    app.mount("/static", StaticFiles(directory=studio_static()))
    app.mount("/shared", StaticFiles(directory=static_folder()))
    guarded = RequestGuard(app, limits.seconds, access, lambda _path, _status: None)
    return TokenGate(guarded, trial, token, threads, started)


class TokenGate:
    """Lets in whose path begins with the token, and leads to the page that tries a run's model.

    Args:
        app: the workbench.
        trial: the app of a run, by its number.
        token: the first part of the path; a secret, since any program of this machine can ask.
        threads: where models are opened.
        started: the command that printed the address with the token.
    """

    def __init__(
        self, app: ASGIApp, trial: Trial, token: str, threads: Admission, started: str
    ) -> None:
        self._app, self._trial, self._token, self._threads = app, trial, token, threads
        self._closed = CLOSED.format(started)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on without its token, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token, slash, rest = scope["path"].removeprefix("/").partition("/")
        language = language_of(HTTPConnection(scope))
        app: ASGIApp
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            app, path = _dressed(problem(HTTPStatus.NOT_FOUND, self._closed, language)), "/"
        elif not slash:  # the page's own addresses are relative
            app, path = _dressed(RedirectResponse(f"/{self._token}/")), "/"
        else:
            app, path = await self._led(f"/{rest}", language)
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    async def _led(self, path: str, language: Language) -> tuple[ASGIApp, str]:
        """Return which app answers a path, and its path there."""
        if not path.startswith(TRY):
            return self._app, path
        number, _, below = path.removeprefix(TRY).partition("/")
        try:
            app = await self._threads.run(lambda: self._trial(int(number)))
        except (FlorascopeError, ValueError):
            told = f"There is no finished run {number[:20]}."
            return _dressed(problem(HTTPStatus.NOT_FOUND, told, language)), path
        return app, f"/{below}"


def _dressed(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response
