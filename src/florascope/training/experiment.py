"""One training run from photos to measured classifier."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float32

from florascope.bundle.participation import Participation
from florascope.calibration.calibration import Calibrated
from florascope.calibration.fitting import HeldOut, calibrate
from florascope.data.dataset import Dataset, Split
from florascope.data.recorded import RECORDED
from florascope.data.remarks import remarks, unreadable_classes
from florascope.data.splits import check_usable
from florascope.errors import DataError
from florascope.features.embedding import FeatureBank, Views, embed
from florascope.features.engines import EXACT, Engine, RuntimeChoice, choose_runtime
from florascope.metrics import Metrics, measure
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import (
    Classifier,
    LinearHead,
    centre_head,
    join_samples,
    soften_head,
)
from florascope.nets.weights import default_weights, load_backbone, with_preprocessing
from florascope.progress import Progress, silent
from florascope.training.batches import LabelledPhotos, Transform
from florascope.training.heads import fit_dense, fit_head, samples_of
from florascope.training.logbook import Logbook
from florascope.training.probe import cross_fit, is_cross_fitted
from florascope.training.recipes import Finetune, Probe, Recipe, describe

if TYPE_CHECKING:  # what only fine-tuning needs is imported there: a probe takes seconds in all
    from florascope.training.finetune import Learned, Tuned


@dataclass(frozen=True, eq=False)
class Experiment:
    """A finished run.

    Attributes:
        dataset: all photos.
        split: which of the readable photos trained, selected and measured.
        recipe: how the head was fitted, its weights named even where they were left to choose.
        classifier: the network, in eval mode.
        bank: features of every photo, (1, n, c).
        logits: (n, K) of every photo; rows of unreadable photos mean nothing.
        history: one row a step of the fit.
        metrics: of "train", "val" and "test", on plain photos.
        seconds: from the first photo to the last figure.
        calibrated: what the classifier's verdicts rest on.
        engine: who embedded the photos; bfloat16 moves features by some hundredths.
    """

    dataset: Dataset
    split: Split
    recipe: Recipe
    classifier: Classifier
    bank: FeatureBank
    logits: Float32[np.ndarray, "n k"]
    history: list[dict[str, float]]
    metrics: dict[str, Metrics]
    seconds: float
    calibrated: Calibrated | None = None
    engine: str = EXACT.name

    @property
    def participation(self) -> Participation | None:
        """Which photos trained, selected and measured; None for features made elsewhere."""
        keys = self.bank.photos
        if keys is None:
            return None
        return Participation.of(self.dataset, self.split, self.recipe.seed, keys)

    def to_json(self) -> dict[str, Any]:
        """Return the run's figures as JSON values."""
        return {
            "data": self.dataset.name,
            "photos": len(self.dataset),
            "classes": len(self.dataset.classes),
            "skipped": len(self.bank.problems),
            "ignored": dict(self.dataset.ignored),
            "remarks": list(remarks(self.dataset, self.split, self.bank.readable)),
            "split": self.split.name,
            **describe(self.recipe),
            **{subset: metrics.to_json() for subset, metrics in self.metrics.items()},
            "engine": self.engine,
            "seconds": self.seconds,
        }


