"""What the commands share with the terminal: JSON, tables, progress bars and errors."""

import io
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from florascope.cli.wording import said_here
from florascope.errors import FlorascopeError
from florascope.files import as_utf8, check_path, json_text

if TYPE_CHECKING:
    from florascope.data.dataset import Dataset
    from florascope.nets.told import Told
    from florascope.progress import Progress

    PathType = click.ParamType[Path]
else:
    PathType = click.ParamType  # older ones take no argument

SCHEMA = "florascope/1"
Command = TypeVar("Command", bound=Callable[..., Any])


class LocalPath(PathType):
    """A file or folder on this machine, as an option's value."""

    name = "path"

    def convert(self, value: Any, _param: object, _ctx: object) -> Path:  # noqa: ANN401 (click's)
        """Refuse an address, which a path would mangle."""
        check_path(str(value))
        return Path(value)


LOCAL_PATH = LocalPath()


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
            type=LOCAL_PATH,
            help="Folder that holds flowers-102/ (also FLORASCOPE_DATA).",
        ),
        click.option("--strict", is_flag=True, help="Stop at the first unreadable photo."),
    ):
        command = option(command)
    return command


def model_options(command: Command) -> Command:
    """Add the options that say what a model file does not say of itself."""
    for option in (
        click.option("--size", type=int, metavar="PIXELS", help="Of its pictures, a side."),
        click.option(
            "--scaling",
            metavar="NAME",
            help="Of its pixels: pixels (0 to 255), unit (0 to 1), tf (-1 to 1), torch, caffe.",
        ),
        click.option(
            "--classes",
            type=LOCAL_PATH,
            metavar="FILE",
            help="Names of its classes, one a line, in their order.",
        ),
    ):
        command = option(command)
    return command


def told_of(classes: Path | None, scaling: str | None, size: int | None) -> "Told":
    """Return what the options of `model_options` say.

    Raises:
        FlorascopeError: the file of classes cannot be read.
    """
    from florascope.nets.told import Told

    settings = {"scaling": scaling, "size": size}
    names = None
    if classes is not None:
        try:
            lines = classes.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise FlorascopeError(
                f"{classes} cannot be read ({error})", expected="names of classes, one a line"
            ) from error
        names = tuple(line.strip() for line in lines if line.strip())
    return Told(names, {key: value for key, value in settings.items() if value is not None})


def open_data(source: str, data_dir: Path | None, progress: "Progress") -> "Dataset":
    """Open the data set that DATA names, and note what is odd about it."""
    from florascope.data.remarks import remarks
    from florascope.source import open_dataset

    dataset = open_dataset(source, data_dir, progress)
    for remark in remarks(dataset):
        note(remark)
    return dataset


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on standard output, in UTF-8 whatever the console's encoding is."""
    _print_utf8(json_text({"schema": SCHEMA, **value}) + "\n")


def _print_utf8(text: str) -> None:
    click.echo(text.encode("utf-8"), nl=False)


class JsonList:
    """One JSON object on standard output that holds a list, its items as they come: none is kept.

    Used in a `with` statement. An error in the midst ends the list and becomes the field "error" of
    the same object; the `ToldError` in its place says that it has been told.

    Args:
        name: of the list's field.

    Attributes:
        more: fields that follow the list.
    """

    def __init__(self, name: str) -> None:
        self.more: dict[str, Any] = {}
        self._marks = chain([f'{{"schema": "{SCHEMA}", "{name}": ['], repeat(", "))
        self._begun = False

    def __call__(self, item: dict[str, Any]) -> None:
        """Print an item."""
        self._begun = True
        _print_utf8(next(self._marks) + json_text(item))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None and not self._begun:
            return  # whoever reports it prints the object
        told = {} if error is None else {"error": error_json(error)}
        opening = "" if self._begun else next(self._marks)
        fields = json_text({**self.more, **told})[1:]
        _print_utf8(f"{opening}]{', ' if fields != '}' else ''}{fields}\n")
        if isinstance(error, FlorascopeError):
            raise ToldError(error.found, expected=error.expected, fix=error.fix) from error


class ToldError(FlorascopeError):
    """An error that the JSON on standard output has told already."""


