"""The folder of a finished run: bundle, figures, history and report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from florascope.doctor.finding import Finding
from florascope.errors import FlorascopeError
from florascope.files import write_json, write_text
from florascope.model.saving import save_bundle
from florascope.training.card import model_card
from florascope.training.checkpoint import FILE
from florascope.training.experiment import Experiment
from florascope.training.logbook import as_csv

Report = Callable[[Experiment], str]


PARTS = frozenset({"bundle", "history.csv", "report.html", "metrics.json", "tensorboard", FILE})


def check_out(out: Path) -> None:
    """Refuse, before any work is done, a place that cannot become a run's folder.

    An earlier run's folder, even an unfinished one, can.

    Raises:
        FlorascopeError: it is a file, lies in one, or is a folder that holds something else.
    """
    for place in (out, *out.parents):
        if place.is_file():
            raise FlorascopeError(f"{place} is a file", expected="a folder for --out")
    if not out.is_dir() or (out / "metrics.json").is_file():
        return
    if any(entry.name not in PARTS and not entry.name.startswith(".") for entry in out.iterdir()):
        raise FlorascopeError(
            f"{out} holds other files and no earlier run",
            expected="a new or empty folder for --out",
        )


def write_run(
    experiment: Experiment,
    out: Path,
    report: Report | None,
    *,
    findings: Sequence[Finding] = (),
    half: bool = False,
) -> dict[str, str]:
    """Write RUN/{bundle/, history.csv, report.html, metrics.json}, each wholly or not at all.

    metrics.json comes last: where it is, the run is complete, and its checkpoint goes.

    Args:
        experiment: the finished run.
        out: the run's folder.
        report: makes the HTML page; None leaves it out, and an earlier one is removed.
        findings: the doctor's, for metrics.json.
        half: store the bundle's weights in half precision.

    Returns:
        The path of each part, by name.
    """
    check_out(out)
    paths = {"bundle": out / "bundle", "history": out / "history.csv"}
    page, metrics = out / "report.html", out / "metrics.json"
    metrics.unlink(missing_ok=True)
    figures = experiment.to_json()
    card, calibrated = model_card(experiment), experiment.calibrated
    save_bundle(experiment.classifier, paths["bundle"], figures, card, calibrated, half=half)
    write_text(paths["history"], as_csv(experiment.history))
    if report is None:
        page.unlink(missing_ok=True)
    else:
        write_text(page, report(experiment))
        paths["report"] = page
    write_json(metrics, {**figures, "findings": [f.to_json() for f in findings]})
    paths["metrics"] = metrics
    (out / FILE).unlink(missing_ok=True)
    return {name: str(path) for name, path in paths.items()}
