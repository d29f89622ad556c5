"""The folder of a finished run: bundle, figures, history; written whole or not at all."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from florascope.bundle.config import FILES
from florascope.bundle.facts import carry_facts, read_facts
from florascope.data.dataset import Dataset
from florascope.data.species import Species
from florascope.doctor.evidence import Finding
from florascope.errors import FlorascopeError
from florascope.files import check_folder, json_text, new_folder
from florascope.metrics import per_class
from florascope.nets.saving import fill_bundle
from florascope.training.experiment import Experiment
from florascope.training.logbook import FILE, SOUP, as_csv
from florascope.training.recipes import describe

OUTLINE = "Answers with one of {} classes. Backbone {}, linear head."
LICENCE = (
    "The photos of {} belong to their authors; none is in this bundle. Training started from the"
    " weights named below: their licence, and that of the photos, may bind whoever passes these"
    " weights on."
)
LIMITS = (
    "For photos like those of {}. Its logits always name one of its classes, also for a photo of"
    " something else; florascope refuses most of those, not all. Do not use it to decide"
    " whether a plant is safe to touch or eat."
)


def model_card(experiment: Experiment) -> str:
    """Write a bundle's README.md (Mitchell et al. 2019, "Model Cards for Model Reporting")."""
    name = experiment.dataset.name
    return "\n".join(
        [
            f"# Image classifier for {name}",
            "",
            OUTLINE.format(len(experiment.dataset.classes), experiment.recipe.backbone),
            "",
            "## Figures",
            "",
            *_figures(experiment),
            "",
            *_calibration(experiment),
            "## Data and licence",
            "",
            LICENCE.format(name),
            "",
            "## How it was made",
            "",
            *(f"- {key}: {value}" for key, value in describe(experiment.recipe).items()),
            f"- split: {experiment.split.name}",
            f"- photos that could not be read: {len(experiment.bank.problems)}",
            "",
            "## Intended use and limits",
            "",
            LIMITS.format(name),
            "",
            "## Every class on the test photos",
            "",
            *_classes(experiment),
            "",
        ]
    )


def _figures(experiment: Experiment) -> list[str]:
    rows = ["| photos | n | top-1 | top-5 | mean per class | loss |", "|---|---|---|---|---|---|"]
    for subset, m in experiment.metrics.items():
        shares = " | ".join(f"{value:.4f}" for value in (m.top1, m.top5, m.mean_class, m.loss))
        rows.append(f"| {subset} | {m.n} | {shares} |")
    return rows


def _calibration(experiment: Experiment) -> list[str]:
    if experiment.calibrated is None:
        return []
    figures = experiment.calibrated.calibration
    how = (
        f"photos of train and val, out of {figures.folds} folds" if figures.folds else "val photos"
    )
    rough = " Treat them as rough." if figures.rough else ""
    return [f"Probabilities and refusals were calibrated on {figures.photos} {how}.{rough}", ""]


def _classes(experiment: Experiment) -> list[str]:
    test = experiment.split.test
    found = per_class(experiment.logits[test], experiment.dataset.labels[test])
    rows = ["| id | class | test photos | recall | precision |", "|---|---|---|---|---|"]
    for c, m in zip(experiment.dataset.classes, found, strict=True):
        figures = f"{m.support} | {m.recall:.3f} | {m.precision:.3f}"
        rows.append(f"| {_cell(c.id)} | {_cell(c.name)} | {figures} |")
    return rows


def _cell(text: str) -> str:
    """Keep a name from ending its cell or row."""
    return " ".join(text.split()).replace("|", "\\|")


BUNDLE, HISTORY, METRICS = "bundle", "history.csv", "metrics.json"
PARTS = frozenset({BUNDLE, HISTORY, METRICS, "report.html", "tensorboard", FILE, SOUP})
BUNDLE_FILES = frozenset(FILES)


def check_out(out: Path, dataset: Dataset | None = None, *, overwrite: bool = False) -> None:
    """Refuse, before any work is done, a place that cannot become a run's folder.

    An earlier run's folder, even an unfinished one, can.

    Args:
        out: the place.
        dataset: what is to be trained on; None leaves open whether an earlier run was, too.
        overwrite: an earlier run may be one of other data.

    Raises:
        FlorascopeError: it is a file, lies in one, cannot be written, or is a folder that holds
            something else or a run of other data.
        DataError: the facts.csv that the bundle would take over tells what cannot be.
    """
    check_folder(out)
    if not out.is_dir():
        return
    _check_nothing_is_lost(out)
    if dataset is None:
        return
    if not overwrite:
        _check_same_data(out, dataset)
    read_facts(_facts_folder(dataset, out), dataset.classes)


