"""`florascope doctor`: why a training went wrong without an error."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from florascope.cli.console import LOCAL_PATH, json_option, print_json
from florascope.errors import FlorascopeError
from florascope.progress import progress_bars

if TYPE_CHECKING:
    from florascope.doctor.diagnosis import Diagnosis

KERAS = frozenset({".keras", ".h5"})
COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


@click.command()
@click.argument("target", metavar="RUN|BUNDLE|DATA|MODEL.keras")
@click.option(
    "--data", "source", metavar="DATA", help="Photos of a run or model.  [default: the run's own]"
)
@click.option("--split", help="official, 80-10-10, folder, csv, garden or FILE.csv.")
@click.option("--weights", help="Of the network that looks at DATA.  [default: what is at hand]")
@click.option("--quick", is_flag=True, help="Leave out what takes longer than a few seconds.")
@click.option("--data-dir", type=LOCAL_PATH, help="Folder that holds flowers-102/.")
@json_option
def doctor(
    target: str,
    source: str | None,
    split: str | None,
    weights: str | None,
    data_dir: Path | None,
    *,
    quick: bool,
    as_json: bool,
) -> None:
    """Look for what goes wrong silently in a run, a bundle, a data set or a saved Keras model.

    Names each cause with what was found, what was expected and the fix, most likely cause first.
    For your own training in PyTorch or Keras: florascope.diagnose(model, train, val).
    """
    with progress_bars() as progress:
        if Path(target).suffix in KERAS:
            from florascope.doctor.keras.file import examine as of_keras

            if source is None:
                raise FlorascopeError(
                    f"{target} holds a model without photos",
                    fix=f"Name them: florascope doctor {target} --data photos/",
                )
            diagnosis = of_keras(Path(target), source, split, data_dir, progress)
        else:
            from florascope.doctor.target import Question, examine

            question = Question(target, source, split, weights, data_dir, quick)
            diagnosis = examine(question, progress)
    if as_json:
        print_json(diagnosis.to_json())
        return
    print_findings(diagnosis)


def print_findings(diagnosis: "Diagnosis") -> None:
    """Print findings for people."""
    for finding in diagnosis.findings:
        mark = click.style(finding.severity, fg=COLOURS[finding.severity], bold=True)
        click.echo(mark + str(finding).removeprefix(finding.severity))
    errors = len(diagnosis.of("error"))
    others = len(diagnosis.findings) - errors
    summary = f"{errors} errors, {others} further findings"
    said = summary if diagnosis.findings else "Nothing wrong was found"
    click.echo(f"{said} ({diagnosis.seconds:.1f} s)")
