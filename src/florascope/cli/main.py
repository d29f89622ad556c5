"""The command `florascope`: its commands and how it ends."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import takewhile
from typing import NamedTuple

import click

from florascope import __version__
from florascope.cli.console import (
    error_json,
    missing_extra,
    never_fail_to_print,
    print_json,
    report_error,
)
from florascope.cli.wording import Commands
from florascope.errors import FlorascopeError


class Place(NamedTuple):
    """Where a command stands, and what the list of commands says of it."""

    module: str
    summary: str
    function: str = ""  # named as the command, unless said


COMMANDS = {
    "audit": Place("audit", "Measure whether a model's explanations are true."),
    "bench": Place("bench", "Measure how fast this machine reads and embeds photos."),
    "data": Place("data", "Look at data sets: health, copies, splits."),
    "demo": Place("demo", "Train, evaluate and explain a classifier; write a report."),
    "doctor": Place("doctor", "Look for what goes wrong silently in a training."),
    "embed": Place("job", "Write the pooled features of every photo of a source."),
    "evaluate": Place("evaluate", "Measure a model on photos that did not train it."),
    "explain": Place("explain", "Draw what in a photo speaks for the answer."),
    "export": Place("export", "Write a model in another form: int8, small, web page."),
    "fit": Place("job", "Fit a probe to what `florascope embed` wrote."),
    "identify": Place("identify", "Say what is in photos."),
    "import": Place("export", "Bring a Keras or ONNX classifier over.", "import_model"),
    "recipes": Place("train", "List the recipes of training and their settings."),
    "serve": Place("serve", "Answer photos in a page and as an API."),
    "studio": Place("studio", "Sort, mend, train and look, in the browser."),
    "suggest": Place("suggest", "Say which photos to label next, for the most gain."),
    "train": Place("train", "Train a classifier on a folder of photos."),
}


class LazyCommands(Commands):
    """The commands of `florascope`, each imported when it is asked for and not for the list.

    Importing all seventeen costs more than half of what `florascope --help` takes.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's)
        """Name the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None where there is none of that name."""
        if (place := COMMANDS.get(cmd_name)) is None:
            return None
        module = import_module(f"florascope.cli.{place.module}")
        command: click.Command = getattr(module, place.function or cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands, from what stands here."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="florascope")
def cli() -> None:
    """From a folder of photos to an image classifier that can be trusted.

    DATA is oxford102, garden, a folder of class folders, or a CSV (path,label[,split]).
    BUNDLE is a folder written by `florascope train` or the name of a shipped model.
    """


RARELY = (100_000, 50, 100)  # new objects before the garbage collector looks for cycles
"""PyTorch's import makes a million objects, and all of them stay: looking for garbage among them is
a fifth of its time. Freeing them one by one at the end takes half a second more."""


def main() -> None:
    """Run the command line: exit 0 when done, 1 on bad input, 2 on wrong usage.

    SIGINT ends it with 130 and SIGTERM with 143, once what was half written is removed.
    """
    gc.set_threshold(*RARELY)
    open_streams()
    never_fail_to_print()
    try:
        _run(as_json="--json" in list(takewhile(lambda word: word != "--", sys.argv)))
    finally:
        gc.freeze()


class Terminated(BaseException):
    """SIGTERM came: like KeyboardInterrupt, it passes what catches errors, and cleans up."""

    def __init__(self) -> None:
        super().__init__("Stopped")


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Raise `Terminated` in the main thread on SIGTERM; processes that it forks end as ever."""
    import signal

    own = os.getpid()

    def stop(number: int, _frame: object) -> None:
        if os.getpid() == own:
            raise Terminated
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:  # a caller has its own way
        yield
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def open_streams() -> None:
    """Open on nothing what a caller closed (`florascope ... >&-`).

    Each takes the lowest free number, which is its own: else the next file would get it, and what
    is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


def _run(*, as_json: bool) -> None:
    try:
        with stopped_by_sigterm():
            cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        if as_json:
            print_json({"error": error_json(wrong_usage(error))})
        error.show()
        if hint := _hint_of_dashes(error):
            click.echo(hint, err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt, Terminated) as stop:
        click.echo("Stopped.", err=True)
        sys.exit(143 if isinstance(stop, Terminated) else 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (FlorascopeError, ModuleNotFoundError, OSError) as error:
        if (told := _understood(error)) is None:
            raise
        report_error(told, as_json=as_json)
        sys.exit(1)


def _understood(error: FlorascopeError | ModuleNotFoundError | OSError) -> FlorascopeError | None:
    """Say what a user can do about an error; None where it is a fault of ours."""
    if isinstance(error, FlorascopeError):
        return error
    if isinstance(error, ModuleNotFoundError):
        return missing_extra(error)
    return FlorascopeError(f"{error.filename or 'input or output'}: {error.strerror or error}")


def wrong_usage(error: click.ClickException) -> FlorascopeError:
    """Say a click error in our own kind, with what helps against it."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    fix = _hint_of_dashes(error) or (f"See: {context.command_path} --help" if context else "")
    return FlorascopeError(error.format_message(), fix=fix)


def _hint_of_dashes(error: click.ClickException) -> str:
    """Say how a file is named that begins as an option does; "" where none was meant."""
    if not isinstance(error, click.NoSuchOption):
        return ""
    meant = next((word for word in sys.argv[1:] if word[:1] == "-" and os.path.exists(word)), "")  # noqa: PTH110
    return f"Of a file that begins with a dash write: ./{meant}" if meant else ""