def train(  # noqa: PLR0913 (each by name alone)
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    *,
    backbone: Backbone | None = None,
    engine: RuntimeChoice | None = None,
    keypoints: bool | None = None,
    strict: bool = False,
    logbook: Logbook | None = None,
    progress: Progress = silent,
) -> Experiment:
    """Fit a classifier on the train photos, select on val, measure on all three.

    Args:
        dataset: the labelled photos.
        split: their division.
        recipe: how to fit; the same recipe (with its seed) gives the same numbers.
        backbone: the recipe's (`backbone_of`), where it has been loaded already.
        engine: who embeds the photos; None for what `choose_runtime` takes without being asked.
        keypoints: record by what derived photos are recognised later; None: of up to `RECORDED`
            photos.
        strict: refuse to go on where a photo cannot be read, instead of leaving it out.
        logbook: where fine-tuning keeps its checkpoint and history; None keeps nothing.
        progress: told of every longer step.

    Raises:
        DataError: strict and a photo is unreadable, or too few are readable.
        TrainingError: the fit diverged.
        WeightsError: the backbone's weights are not to be had.
    """
    start = time.perf_counter()
    recipe = replace(recipe, weights=recipe.weights or default_weights(recipe.backbone))
    backbone = backbone or backbone_of(recipe)
    embedder = Engine(backbone, engine or choose_runtime())
    marked = len(dataset) <= RECORDED if keypoints is None else keypoints
    bank = embed(dataset.photos, embedder, marked=marked, progress=progress)
    keys = bank.photos
    readable = _readable(dataset, split, bank, strict=strict)
    head = _fit(dataset, readable, recipe, embedder, bank, progress)
    classifier = Classifier(backbone, dataset.classes).eval()
    classifier.set_head(head.weight, head.bias)
    history = head.history
    if isinstance(recipe, Finetune):
        book = replace(logbook or Logbook(), origin=_origin(dataset, readable, recipe, bank))
        tuned = _finetune(classifier, dataset, readable, recipe, book, progress)
        head, bank = _settle(classifier, tuned.epochs, dataset, readable, recipe, progress)
        bank, history = replace(bank, photos=keys), tuned.history
    logits = head.logits(bank.values[0])
    metrics = {s: measure(logits[i], dataset.labels[i]) for s, i in readable.items()}
    held_out = _cross_fitted(dataset, readable, recipe, bank, history)
    calibrated = calibrate(bank.values[0], logits, dataset.labels, readable, held_out)
    seconds = time.perf_counter() - start
    return Experiment(
        dataset,
        readable,
        recipe,
        classifier,
        bank,
        logits,
        history,
        metrics,
        seconds,
        calibrated,
        EXACT.name if isinstance(recipe, Finetune) else embedder.choice.name,
    )


def backbone_of(recipe: Recipe) -> Backbone:
    """Load the recipe's backbone, with the preprocessing that the recipe asks for.

    Raises:
        WeightsError: its weights are not to be had.
    """
    weights = recipe.weights or default_weights(recipe.backbone)
    backbone = load_backbone(recipe.backbone, weights)
    with_preprocessing(backbone, **recipe.preprocessing)
    return backbone


def _readable(dataset: Dataset, split: Split, bank: FeatureBank, *, strict: bool) -> Split:
    """Leave out unreadable photos, or refuse them."""
    if bank.problems and strict:
        first = min(bank.problems)
        raise DataError(
            f"{len(bank.problems)} of {len(dataset)} photos cannot be read; the first:"
            f" {bank.problems[first]}",
            fix="Mend or remove them, or leave out `strict` to skip them",
        )
    kept = split.only(bank.readable)
    check_usable(kept, dataset, _lost(dataset, bank))
    return kept


def _lost(dataset: Dataset, bank: FeatureBank) -> str:
    """Say how many photos could not be read, of which classes none is left, and one reason."""
    if not bank.problems:
        return ""
    whole = unreadable_classes(dataset, bank.readable)
    labels = {k for k, known in enumerate(dataset.classes) if known in whole}
    first = min(bank.problems, key=lambda i: (int(dataset.labels[i]) not in labels, i))
    told = f"{len(bank.problems)} of {len(dataset)} photos cannot be read"
    classes = (f"none of the {count} of {known.name} can" for known, count in whole.items())
    return f" that can be read ({'; '.join([told, *classes])}; {bank.problems[first]})"


def _fit(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    engine: Engine,
    bank: FeatureBank,
    progress: Progress,
) -> LinearHead:
    train, val = (samples_of(dataset, bank.values[0], split[s]) for s in ("train", "val"))
    if isinstance(recipe, Finetune):
        head = fit_head(train, val, recipe, progress)
        return soften_head(head, val, recipe.label_smoothing)
    if not recipe.views:
        return fit_head(train, val, recipe, progress)
    photos = [dataset.photos[i] for i in split.train]
    views = Views(recipe.augmentation, recipe.views, recipe.seed)
    augmented = embed(photos, engine, views=views, progress=progress)
    seen = [replace(train, features=torch.from_numpy(v.copy())) for v in augmented.values]
    if isinstance(recipe, Probe):
        return fit_head(join_samples([train, *seen]), val, recipe, progress)
    return centre_head(fit_dense(seen, val, recipe, progress=progress))