def error_json(error: BaseException) -> dict[str, str]:
    """Return what is said of an error as JSON values."""
    if isinstance(error, FlorascopeError):
        told = error.reworded(said_here)
        parts = {"found": told.found, "expected": told.expected, "fix": told.fix}
        return {"message": str(told), **parts}
    message = "Stopped" if isinstance(error, KeyboardInterrupt) else str(error)
    message = message or type(error).__name__
    return {"message": message, "found": message, "expected": "", "fix": ""}


def ignore(_item: object) -> None:
    """Show nothing: in place of what would show an item, where that is not wanted."""


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> None:
    """Print a table on standard output; the first column is text, the others are figures.

    On a narrow console names go over several lines, or each row does: no figure is cut.
    """
    columns = list(zip(headers, *rows, strict=True))
    widths = [max(cell_width(cell) for cell in column) for column in columns]
    figures = sum(widths[1:]) + 3 * len(widths) + 1  # a border and two spaces each
    room = console_width(widths[0] + figures) - figures
    if room < min(NAME, widths[0]):
        _print_stacked(headers, rows, title)
        return
    _print_grid(headers, rows, title, figures + min(room, widths[0]))


NAME = 12  # columns that a name needs before it is cut into too many lines


def cell_width(text: str) -> int:
    """Return the columns that text takes on a console, its longest line."""
    from rich.cells import cell_len

    return max(map(cell_len, text.split("\n")))


def console_width(needed: int) -> int:
    """Columns of the terminal, or COLUMNS; a file is as wide as it needs to be."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        import shutil

        return shutil.get_terminal_size().columns
    return needed


def _print_grid(
    headers: Sequence[str], rows: Sequence[Sequence[str]], title: str, width: int
) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title) if title else None, title_justify="left")
    table.add_column(Text(headers[0]), overflow="fold")
    for header in headers[1:]:
        table.add_column(Text(header), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))  # not markup: names of classes may hold brackets
    Console(width=max(width, cell_width(title))).print(table)


def _print_stacked(headers: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    if title:
        click.echo(title)
    for name, *figures in rows:
        click.echo(name)
        for header, figure in zip(headers[1:], figures, strict=True):
            click.echo(f"  {header}: {' '.join(figure.split())}".replace("  : ", "  "))


def can_print(text: str) -> bool:
    """Whether standard output's encoding has these characters."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def never_fail_to_print() -> None:
    """Let a console that cannot write a character get its number instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def note(text: str) -> None:
    """Say something on standard error."""
    click.echo(as_utf8(text), err=True)


def note_left_out(ignored: Counter[str]) -> dict[str, int]:
    """Say which files of folders were left out, by ending, and return how many."""
    from florascope.data.listing import left_out

    if told := left_out(ignored):
        note(f"Left out: {told}")
    return dict(+ignored)


@contextmanager
def said_on_stderr() -> Iterator[None]:
    """Say what the library logs meanwhile as plain lines on standard error."""
    import logging

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(said_here(record.getMessage()))

    handler, logger = Notes(), logging.getLogger("florascope")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def report_error(error: FlorascopeError, *, as_json: bool) -> None:
    """Print an error on standard error, and as JSON on standard output if that was asked for."""
    if as_json and not isinstance(error, ToldError):
        with suppress(OSError):  # a full disk or a closed pipe may be the very error
            print_json({"error": error_json(error)})
    colour = "NO_COLOR" not in os.environ and sys.stderr.isatty()
    click.echo(click.style("Error: ", fg="red") if colour else "Error: ", nl=False, err=True)
    click.echo(as_utf8(str(error)), err=True)


def percent(share: float) -> str:
    """Write a share as a percentage with two decimals."""
    return f"{100 * share:.2f} %"


EXTRAS = {
    "serve": (
        *("fastapi", "starlette", "uvicorn", "h11", "python_multipart", "prometheus_client"),
        *("segno", "packaging"),
    ),
    "train": (
        *("torch", "torchvision", "timm", "lightning", "lightning_fabric", "safetensors"),
        *("onnx", "google", "onnxscript", "scipy", "threadpoolctl"),
        *("pydantic", "jinja2", "matplotlib"),
    ),
    "fast": ("openvino",),
    "heic": ("pi_heif",),
    "keras": ("keras",),
    "cluster": ("pyarrow", "ray"),
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
