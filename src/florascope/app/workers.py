"""The threads that answer: how many photos may wait, and what is counted."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from florascope.app.limits import Limits
from florascope.app.problem import busy
from florascope.app.upload import File, UploadReader
from florascope.errors import PhotoError
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion

SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class ServerMetrics:
    """Counters of one server; nothing in them tells one client from another.

    Attributes:
        requests: by path of the API and status.
        seconds: of answered photos.
        verdicts: by level.
        inside: photos that are answered or wait.
    """

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self.requests = Counter("florascope_requests", "Requests", ("path", "status"), registry=own)
        self.seconds = Histogram(
            "florascope_answer_seconds", "Seconds a photo took", buckets=SECONDS, registry=own
        )
        self.verdicts = Counter("florascope_verdicts", "Verdicts", ("level",), registry=own)
        self.inside = Gauge("florascope_inside", "Photos answered or waiting", registry=own)

    def count(self, path: str, status: int) -> None:
        """Note a finished request."""
        self.requests.labels(path, status).inc()

    def text(self) -> bytes:
        """Write them in the Prometheus text format."""
        return generate_latest(self._registry)


T = TypeVar("T")


class Admission:
    """Runs what takes long beside the event loop.

    Args:
        limits: how much at a time, and how much may wait.

    Attributes:
        inside: requests that run or wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="answer")
        self._most = limits.workers + limits.waiting
        self.inside = 0

    def check(self) -> None:
        """Refuse where there is no room; said before an upload is read.

        Raises:
            Refusal: too many requests are waiting.
        """
        if self.inside >= self._most:
            raise busy()

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a worker's thread.

        A caller that gives up frees its place only when its work has ended, so that abandoned
        work counts.

        Raises:
            Refusal: as `check`.
        """
        self.check()
        self.inside += 1
        future = asyncio.get_running_loop().run_in_executor(self._pool, function)
        future.add_done_callback(self._leave)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Let the running work end and take no more."""
        self._pool.shutdown(cancel_futures=True)

    def _leave(self, future: "asyncio.Future[T]") -> None:
        self.inside -= 1
        if not future.cancelled():
            future.exception()  # a caller that gave up never asks for it


Telling = Callable[[Identification], Response]
Answered = tuple[str, Identification | PhotoError]


class WorkerPool:
    """Reads photos and has them answered in a few threads; the event loop only carries bytes.

    Args:
        identifier: answers photos, from several threads at once.
        limits: what it takes on.
        measures: told of each answer.
    """

    def __init__(self, identifier: Identifier, limits: Limits, measures: ServerMetrics) -> None:
        self._identifier, self._measures = identifier, measures
        self._admission, self._reader = Admission(limits), UploadReader(limits)
        measures.inside.set_function(lambda: self._admission.inside)

    async def answer(
        self, request: Request, tell: Telling, occasion: Occasion | None = None
    ) -> Response:
        """Answer a request's photo.

        Args:
            request: a POST of a photo.
            tell: writes the response, in the worker's thread too: pictures and JSON take as long
                as a tenth of the network, in which the event loop would serve nobody.
            occasion: when and where, for the prior; None asks none.

        Raises:
            Refusal: there is no room, or no photo; see `Admission` and `UploadReader`.
            PhotoError: it is none that can be read.
        """
        return await self.work(request, lambda photo: tell(self._identified(photo, occasion)))

    async def work(self, request: Request, function: Callable[[bytes], T]) -> T:
        """Run a function of a request's photo in a worker's thread; errors as `answer`."""
        self._admission.check()
        photo = await self._reader.photo(request)
        return await self._admission.run(lambda: function(photo))

    async def answer_several(
        self,
        request: Request,
        most: int,
        occasion: Occasion | None,
        tell: Callable[[list[Answered]], Response],
    ) -> Response:
        """Answer the photos of a request's form, one after another in one worker's thread.

        Args:
            request: a POST of a form.
            most: photos that it may hold.
            occasion: when and where, for the prior; None asks none.
            tell: see `answer`; told of each file's name and its answer, or what is wrong with it.

        Raises:
            Refusal: there is no room, or no form of photos.
        """
        self._admission.check()
        files = await self._reader.photos(request, most)
        return await self._admission.run(
            lambda: tell([(f.name, self._tried(f, occasion)) for f in files])
        )

    def _tried(self, file: File, occasion: Occasion | None) -> Identification | PhotoError:
        try:
            return self._identified(self._reader.check(file), occasion)
        except PhotoError as error:
            return error

    def _identified(self, photo: bytes, occasion: Occasion | None = None) -> Identification:
        start = time.perf_counter()
        found = self._identifier(photo, occasion)
        self._measures.seconds.observe(time.perf_counter() - start)
        self._measures.verdicts.labels(found.verdict.level).inc()
        return found

    def close(self) -> None:
        """Let the running work end and take no more."""
        self._admission.close()
