"""The command `florascope`: its commands and how it ends."""

import gc
import os
import sys
from itertools import takewhile

import click

from florascope import __version__
from florascope.cli.audit import audit
from florascope.cli.bench import bench
from florascope.cli.console import (
    error_json,
    missing_extra,
    never_fail_to_print,
    print_json,
    report_error,
)
from florascope.cli.data import data
from florascope.cli.demo import demo
from florascope.cli.doctor import doctor
from florascope.cli.evaluate import evaluate
from florascope.cli.explain import explain
from florascope.cli.export import export, import_model
from florascope.cli.identify import identify
from florascope.cli.job import embed, fit
from florascope.cli.recipes import recipes
from florascope.cli.serve import serve
from florascope.cli.studio import studio
from florascope.cli.suggest import suggest
from florascope.cli.train import train
from florascope.cli.wording import Commands
from florascope.errors import FlorascopeError


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="florascope")
def cli() -> None:
    """From a folder of photos to an image classifier that can be trusted.

    DATA is oxford102, garden, a folder of class folders, or a CSV (path,label[,split]).
    BUNDLE is a folder written by `florascope train` or the name of a shipped model.
    """


for command in (
    demo,
    train,
    recipes,
    evaluate,
    suggest,
    explain,
    audit,
    identify,
    embed,
    fit,
    serve,
    studio,
    export,
    import_model,
    data,
    doctor,
    bench,
):
    cli.add_command(command)


RARELY = (100_000, 50, 100)  # new objects before the garbage collector looks for cycles
"""PyTorch's import makes a million objects, and all of them stay: looking for garbage among them is
a fifth of its time. Freeing them one by one at the end takes half a second more."""


def main() -> None:
    """Run the command line: exit 0 when done, 1 on bad input, 2 on wrong usage."""
    gc.set_threshold(*RARELY)
    never_fail_to_print()
    try:
        _run(as_json="--json" in list(takewhile(lambda word: word != "--", sys.argv)))
    finally:
        gc.freeze()


def _run(*, as_json: bool) -> None:
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        if as_json:
            print_json({"error": error_json(wrong_usage(error))})
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
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
    return FlorascopeError(f"{error.filename or 'a file'}: {error.strerror or error}")


def wrong_usage(error: click.ClickException) -> FlorascopeError:
    """Say a click error in our own kind, with what helps against it."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    fix = f"See: {context.command_path} --help" if context else ""
    return FlorascopeError(error.format_message(), fix=fix)
