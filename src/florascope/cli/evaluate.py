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
from florascope.progress import progress_bars as bars

if TYPE_CHECKING:
    from florascope.evaluation.evaluator import Evaluation
    from florascope.evaluation.held_out import Subset


@click.command()
@click.argument("bundle")
@click.argument("source", metavar="DATA")
@click.option(
    "--split",
    help="official, 80-10-10, folder, csv, garden or FILE.csv.  [default: the run's own]",
)
@click.option(
    "--subset",
    type=click.Choice(["train", "val", "test", "all"]),
    help="[default: the run's own test photos and unseen ones]",
)
@click.option("--seed", type=int, help="Of a split that is drawn.  [default: the run's own]")
@data_options
@json_option
def evaluate(  # noqa: PLR0913 (one parameter an option)
    bundle: str,
    source: str,
    split: str | None,
    subset: "Subset | None",
    seed: int | None,
    data_dir: Path | None,
    *,
    strict: bool,
    as_json: bool,
) -> None:
    """Measure BUNDLE on photos of DATA that did not train it.

    Its own test photos are found by their content, wherever they lie now; photos that took no part
    in the training are measured with them. Photos that trained are never called test.
    """
    from florascope.bundle.config import find_bundle
    from florascope.evaluation.evaluator import evaluate as run
    from florascope.evaluation.held_out import Asked, Origin, choose_photos
    from florascope.metrics import COLUMNS
    from florascope.nets.saving import load_classifier

    with bars() as progress:
        path = find_bundle(bundle)
        classifier, origin = load_classifier(path), Origin.read(path)
        dataset = open_data(source, data_dir, progress)
        chosen = choose_photos(origin, dataset, Asked(subset, split, seed), progress)
        found = run(classifier, dataset, chosen.indexes, strict=strict, progress=progress)
    for problem in found.problems:
        note(f"Skipped: {problem}")
    if as_json:
        figures = found.metrics.to_json()
        left = {"skipped": len(found.problems), "ignored": dict(dataset.ignored)}
        told = {"statement": chosen.statement, "took_part": chosen.counts}
        print_json({"subset": chosen.subset, **figures, **left, **told})
        return
    cells = found.metrics.cells(learned=chosen.subset == "train")
    print_table(("", *COLUMNS), [(chosen.subset, *cells)])
    click.echo(f"Measured: {chosen.statement}.")
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
