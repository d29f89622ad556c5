"""`florascope train`: photos to a measured classifier."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import (
    data_options,
    ignore,
    json_option,
    note,
    percent,
    print_json,
    print_table,
)
from florascope.progress import progress_bars

if TYPE_CHECKING:
    from florascope.doctor.finding import Finding
    from florascope.metrics import Metrics
    from florascope.progress import Progress
    from florascope.report.results import ResultRow
    from florascope.training.experiment import Experiment


@click.command()
@click.argument("source", metavar="DATA")
@click.option("--recipe", "name", default="probe", show_default=True, help="seed, probe, finetune.")
@click.option("--split", help="official, 80-10-10, folder, csv, garden or FILE.csv.")
@click.option("--backbone", help="Any timm model name.  [default: mobilenetv2_100]")
@click.option("--weights", help="torchvision, google, timm, random, a shipped bundle or a FILE.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same numbers.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A recipe's setting.")
@click.option("--half", is_flag=True, help="Store the bundle's weights in half precision.")
@click.option("--tensorboard", is_flag=True, help="Log fine-tuning to --out/tensorboard, too.")
@click.option(
    "--report/--no-report",
    default=True,
    help="Explain and audit the classifier in report.html, which often takes longer than training.",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@data_options
@json_option
def train(source: str, out: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Train on DATA: writes bundle/, metrics.json, history.csv and report.html into --out."""
    from florascope.run import check_out

    check_out(out)
    run = run_training(source, out, options, ignore if as_json else print_results)
    if as_json:
        print_json(run.to_json())
        return
    for part in ("report", "bundle"):
        if part in run.files:
            click.echo(f"{part.capitalize()}: {run.files[part]}")


@dataclass(frozen=True, eq=False)
class Run:
    """A training that is over and written.

    Attributes:
        experiment: what was trained and measured.
        findings: the doctor's.
        files: the path of each part of the run's folder, by name.
    """

    experiment: "Experiment"
    findings: "tuple[Finding, ...]"
    files: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return figures, findings and files as JSON values."""
        findings = [finding.to_json() for finding in self.findings]
        return {**self.experiment.to_json(), "findings": findings, "files": self.files}


def run_training(
    source: str,
    out: Path,
    options: dict[str, Any],
    tell: Callable[["Experiment"], None],
    rivals: Sequence["ResultRow"] = (),
) -> Run:
    """Open the data, train and write the run's folder.

    Args:
        source: what to train on.
        out: the run's folder.
        options: the command's.
        tell: given the figures as soon as they are known, before the report is made.
        rivals: what stands beside them in the report.
    """
    from florascope.data.splits import choose_split
    from florascope.run import train_diagnosed, write_run
    from florascope.source import open_dataset
    from florascope.training.logbook import Logbook, tensorboard
    from florascope.training.recipes import make_recipe

    given = {k: options[k] for k in ("backbone", "weights") if options[k] is not None}
    given |= {"seed": options["seed"], **parse_settings(options["settings"])}
    recipe = make_recipe(options["name"], **given)
    listeners = [tensorboard(out / "tensorboard")] if options.get("tensorboard") else []
    with progress_bars() as progress:
        folder = Path(options["data_dir"]) if options["data_dir"] else None
        dataset = open_dataset(source, folder, progress)
        split = choose_split(dataset, options["split"], recipe.seed)
        experiment, findings = train_diagnosed(
            dataset,
            split,
            recipe,
            say_findings,
            strict=options["strict"],
            logbook=Logbook(out, listeners=listeners),
            progress=progress,
        )
    name_skipped(experiment)
    tell(experiment)
    with progress_bars() as progress:
        files = write_run(
            experiment,
            out,
            partial(_report, rivals, findings, progress) if options.get("report", True) else None,
            findings=findings,
            half=options.get("half", False),
        )
    return Run(experiment, findings, files)


def _report(
    rivals: Sequence["ResultRow"],
    findings: "Sequence[Finding]",
    progress: "Progress",
    experiment: "Experiment",
) -> str:
    from florascope.report.page import report_html

    return report_html(experiment, rivals=rivals, findings=findings, progress=progress)


def say_findings(findings: Sequence["Finding"]) -> None:
    """Say what the doctor found, on standard error; notes wait for the report."""
    for finding in findings:
        if finding.severity != "note":
            note(str(finding))


def parse_settings(settings: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE pairs.

    Raises:
        click.UsageError: one has no equals sign.
    """
    pairs = [text.partition("=") for text in settings]
    for name, equals, value in pairs:
        if not equals:
            raise click.UsageError(f"--set {name}{value}: expected NAME=VALUE")
    return {name: value for name, _, value in pairs}


def name_skipped(experiment: "Experiment", limit: int = 5) -> None:
    """Name the photos that could not be read, on standard error."""
    problems = experiment.bank.problems
    if not problems:
        return
    note(f"Skipped {len(problems)} of {len(experiment.dataset)} photos:")
    for index in sorted(problems)[:limit]:
        note(f"  {problems[index]}")
    if len(problems) > limit:
        note(f"  and {len(problems) - limit} more (metrics.json counts them)")


def print_results(experiment: "Experiment", title: str = "") -> None:
    """Print the results table."""
    headers = ("", "photos", "top-1", "top-5", "mean per class", "loss")
    rows = [(s, *metric_cells(m)) for s, m in experiment.metrics.items()]
    print_table(headers, rows, title)
    click.echo(f"{experiment.seconds:.1f} s")


def metric_cells(metrics: "Metrics") -> tuple[str, ...]:
    """Write a subset's figures for a table."""
    shares = (metrics.top1, metrics.top5, metrics.mean_class)
    return (str(metrics.n), *map(percent, shares), f"{metrics.loss:.4f}")
