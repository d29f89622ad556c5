"""Where photos come in and answers go out."""

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from florascope.app.gate import Gate
from florascope.app.limits import Limits
from florascope.app.measures import Measures
from florascope.app.upload import Inbox
from florascope.runtime.identification import Identification
from florascope.runtime.identifier import Identifier

Telling = Callable[[Identification], Response]


class Desk:
    """Reads photos and has them answered in a few threads; the event loop only carries bytes.

    Args:
        identifier: answers photos, from several threads at once.
        limits: what it takes on.
        measures: told of each answer.
    """

    def __init__(self, identifier: Identifier, limits: Limits, measures: Measures) -> None:
        self._identifier, self._measures = identifier, measures
        self._gate, self._inbox = Gate(limits), Inbox(limits)
        measures.inside.set_function(lambda: self._gate.inside)

    async def answer(self, request: Request, tell: Telling) -> Response:
        """Answer a request's photo.

        Args:
            request: a POST of a photo.
            tell: writes the response, in the worker's thread too: pictures and JSON take as long
                as a tenth of the network, in which the event loop would serve nobody.

        Raises:
            Refusal: there is no room, or no photo; see `Gate` and `Inbox`.
            PhotoError: it is none that can be read.
        """
        self._gate.check()
        photo = await self._inbox.photo(request)

        def work() -> tuple[Identification, Response]:
            found = self._identifier(photo)
            return found, tell(found)

        start = time.perf_counter()
        found, response = await self._gate.run(work)
        self._measures.seconds.observe(time.perf_counter() - start)
        self._measures.verdicts.labels(found.verdict.level).inc()
        return response

    def close(self) -> None:
        """Let the running work end and take no more."""
        self._gate.close()
