"""`florascope demo`: the whole way from photos to report, with what is at hand."""

from pathlib import Path
from typing import Any

import click

from florascope.cli.console import json_option, note, print_json
from florascope.cli.train import print_results, run_training


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/demo"),
    show_default=True,
    help="Folder of the run.",
)
@json_option
def demo(out: Path, *, as_json: bool) -> None:
    """Train, evaluate and explain a classifier, and write a report.

    Uses Oxford Flowers 102 and ImageNet weights where they are at hand (FLORASCOPE_DATA,
    FLORASCOPE_WEIGHTS), otherwise the embedded garden and the embedded weights.
    """
    from florascope.training.run import check_out

    check_out(out)
    source, options = _at_hand()
    note(f"Data: {source}; weights: {options['weights']}")
    experiment, files = run_training(source, out, options)
    if as_json:
        print_json({**experiment.to_json(), "files": files})
        return
    print_results(experiment)
    click.echo(f"Report: {files['report']}")


def _at_hand() -> tuple[str, dict[str, Any]]:
    """Choose data and weights without any download.

    The embedded weights were trained on Oxford 102, so they never meet its photos here: test
    figures would lie.
    """
    from florascope.data.oxford102 import oxford102_at_hand
    from florascope.model.weights import default_weights

    weights = default_weights("mobilenetv2_100")
    real = oxford102_at_hand() is not None and weights != "timm"
    chosen = weights if weights != "timm" else "flowers"
    options = {"name": "probe", "backbone": None, "weights": chosen, "seed": 0, "settings": ()}
    options |= {"split": "80-10-10" if real else None, "data_dir": None, "strict": False}
    return ("oxford102" if real else "garden"), options
