"""Work in a few threads, with a short queue before them and a plain no beyond it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from florascope.app.limits import Limits
from florascope.app.problem import busy

T = TypeVar("T")


class Gate:
    """Runs what takes long beside the event loop.

    Args:
        limits: how much at a time, and how much may wait.

    Attributes:
        inside: requests that run or wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="answer")
        self._room = limits.workers + limits.waiting
        self.inside = 0

    def check(self) -> None:
        """Refuse where there is no room; said before an upload is read.

        Raises:
            Refusal: too many requests are waiting.
        """
        if self.inside >= self._room:
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
