"""`florascope demo`: the experiment that started it all, then the whole way on photos at hand."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import (
    LOCAL_PATH,
    json_option,
    note,
    percent,
    print_json,
    print_table,
    said_on_stderr,
)
from florascope.cli.train import overwrite_option, print_results, run_is_kept
from florascope.progress import progress_bars

if TYPE_CHECKING:
    from florascope.api.run import Run
    from florascope.report.figures import ResultRow
    from florascope.training.heads import FrozenFit

HEADS = {"class-report": "the report's head", "probe": "linear probe"}
CLASSES = 102
VERDICT = (
    "The class report's test loss, {report:.4f}, is worse than a uniform guess's, ln 102 ="
    " {uniform:.4f}.\nOn the same frozen network the heads above name {low} to {high} of the test"
    " photos:\nfreezing was not what went wrong."
)


@click.command()
@click.option(
    "--out",
    type=LOCAL_PATH,
    default=Path("runs/demo"),
    show_default=True,
    help="Folder of the run.",
)
@click.option(
    "--split",
    "splits",
    multiple=True,
    help="80-10-10, 6552-818-819, official or FILE.csv; may be repeated.  [default: all three]",
)
@click.option("--seed", default=0, show_default=True, help="Same seed, same numbers.")
@overwrite_option
@json_option
def demo(out: Path, splits: tuple[str, ...], seed: int, *, overwrite: bool, as_json: bool) -> None:
    """Train, evaluate and explain a classifier, and write a report.

    First the class report's experiment again, on Oxford Flowers 102: from features in the package,
    so the photos are not needed. Then the whole way from photos to report, on Oxford's photos and
    ImageNet weights where they are at hand (FLORASCOPE_DATA, FLORASCOPE_WEIGHTS), otherwise on the
    embedded garden with the embedded weights.
    """
    from florascope.files import claimed
    from florascope.run_folder import check_out
    from florascope.source import load

    check_out(out, None if overwrite else load(_at_hand()[0]))
    with claimed(out):
        fits = _rerun(splits, seed)
        if not as_json:
            _print_rerun(fits)
        run = _on_photos(seed)
        if not as_json:
            print_results(run.experiment, f"From photos to report: {run.data.name}")
        files = run.save(out, overwrite=overwrite)
        files["report"] = str(out / "report.html")
        with run_is_kept(out):
            run.report(files["report"], rivals=[_rival(fit) for fit in fits])
    if as_json:
        print_json({**run.to_json(), "files": files, "rerun": _rerun_json(fits)})
        return
    click.echo(f"Report: {files['report']}")


def _at_hand() -> tuple[str, str]:
    """Choose data and weights without any download.

    The embedded weights were trained on Oxford 102, so they never meet its photos here: test
    figures would lie.
    """
    from florascope.data.oxford102 import oxford102_at_hand
    from florascope.nets.weights import default_weights

    weights = default_weights("mobilenetv2_100")
    real = oxford102_at_hand() is not None and weights != "timm"
    return "oxford102" if real else "garden", weights if weights != "timm" else "flowers"


def _on_photos(seed: int) -> "Run":
    """Train a probe on what is at hand."""
    from florascope.api.training import train
    from florascope.training.recipes import Probe

    source, weights = _at_hand()
    split = "80-10-10" if source == "oxford102" else None
    note(f"Data: {source}; weights: {weights}")
    with said_on_stderr():
        return train(source, Probe(weights=weights, seed=seed), split=split)


def _rerun(splits: Sequence[str], seed: int) -> list["FrozenFit"]:
    """Fit the report's head and the probe on the embedded features."""
    from florascope.data.oxford102_features import embedded_oxford102
    from florascope.training.class_report import SPLITS, repeat_class_report

    with progress_bars() as progress:
        return list(
            repeat_class_report(embedded_oxford102(), splits or SPLITS, seed, progress=progress)
        )


def _rerun_json(fits: Sequence["FrozenFit"]) -> dict[str, Any]:
    from florascope.training.class_report import CLASS_REPORT

    uniform = {"top1": 1 / CLASSES, "loss": math.log(CLASSES)}
    again = [fit.to_json() for fit in fits]
    return {"class_report": asdict(CLASS_REPORT), "uniform_guess": uniform, "fits": again}


def _print_rerun(fits: Sequence["FrozenFit"]) -> None:
    """Print what the report got, what a guess gets, and what the same frozen network gives."""
    from florascope.training.class_report import CLASS_REPORT as REPORT

    guess = (percent(1 / CLASSES),) * 3
    seen = (f"~{100 * share:.0f} %" for share in (REPORT.train_top1, REPORT.val_top1))
    rows = [
        ("class report", "80/10/10", *seen, percent(REPORT.test_top1), f"{REPORT.test_loss:.4f}"),
        ("uniform guess", "any", *guess, f"{math.log(CLASSES):.4f}"),
        *map(_cells, fits),
    ]
    headers = ("head", "split", "train", "val", "test", "test loss")
    print_table(headers, rows, "Oxford Flowers 102, frozen MobileNetV2: top-1")
    low, high = (percent(f(fit.metrics["test"].top1 for fit in fits)) for f in (min, max))
    loss, seconds = math.log(CLASSES), sum(fit.seconds for fit in fits)
    click.echo(VERDICT.format(low=low, high=high, report=REPORT.test_loss, uniform=loss))
    click.echo(f"{seconds:.1f} s\n")


def _cells(fit: "FrozenFit") -> tuple[str, ...]:
    shares = (percent(fit.metrics[subset].top1) for subset in ("train", "val", "test"))
    loss = f"{fit.metrics['test'].loss:.4f}"
    return (HEADS[fit.recipe.name], fit.split, *shares, loss)


def _rival(fit: "FrozenFit") -> "ResultRow":
    """Make a row of the page's results table."""
    from florascope.report.figures import ResultRow

    label = f"Oxford 102, {fit.recipe.name}, {fit.split}"
    return ResultRow.of(label, "test", fit.metrics["test"])
