"""Progress that library code can report without knowing who watches, and bars for who does."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

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


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Draw a bar for every longer step: in a notebook below the cell, else on standard error.

    Where standard error is no terminal (a log file, or `!florascope` in a notebook) nothing is
    drawn.
    """
    with _notebook_bars() if in_notebook() else _terminal_bars() as show:
        yield show


@contextmanager
def shown(progress: Progress | None) -> Iterator[Progress]:
    """Pass on what a caller gave to be told, or draw bars where nothing was given."""
    if progress is not None:
        yield progress
        return
    with progress_bars() as drawn:
        yield drawn


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and "IPKernelApp" in shell.config


@contextmanager
def _terminal_bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if not console.is_terminal:  # older rich ends even bars that are disabled with an empty line
        yield silent
        return
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    tasks: dict[str, Any] = {}
    with Bars(*columns, console=console, transient=True) as shown:

        def show(what: str, done: int, total: int) -> None:
            step, _, _ = what.partition(":")
            if step not in tasks:
                tasks[step] = shown.add_task(what, total=total)
            shown.update(tasks[step], description=what, completed=done, total=total)

        yield show


@contextmanager
def _notebook_bars() -> Iterator[Progress]:
    """One line of HTML, `<progress>` and all, that is drawn anew at most ten times a second."""
    import time
    from html import escape

    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    drawn = 0.0

    def show(what: str, done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if done < total and now - drawn < 0.1:
            return
        drawn = now
        bar = f'<progress value="{done}" max="{total}"></progress>'
        handle.update(HTML(f"{bar} {escape(what)} {done:,} / {total:,}"))

    try:
        yield show
    finally:
        handle.update(HTML(""))
