"""A training with the doctor beside it, before the first step and after the last."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from florascope.data.dataset import Dataset, Split
from florascope.doctor.finding import Finding, ordered
from florascope.doctor.own import after_training, before_training
from florascope.errors import FlorascopeError
from florascope.files import write_json, write_text
from florascope.metrics import per_class
from florascope.nets.saving import save_bundle
from florascope.training.devices import is_first_process, leave_to_first_process
from florascope.training.experiment import Experiment, backbone_of, train
from florascope.training.logbook import FILE, as_csv
from florascope.training.recipes import Recipe, describe

Say = Callable[[Sequence[Finding]], None]


def train_diagnosed(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    say: Say,
    **options: Any,  # noqa: ANN401 (those of `train`, which checks them)
) -> tuple[Experiment, tuple[Finding, ...]]:
    """Train, told of what is wrong before the training starts and after it has ended.

    Findings stop nothing: only their reader can know that a warning does not matter. Of several
    processes that share a training, only the first is looked at, and only it returns.

    Args:
        dataset: the labelled photos.
        split: their division.
        recipe: how to fit.
        say: told of the findings before, then of those that came to light after.
        options: further ones of `florascope.training.experiment.train`.

    Returns:
        The finished run, and all findings, most likely cause first.

    Raises:
        FlorascopeError: whatever the training raises.
    """
    backbone = backbone_of(recipe)
    early = before_training(dataset, split, backbone) if is_first_process() else ()
    say(early)
    experiment = train(dataset, split, recipe, backbone=backbone, **options)
    leave_to_first_process()
    known = {finding.cause for finding in early}
    late = tuple(f for f in after_training(experiment) if f.cause not in known)
    say(late)
    return experiment, ordered((*early, *late))


OUTLINE = "Answers with one of {} classes. Backbone {}, linear head."
LICENCE = (
    "The photos of {} belong to their authors; none is in this bundle. Training started from the"
    " weights named below: their licence, and that of the photos, may bind whoever passes these"
    " weights on."
)
LIMITS = (
    "For photos like those of {}. Its logits always name one of its classes, also for a photo of"
    " something else; `florascope identify` refuses most of those, not all. Do not use it to decide"
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
    *,
    findings: Sequence[Finding] = (),
    half: bool = False,
) -> dict[str, str]:
    """Write RUN/{bundle/, history.csv, metrics.json}, each wholly or not at all.

    metrics.json comes last: where it is, the run is complete, and its checkpoint goes. An earlier
    run's report.html goes, too: it speaks of another network.

    Args:
        experiment: the finished run.
        out: the run's folder.
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
    page.unlink(missing_ok=True)
    found = [finding.to_json() for finding in findings]
    write_json(metrics, {**figures, "source": experiment.dataset.source, "findings": found})
    paths["metrics"] = metrics
    (out / FILE).unlink(missing_ok=True)
    return {name: str(path) for name, path in paths.items()}
