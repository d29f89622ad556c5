"""`florascope evaluate`: how good a bundle is on labelled photos."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from florascope.cli.console import (
    data_options,
    json_option,
    note,
    open_data,
    print_json,
    print_table,
)
from florascope.cli.train import metric_cells
from florascope.progress import progress_bars as bars

if TYPE_CHECKING:
    from florascope.evaluation.evaluator import Evaluation


@click.command()
@click.argument("bundle")
@click.argument("source", metavar="DATA")
@click.option("--split", help="official, 80-10-10, folder, csv, garden or FILE.csv.")
@click.option("--subset", type=click.Choice(["train", "val", "test"]), default="test")
@click.option("--seed", default=0, show_default=True, help="Of a split that is drawn.")
@data_options
@json_option
def evaluate(  # noqa: PLR0913 (one parameter an option)
    bundle: str,
    source: str,
    split: str | None,
    subset: str,
    seed: int,
    data_dir: Path | None,
    *,
    strict: bool,
    as_json: bool,
) -> None:
    """Measure BUNDLE on one subset of DATA."""
    from florascope.bundle.config import find_bundle
    from florascope.data.splits import choose_split
    from florascope.evaluation.evaluator import evaluate as run
    from florascope.nets.saving import load_classifier

    with bars() as progress:
        classifier = load_classifier(find_bundle(bundle))
        dataset = open_data(source, data_dir, progress)
        indexes = choose_split(dataset, split, seed)[subset]
        found = run(classifier, dataset, indexes, strict=strict, progress=progress)
    for problem in found.problems:
        note(f"Skipped: {problem}")
    if as_json:
        figures = found.metrics.to_json()
        left = {"skipped": len(found.problems), "ignored": dict(dataset.ignored)}
        print_json({"subset": subset, **figures, **left})
        return
    headers = ("", "photos", "top-1", "top-5", "mean per class", "loss")
    print_table(headers, [(subset, *metric_cells(found.metrics))])
    _print_worst(found)


def _print_worst(found: "Evaluation", limit: int = 10) -> None:
    figures = found.per_class()
    rows = [
        (c.name, str(m.support), f"{m.recall:.3f}", f"{m.precision:.3f}")
        for c, m in sorted(zip(found.classes, figures, strict=True), key=lambda p: p[1].recall)
        if m.support
    ]
    headers = ("class", "photos", "recall", "precision")
    print_table(headers, rows[:limit], "Classes with the lowest recall")
