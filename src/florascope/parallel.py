"""Work spread over threads in a window that does not grow with the work."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2  # calls in flight a worker: one runs, one waits
CPU_BATCH = 4
"""Photos in one pass of a network that only looks: their maps stay in a CPU's cache, which gives a
fifth more photos a second than 16."""


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """Yield function(item) for every item, in the items' order, computed by several threads.

    `ThreadPoolExecutor.map` would submit every item at once, so that its memory grows with their
    number; here a few calls a worker are in flight. Where the caller stops or a call fails, calls
    not yet begun are dropped.

    Args:
        function: called from the threads; it should release Python's lock for most of its time.
        items: taken one after the other, only as needed.
        workers: threads; one a core where none are named.
    """
    threads = workers or os.cpu_count() or 1
    rest = iter(items)
    with ThreadPoolExecutor(max_workers=threads) as pool:
        flight: deque[Future[Result]] = deque(
            pool.submit(function, item) for item in islice(rest, AHEAD * threads)
        )
        try:
            while flight:
                result = flight.popleft().result()
                flight.extend(pool.submit(function, item) for item in islice(rest, 1))
                yield result
        finally:
            for future in flight:
                future.cancel()


def in_batches(items: Iterable[Item], size: int) -> Iterator[tuple[Item, ...]]:
    """Yield the items in tuples of a size, the last of which may be shorter."""
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def is_first_process() -> bool:
    """Whether this is the one that writes and prints, of those that share a training (torchrun)."""
    return os.environ.get("RANK", "0") == "0"
