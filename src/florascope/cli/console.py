"""What the commands share with the terminal: JSON, tables, progress bars and errors."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any, TypeVar

import click

from florascope.errors import FlorascopeError

SCHEMA = "florascope/1"
Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """Add --json to a command."""
    option = click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object; all else goes to stderr."
    )
    return option(command)


def data_options(command: Command) -> Command:
    """Add the options that say where data lie and what to do with damaged photos."""
    for option in (
        click.option(
            "--data-dir",
            type=click.Path(),
            help="Folder that holds flowers-102/ (also FLORASCOPE_DATA).",
        ),
        click.option("--strict", is_flag=True, help="Stop at the first unreadable photo."),
    ):
        command = option(command)
    return command


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    click.echo(json.dumps({"schema": SCHEMA, **value}, ensure_ascii=False, allow_nan=False))


@contextmanager
def json_list(name: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Print one JSON object that holds a list, its items as they come: none is kept."""
    opening = f'{{"schema": "{SCHEMA}", "{name}": ['
    marks = chain([opening], repeat(", "))
    begun = False

    def write(item: dict[str, Any]) -> None:
        nonlocal begun
        begun = True
        click.echo(next(marks) + json.dumps(item, ensure_ascii=False, allow_nan=False), nl=False)

    try:
        yield write
    finally:  # an error in the midst becomes an object of its own
        if begun:
            click.echo("]}")


def ignore(_item: object) -> None:
    """Show nothing: in place of what would show an item, where that is not wanted."""


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table on standard output; the first column is text, the others are figures."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left")
    for number, header in enumerate(headers):
        table.add_column(header, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 120
    Console(width=width).print(table)


def note(text: str) -> None:
    """Say something on standard error."""
    click.echo(text, err=True)


@contextmanager
def said_on_stderr() -> Iterator[None]:
    """Say what the library logs meanwhile as plain lines on standard error."""
    handler, logger = _Notes(), logging.getLogger("florascope")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


class _Notes(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


def report_error(error: FlorascopeError, *, as_json: bool) -> None:
    """Print an error on standard error, and as JSON on standard output if that was asked for."""
    if as_json:
        parts = {"message": str(error), "found": error.found}
        print_json({"error": {**parts, "expected": error.expected, "fix": error.fix}})
    colour = "NO_COLOR" not in os.environ and sys.stderr.isatty()
    click.echo(click.style("Error: ", fg="red") if colour else "Error: ", nl=False, err=True)
    click.echo(str(error), err=True)


def percent(share: float) -> str:
    """Write a share as a percentage with two decimals."""
    return f"{100 * share:.2f} %"


EXTRAS = {
    "train": (
        *("torch", "torchvision", "timm", "lightning", "lightning_fabric", "safetensors"),
        *("onnx", "google", "onnxscript", "scipy", "jinja2", "matplotlib"),
    ),
    "fast": ("openvino",),
}
"""Top-level modules by extra, as pyproject.toml lists their packages."""


def missing_extra(error: ModuleNotFoundError) -> FlorascopeError | None:
    """Say what to install where a package of an extra is missing; None for any other module.

    One place for every command: commands import what they need when they run, so whichever
    package is missing shows there, before any work is done.
    """
    module = (error.name or "").partition(".")[0]
    extra = next((name for name, modules in EXTRAS.items() if module in modules), None)
    if extra is None:
        return None
    return FlorascopeError(
        f"the package {module} is not installed, which this command needs",
        expected=f"florascope with its extra {extra!r}",
        fix=f"Install it with: pip install 'florascope[{extra}]'",
    )
