"""From photos to a run: open, split, look, train, look again; and a run's folder opened again."""

import csv
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from florascope.api.results import MetricsTable
from florascope.api.run import Run
from florascope.bundle.config import read_config
from florascope.calibration.calibration import Calibrated
from florascope.calibration.likelihood_ratio import LikelihoodRatio
from florascope.calibration.similarity import class_means
from florascope.data.dataset import SUBSETS, Dataset, Split
from florascope.data.remarks import remarks
from florascope.data.splits import choose_split
from florascope.doctor.diagnosis import Diagnosis
from florascope.doctor.evidence import Finding
from florascope.doctor.own import train_diagnosed
from florascope.errors import BundleError, DataError, TrainingError, check_arguments
from florascope.evaluation.held_out import Origin, recorded_split
from florascope.features.embedding import embed
from florascope.features.engines import (
    EXACT,
    Engine,
    asks_for_fastest,
    choose_runtime,
)
from florascope.files import claimed
from florascope.metrics import Metrics
from florascope.nets.classifier import Classifier
from florascope.nets.library import torch_defaults
from florascope.nets.saving import load_classifier
from florascope.progress import Progress, shown
from florascope.run_folder import own_facts
from florascope.source import load
from florascope.training.devices import check_precision
from florascope.training.experiment import Experiment
from florascope.training.logbook import Logbook
from florascope.training.recipes import Finetune, Probe, Recipe, make_recipe

LOG = logging.getLogger("florascope")