def _cross_fitted(
    dataset: Dataset,
    split: Split,
    recipe: Recipe,
    bank: FeatureBank,
    history: list[dict[str, float]],
) -> HeldOut | None:
    if not is_cross_fitted(recipe, split):
        return None
    known = np.concatenate([split.train, split.val])
    return cross_fit(samples_of(dataset, bank.values[0], known), recipe, history)


def _finetune(
    classifier: Classifier,
    dataset: Dataset,
    split: Split,
    recipe: Finetune,
    logbook: Logbook,
    progress: Progress,
) -> "Tuned":
    """Fine-tune as often as the recipe's soup asks for, always from the same start."""
    from florascope.training.finetune import Learned, blend, finetune, re_estimated

    start = Learned.of(classifier)
    runs: list[Tuned] = []
    for member in range(recipe.soup):
        start.put_into(classifier)
        own = replace(recipe, seed=recipe.seed + member)
        train, val = _labelled(classifier, dataset, split, own)
        book = logbook.of_member(member)
        runs.append(finetune(classifier, train, val, own, book, progress=progress))
    if recipe.soup == 1:
        return runs[0]
    tuned = blend(runs)
    if not recipe.train_batchnorm:
        return tuned
    return tuned._replace(epochs=tuple(re_estimated(e, classifier, train) for e in tuned.epochs))


def _labelled(
    classifier: Classifier, dataset: Dataset, split: Split, recipe: Finetune
) -> tuple[LabelledPhotos, LabelledPhotos]:
    """The photos that train and select, each as the recipe shows them."""
    from florascope.training.finetune import training_transform

    def of(subset: str, transform: Transform) -> LabelledPhotos:
        return LabelledPhotos(
            [dataset.photos[i] for i in split[subset]],
            dataset.labels[split[subset]],
            len(dataset.classes),
            transform,
            recipe.batch_size,
            balanced=recipe.balanced and subset == "train",
        )

    train = of("train", training_transform(classifier, recipe))
    return train, of("val", Transform(classifier.preprocessing))


def _settle(
    classifier: Classifier,
    epochs: "Sequence[Learned]",
    dataset: Dataset,
    split: Split,
    recipe: Finetune,
    progress: Progress,
) -> tuple[LinearHead, FeatureBank]:
    """Let the classifier answer by an epoch's own head or a probe, and return its features, too."""
    from florascope.training.finetune import Candidate, choose_candidate

    probes: list[Candidate] = []
    learned: list[Candidate] = []
    for epoch in epochs:
        epoch.put_into(classifier)
        bank = embed(dataset.photos, Engine(classifier.backbone), progress=progress)
        train, val = (samples_of(dataset, bank.values[0], split[s]) for s in ("train", "val"))
        own = centre_head(LinearHead(epoch.weight, epoch.bias))
        learned.append(Candidate.of(epoch, own, bank, val))
        probe = fit_head(train, val, recipe, progress)
        probes.append(Candidate.of(epoch, probe, bank, val))
    chosen = choose_candidate(probes, learned)
    chosen.epoch.put_into(classifier)
    classifier.set_head(chosen.head.weight, chosen.head.bias)
    return chosen.head, chosen.bank


def _origin(dataset: Dataset, split: Split, recipe: Finetune, bank: FeatureBank) -> dict[str, Any]:
    """What a run must share with the checkpoint it goes on from."""
    digest = hashlib.blake2b(dataset.labels.tobytes(), digest_size=8)
    for indexes in (split.train, split.val):
        digest.update(indexes.tobytes())
    return {
        **describe(recipe),
        "data": dataset.name,
        "photos": bank.key,
        "split": f"{split.name} ({digest.hexdigest()})",
    }