def own_facts(dataset: Dataset) -> dict[str, Species]:
    """Return what a facts.csv beside the class folders tells of them; nothing where there is none.

    Raises:
        DataError: it tells what cannot be.
    """
    source = Path(dataset.source)  # a name, such as "garden", is no folder
    return read_facts(source, dataset.classes) if source.is_absolute() else {}


def _facts_folder(dataset: Dataset, out: Path) -> Path:
    """Return whose facts.csv a run's bundle takes over: the photos', else an earlier run's."""
    return Path(dataset.source) if own_facts(dataset) else out / BUNDLE


def _check_nothing_is_lost(out: Path) -> None:
    """Check that all files of a folder are a run's; beside a finished run there may be others."""
    if (out / "report.html").is_dir():
        raise FlorascopeError(
            f"{out / 'report.html'} is a folder", expected="another place, or no such folder"
        )
    others = [] if (out / METRICS).is_file() else _others(out, PARTS)
    if (out / BUNDLE).is_dir():
        others += _others(out / BUNDLE, BUNDLE_FILES)
    if others:
        raise FlorascopeError(
            f"{others[0].parent} holds other files and no earlier run ({others[0].name})",
            expected="a new or empty folder",
        )


def _others(folder: Path, known: frozenset[str]) -> list[Path]:
    entries = sorted(folder.iterdir())
    return [e for e in entries if e.name not in known and not e.name.startswith(".")]


def _check_same_data(out: Path, dataset: Dataset) -> None:
    """Check that an earlier run was trained on the same source, or one of the same name."""
    try:
        told = json.loads((out / METRICS).read_text("utf-8"))
        trained_on = told.get("source") or told["data"]
    except (OSError, ValueError, KeyError, AttributeError):  # none, or none that can be read
        return
    place = dataset.source and os.path.realpath(dataset.source)
    if trained_on not in {dataset.name, dataset.source} and os.path.realpath(trained_on) != place:
        raise FlorascopeError(
            f"{out} holds a run of other data ({trained_on})",
            expected=f"a new folder for a run of {dataset.source or dataset.name}",
            fix="Choose another folder, or replace that run with `overwrite=True`",
        )


def write_run(
    experiment: Experiment,
    out: Path,
    *,
    findings: Sequence[Finding] = (),
    half: bool = False,
    overwrite: bool = False,
) -> dict[str, str]:
    """Write RUN/{bundle/, history.csv, metrics.json}, all of them or none.

    They take the place of an earlier run in one step. Its checkpoint and report.html go, which
    speak of another network; its TensorBoard logs and files that are no run's stay.

    Args:
        experiment: the finished run.
        out: the run's folder.
        findings: the doctor's, for metrics.json.
        half: store the bundle's weights in half precision.
        overwrite: replace a run of other data, too.

    Returns:
        The path of each part, by name.
    """
    check_out(out, experiment.dataset, overwrite=overwrite)
    figures = experiment.to_json()
    found = [finding.to_json() for finding in findings]
    with new_folder(out) as draft:
        (draft / BUNDLE).mkdir()
        fill_bundle(
            experiment.classifier,
            draft / BUNDLE,
            figures,
            model_card(experiment),
            experiment.calibrated,
            half=half,
            participation=experiment.participation,
        )
        carry_facts(_facts_folder(experiment.dataset, out), draft / BUNDLE)
        (draft / HISTORY).write_text(as_csv(experiment.history), encoding="utf-8")
        told = {**figures, "source": experiment.dataset.source, "findings": found}
        (draft / METRICS).write_text(json_text(told, indent=2) + "\n", encoding="utf-8")
        _keep(out, draft)
    parts = {"bundle": BUNDLE, "history": HISTORY, "metrics": METRICS}
    return {name: str(out / part) for name, part in parts.items()}


def _keep(out: Path, draft: Path) -> None:
    """Link what stays of an earlier run's folder into the draft that takes its place."""
    if not out.is_dir():
        return
    for entry in _others(out, PARTS - {"tensorboard"}):
        if entry.is_dir():
            shutil.copytree(entry, draft / entry.name, copy_function=_link, symlinks=True)
        else:
            _link(entry, draft / entry.name)


def _link(source: str | Path, target: str | Path) -> None:
    """Give a file a second name; copy it where the disk knows none."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
