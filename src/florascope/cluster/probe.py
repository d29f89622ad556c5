"""A linear probe on features that need not fit into memory."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from jaxtyping import Float32, Float64, Int64
from pyarrow import compute
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from florascope.calibration.calibration import Calibrated
from florascope.calibration.fitting import HeldOut, fit_figures
from florascope.calibration.similarity import similarities
from florascope.cluster.job import Job
from florascope.data.dataset import SUBSETS, ClassName
from florascope.data.names import natural_key
from florascope.errors import DataError
from florascope.files import cache_dir
from florascope.nets.classifier import (
    Classifier,
    Features,
    LinearHead,
    Slope,
    Targets,
    slope_of,
)
from florascope.nets.saving import save_bundle
from florascope.nets.weights import load_backbone
from florascope.progress import Progress, silent
from florascope.training.probe import Whitening, ridge_for, walk
from florascope.training.recipes import Probe

BLOCK = 8192  # photos in memory
CALIBRATED = 20_000  # validation photos that a calibration looks at; more would not sharpen it
COLUMNS = ("label", "split", "digest", "features", "problem")

Block = tuple[Features, Targets]


@dataclass(frozen=True, eq=False)
class StreamedSamples:
    """Features with their classes in two files, read block by block, in rows' order.

    Attributes:
        features: the file of (n, c) float32.
        targets: the file of (n,) int64.
        width: c.
    """

    features: Path
    targets: Path
    width: int

    def __len__(self) -> int:
        return self.targets.stat().st_size // 8

    def blocks(self) -> Iterator[Block]:
        """Yield features (b, c) and class indexes (b,)."""
        with self.features.open("rb") as rows, self.targets.open("rb") as labels:
            while len(found := np.fromfile(labels, np.int64, BLOCK)):
                block = np.fromfile(rows, np.float32, len(found) * self.width)
                yield torch.from_numpy(block.reshape(-1, self.width)), torch.from_numpy(found)

    def score(self, head: LinearHead) -> tuple[float, float]:
        """Cross-entropy in nats, and top-1."""
        loss, hits = 0.0, 0
        for features, targets in self.blocks():
            logits = head(features)
            loss += cross_entropy(logits, targets, reduction="sum").item()
            hits += int((logits.argmax(1) == targets).sum())
        return loss / len(self), hits / len(self)


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the training photos, from which their whitening follows.

    Attributes:
        counts: (K,) photos of each class.
        sums: (K, c) of their features.
        products: (c, c) sum of f f^T.
    """

    counts: Int64[np.ndarray, "k"]
    sums: Float64[np.ndarray, "k c"]
    products: Float64[np.ndarray, "c c"]

    @classmethod
    def of(cls, samples: StreamedSamples, classes: int) -> "Moments":
        """Add up in float64: covariances are small differences of large sums."""
        moments = cls(
            np.zeros(classes, np.int64),
            np.zeros((classes, samples.width)),
            np.zeros((samples.width, samples.width)),
        )
        for features, targets in samples.blocks():
            rows, labels = features.numpy().astype(np.float64), targets.numpy()
            np.add.at(moments.counts, labels, 1)
            moments.sums[:] += one_hot(targets, classes).numpy().T.astype(np.float64) @ rows
            moments.products[:] += rows.T @ rows
        return moments

    def whitening(self, ridge: float) -> Whitening:
        """Return the same as `Whitening.of` all samples, up to rounding."""
        n = self.counts.sum()
        centre = self.sums.sum(0) / n
        scaled = self.sums / np.sqrt(np.maximum(self.counts, 1))[:, None]
        within = (self.products - scaled.T @ scaled) / n
        total = self.products / n - np.outer(centre, centre)
        return Whitening.of_moments(_single(centre), _single(within), _single(total), ridge)

    @property
    def means(self) -> Float32[np.ndarray, "k c"]:
        """Unit class means, (K, c) float32; zero for a class of none."""
        lengths = np.linalg.norm(self.sums, axis=1, keepdims=True)
        return (self.sums / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def _single(values: Float64[np.ndarray, "*shape"]) -> Float32[Tensor, "*shape"]:
    return torch.from_numpy(values.astype(np.float32))


def slope_of_blocks(samples: StreamedSamples, weight: Tensor, bias: Tensor) -> Slope:
    """Mean cross-entropy of a head, and its gradient, added up block by block."""
    loss, hits, slopes = 0.0, 0.0, (torch.zeros_like(weight), torch.zeros_like(bias))
    for features, targets in samples.blocks():
        part = slope_of(features, targets, weight, bias)
        loss, hits = loss + part.loss, hits + part.hits
        slopes[0].add_(part.weight)
        slopes[1].add_(part.bias)
    return Slope(loss, *slopes, hits).over(len(samples))


def fit_streamed(
    train: StreamedSamples,
    val: StreamedSamples,
    moments: Moments,
    recipe: Probe,
    progress: Progress = silent,
) -> LinearHead:
    """Do what `florascope.training.probe.fit_probe` does, reading the photos block by block.

    The head is folded onto plain features before each pass, so that no photo is whitened.

    Args:
        train: the training photos' features.
        val: the validation photos' features.
        moments: of the training photos.
        recipe: penalty, ridge and patience.
        progress: told after each iteration.

    Raises:
        TrainingError: no iteration gives a finite loss.
    """
    whitening = moments.whitening(ridge_for(recipe, len(train)))

    def loss(weight: Tensor, bias: Tensor) -> Slope:
        return whitening.unfold(slope_of_blocks(train, *whitening.fold(weight, bias)))

    return walk(loss, val.score, whitening, len(moments.counts), recipe, progress)


def train_from_features(
    features: str, out: Path, recipe: Probe | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Train a bundle from what `florascope embed` wrote of labelled photos.

    Photos without a split are divided by their content, a tenth each for validation and test, so
    that copies of a photo lie on one side.

    Args:
        features: the job's folder.
        out: where the bundle goes.
        recipe: of the probe; its views are of no account, since photos were embedded as they are.
        progress: told after each iteration.

    Returns:
        Photos, loss and top-1 of each subset, as in the bundle's provenance.

    Raises:
        DataError: the job is not one of `embed`, or its photos have fewer than two classes.
    """
    recipe, job = recipe or Probe(), Job.kept(features)
    if job.about["task"] != "embed":
        raise DataError(
            f"{features} holds a job of {job.about['task']}",
            expected="features",
            fix="Make them: `florascope.map(photos, out=folder, model=Embed())`",
        )
    backbone = load_backbone(job.about["backbone"], job.about["weights"] or None)
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="streamed-") as folder:
        names, samples = divide(job, Path(folder))
        moments = Moments.of(samples["train"], len(names))
        head = fit_streamed(samples["train"], samples["val"], moments, recipe, progress)
        calibrated = _calibrated(samples["val"], head, moments)
        metrics = {s: _figures(part, head) for s, part in samples.items() if len(part)}
    classifier = Classifier(backbone, tuple(ClassName(name, name) for name in names)).eval()
    classifier.set_head(head.weight, head.bias)
    provenance = {"data": job.about["source"], "recipe": "probe", "metrics": metrics}
    save_bundle(classifier, out, provenance, calibrated=calibrated)
    return metrics


def divide(job: Job, folder: Path) -> tuple[list[str], dict[str, StreamedSamples]]:
    """Write the features of each subset into files of a folder, and name the classes.

    Raises:
        DataError: there are fewer than two classes, or no photos to train or to validate on.
    """
    labels = Counter[str]()
    for batch in job.batches(["label", "problem"]):
        labels.update(batch["label"].filter(batch["problem"].is_null()).drop_null().to_pylist())
    names = sorted(labels, key=natural_key)
    if len(names) < 2:
        raise DataError(
            f"the photos have {len(names)} classes",
            expected="two or more",
            fix="Embed a folder of class folders, or a list with a column label",
        )
    index = {name: k for k, name in enumerate(names)}
    width = job.columns.field("features").type.list_size
    samples = {s: StreamedSamples(folder / f"{s}.f32", folder / f"{s}.i64", width) for s in SUBSETS}
    for part in samples.values():
        part.features.touch()
        part.targets.touch()
    for batch in job.batches(COLUMNS):
        _append(batch, index, samples)
    for subset in ("train", "val"):
        if not len(samples[subset]):
            raise DataError(f"no photos of the subset {subset}", expected="some of each")
    return names, samples


def _append(
    batch: pa.RecordBatch, index: dict[str, int], samples: dict[str, StreamedSamples]
) -> None:
    """Write a batch's labelled features into the files of their subsets."""
    known = compute.and_(compute.is_null(batch["problem"]), compute.is_valid(batch["label"]))
    kept = batch.filter(known)
    targets = np.array([index[label] for label in kept["label"].to_pylist()], np.int64)
    pairs = zip(kept["split"].to_pylist(), kept["digest"].to_pylist(), strict=True)
    sides = np.array([split or drawn_subset(digest) for split, digest in pairs])
    rows = kept["features"].flatten().to_numpy().reshape(len(targets), -1)
    for subset, part in samples.items():
        at = sides == subset
        with part.features.open("ab") as features, part.targets.open("ab") as labels:
            features.write(rows[at].tobytes())
            labels.write(targets[at].tobytes())


def drawn_subset(digest: str) -> str:
    """Draw a photo's subset by its content: train of 8 in 10, val of one, test of one."""
    return {0: "val", 1: "test"}.get(int(digest[:8], 16) % 10, "train")


def _calibrated(val: StreamedSamples, head: LinearHead, moments: Moments) -> Calibrated:
    logits, alike, labels = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for features, targets in islice(val.blocks(), -(-CALIBRATED // BLOCK)):
        logits.append(head(features).numpy())
        alike.append(similarities(features.numpy(), moments.means).max(1))
        labels.append(targets.numpy())
    held_out = HeldOut(np.concatenate(logits), np.concatenate(alike), np.concatenate(labels))
    return Calibrated(fit_figures(held_out), moments.means)


def _figures(part: StreamedSamples, head: LinearHead) -> dict[str, float]:
    loss, top1 = part.score(head)
    return {"photos": len(part), "loss": loss, "top1": top1}