@check_arguments(TrainingError)
@torch_defaults()
def train(  # noqa: PLR0913 (each by name alone)
    data: Any,  # noqa: ANN401 (see `florascope.load`)
    recipe: Recipe | None = None,
    *,
    split: str | None = None,
    seed: int | None = None,
    engine: str | None = None,
    keypoints: bool | None = None,
    strict: bool = False,
    force: bool = False,
    checkpoints: str | PathLike[str] | Logbook | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train a classifier on labelled photos, measured and diagnosed.

        run = fs.train("photos/", fs.Probe(views=8), seed=3)
        run.metrics["test"].top1

    What the doctor finds before and after is logged (logger "florascope") and stops nothing.

    Args:
        data: what `florascope.load` takes or gives.
        recipe: `Probe()` (the default), `Finetune(...)` or `ClassReport(...)`.
        split: "official", "80-10-10", "folder", "csv" or the path of a .csv file; None takes the
            data's own split where there is one, and draws 80-10-10 otherwise.
        seed: of the split and of all that the recipe draws; None takes the recipe's.
        engine: who embeds the photos where the backbone is frozen: "onnxruntime" (the default:
            exact, and what answers later), "fast" for the fastest here, which may compute in
            bfloat16, or another of `FLORASCOPE_ENGINE`.
        keypoints: whether the bundle keeps by what crops and edits of these photos are recognised
            when it is evaluated (256 bytes a photo; as much work as the features, once). None: of
            up to 1,000 photos.
        strict: stop at the first photo that cannot be read, instead of leaving it out.
        force: fine-tune in a precision that this machine has to imitate, however slowly.
        checkpoints: folder where fine-tuning keeps its checkpoint, so that the same call goes on
            where it was stopped; None keeps none.
        progress: told of each step; None draws a bar where somebody can see one.

    Raises:
        DataError: the data or the split cannot be used.
        FlorascopeError: the engine is unknown or not installed, or another process keeps its
            checkpoint in that folder just now.
        TrainingError: an argument is of another kind, the training diverged, or this machine lacks
            the recipe's precision.
        WeightsError: the backbone's weights are not to be had.
    """
    chosen = recipe or Probe()
    if isinstance(chosen, Finetune):
        check_precision(chosen.precision, force=force)
    embedder = choose_runtime(wanted=engine)
    if asks_for_fastest(engine):
        LOG.warning("The fastest engine here is %s: %s", embedder.name, embedder.reason)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    logbook = _logbook(checkpoints)
    with shown(progress) as told, _alone(logbook):
        dataset = load(data, progress=told)
        own_facts(dataset)  # what is wrong with them is said before hours pass
        experiment, findings = train_diagnosed(
            dataset,
            choose_split(dataset, split, chosen.seed),
            chosen,
            _log,
            engine=embedder,
            keypoints=keypoints,
            strict=strict,
            logbook=logbook,
            progress=told,
        )
    _log_skipped(experiment)
    for remark in remarks(dataset, experiment.split, experiment.bank.readable):
        LOG.warning("%s", remark)
    return run_of(experiment, findings)


def run_of(experiment: Experiment, findings: Sequence[Finding] = ()) -> Run:
    """Return a finished experiment as a run."""
    return Run(
        experiment.classifier,
        experiment.recipe,
        MetricsTable(experiment.metrics),
        Diagnosis(tuple(findings)),
        experiment,
        Origin(
            experiment.participation,
            experiment.classifier.preprocessing,
            experiment.split.name,
            experiment.recipe.seed,
        ),
    )


def _logbook(checkpoints: str | PathLike[str] | Logbook | None) -> Logbook | None:
    if checkpoints is None or isinstance(checkpoints, Logbook):
        return checkpoints
    return Logbook(Path(checkpoints))


def _alone(logbook: Logbook | None) -> AbstractContextManager[None]:
    """Keep other trainings from a logbook's folder."""
    return nullcontext() if logbook is None or logbook.folder is None else claimed(logbook.folder)


def _log(findings: Sequence[Finding]) -> None:
    """Log errors and warnings; notes wait for whoever looks at the diagnosis."""
    for finding in findings:
        if finding.severity != "note":
            LOG.warning("%s", finding)


def _log_skipped(experiment: Experiment, limit: int = 5) -> None:
    """Log which photos could not be read."""
    problems = experiment.bank.problems
    if not problems:
        return
    LOG.warning("Skipped %d of %d photos:", len(problems), len(experiment.dataset))
    for index in sorted(problems)[:limit]:
        LOG.warning("  %s", problems[index])
    if len(problems) > limit:
        LOG.warning("  and %d more (metrics.json counts them)", len(problems) - limit)


@check_arguments(BundleError)
@torch_defaults()
def open_run(
    path: str | PathLike[str],
    data: Any = None,  # noqa: ANN401 (see `florascope.load`)
) -> Run:
    """Open a run's folder.

    Figures, findings and explanations are there at once; what needs the run's photos (confusions,
    mistakes, audit, report) reads them when it is first asked for.

    Args:
        path: the folder that `Run.save` or `florascope train` wrote.
        data: the run's photos, as `florascope.load` takes them; None looks where they were.

    Raises:
        BundleError: the folder is no run's, or its bundle is damaged.
    """
    folder = Path(path)
    figures = _figures(folder)
    classifier = load_classifier(folder / "bundle")
    recipe = _recipe(figures)
    metrics = MetricsTable({s: Metrics.from_json(figures[s]) for s in SUBSETS if s in figures})
    findings = tuple(Finding(**values) for values in figures.get("findings", ()))
    origin = Origin.read(folder / "bundle")
    again = partial(_gather, folder, figures, classifier, recipe, data, origin)
    return Run(classifier, recipe, metrics, Diagnosis(findings), again, origin)


def _figures(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    try:
        figures = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        missing = f"no {path.name} in it" if folder.is_dir() else "no such folder"
        reason = missing if isinstance(error, FileNotFoundError) else f"{path.name}: {error}"
        raise BundleError(
            f"{folder} is no finished run ({reason})",
            expected="the folder of a run that was saved",
            fix="Train one, `florascope.train('photos/').save('runs/mine')`",
        ) from error
    if not isinstance(figures, dict) or "recipe" not in figures:
        raise BundleError(f"{path} names no recipe", expected="the figures of a run")
    return figures


def _recipe(figures: Mapping[str, Any]) -> Recipe:
    """The recipe with the settings that this version knows."""
    name = str(figures["recipe"])
    known = make_recipe(name)
    settings = {k: figures[k] for k in known.__dataclass_fields__ if k in figures}
    return make_recipe(name, **settings)


@torch_defaults()
def _gather(
    folder: Path,
    figures: Mapping[str, Any],
    classifier: Classifier,
    recipe: Recipe,
    data: Any,  # noqa: ANN401
    origin: Origin,
) -> Experiment:
    """Read a run's photos again, and what its network makes of them."""
    with shown(None) as progress:
        dataset = load(_source(folder, figures) if data is None else data, progress=progress)
        engine, marked = Engine(classifier.backbone), origin.knows_derived
        bank = embed(dataset.photos, engine, marked=marked, progress=progress)
    split = _split(origin, dataset, figures, recipe.seed).only(bank.readable)
    head = classifier.fitted_head
    metrics = {s: Metrics.from_json(figures[s]) for s in SUBSETS}
    features, labels = bank.values[0], dataset.labels
    logits = head.logits(features)
    calibration = read_config(folder / "bundle").calibration
    means = class_means(features[split.train], labels[split.train], len(classifier.classes))
    ratio = None
    if calibration and calibration.familiarity:
        ratio = LikelihoodRatio.fit(features[split.train], labels[split.train], len(means))
    calibrated = Calibrated(calibration, means, ratio) if calibration else None
    history = _history(folder / "history.csv")
    return Experiment(
        dataset,
        split,
        recipe,
        classifier,
        bank,
        logits,
        history,
        metrics,
        seconds=float(figures.get("seconds", 0.0)),
        calibrated=calibrated,
        engine=str(figures.get("engine", EXACT.name)),
    )


def _source(folder: Path, figures: Mapping[str, Any]) -> str:
    source = str(figures.get("source", ""))
    if not source:
        raise DataError(
            f"{folder} does not say where its photos lie",
            expected="a run that was trained on a folder, a list or a named data set",
            fix="Hand them over: open_run(folder, data=...)",
        )
    return source


def _split(origin: Origin, dataset: Dataset, figures: Mapping[str, Any], seed: int) -> Split:
    """The very photos that trained, selected and measured; drawn again in runs of version 0.1."""
    split = recorded_split(origin, dataset)
    if split is None:
        return choose_split(dataset, str(figures["split"]).partition(" (")[0], seed)
    for subset, part in split.items():
        if not len(part):
            raise DataError(
                f"none of the run's {subset} photos is among the {len(dataset)} of {dataset.name}",
                expected="the photos that the run was trained on",
                fix="Hand them over: open_run(folder, data=...)",
            )
    return split


def _history(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [{key: float(value) for key, value in row.items() if value} for row in rows]
