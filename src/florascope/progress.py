"""Progress that library code can report without knowing who watches."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Progress = Callable[[str, int, int], None]
"""Called as progress(what, done, total); the command line draws a bar from it.

What follows a colon in `what` ("Fine-tuning: loss 0.31") is a remark and opens no other bar.
"""


def silent(_what: str, _done: int, _total: int) -> None:
    """Ignore progress: the default of every function that reports it."""


def track(items: Iterable[Item], total: int, what: str, progress: Progress) -> Iterator[Item]:
    """Yield the items, reporting how many of total are done after each."""
    progress(what, 0, total)
    for done, item in enumerate(items, start=1):
        yield item
        progress(what, done, total)
