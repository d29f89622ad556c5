"""Evidence from our own runs and trainings."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from florascope.bundle.participation import Participation
from florascope.data.dataset import SUBSETS, Dataset, FilePhoto, Indexes, Photo, Split
from florascope.data.identity import Hashes, content_keys
from florascope.data.recorded import related_photos
from florascope.doctor.anatomy import Network
from florascope.doctor.diagnosis import Diagnosis, judge
from florascope.doctor.evidence import (
    Answers,
    Claims,
    Derived,
    Evidence,
    Finding,
    Inputs,
    Subset,
    ordered,
)
from florascope.doctor.network import examine, find_head
from florascope.doctor.provenance import origins
from florascope.doctor.traces import modes
from florascope.doctor.trials import Loop
from florascope.errors import PhotoError
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.fusing import fuse
from florascope.nets.weights import load_backbone
from florascope.parallel import is_first_process
from florascope.preprocessing import Preprocessing
from florascope.progress import Progress, silent
from florascope.training.devices import leave_to_first_process
from florascope.training.experiment import Experiment, backbone_of, train
from florascope.training.recipes import Finetune, Recipe

Digests = tuple[str, ...]


def shared_digests(dataset: Dataset, split: Split) -> dict[str, Digests]:
    """Digests of the photos of each subset, equal for equal files.

    Files of different sizes differ: only those whose size is met in another subset are read. The
    others, and photos that cannot be read, get a word of their own.
    """
    sizes = {s: [_size(dataset.photos[i]) for i in part.tolist()] for s, part in split.items()}
    met = Counter(size for own in sizes.values() for size in set(own))
    return {
        subset: tuple(
            _digest(dataset, i) if size is None or met[size] > 1 else f"alone {i}"
            for i, size in zip(part.tolist(), sizes[subset], strict=True)
        )
        for subset, part in split.items()
    }


def _place(dataset: Dataset, index: int) -> str:
    """Where a photo lies; its name and number where that is in no file."""
    photo = dataset.photos[index]
    return str(photo.path) if isinstance(photo, FilePhoto) else f"{photo.name} (number {index})"


def _size(photo: Photo) -> int | None:
    """Bytes of a photo's file; None where it lies in none."""
    path = getattr(photo, "path", None)
    try:
        return path.stat().st_size if isinstance(path, Path) else None
    except OSError:
        return None


def _digest(dataset: Dataset, index: int) -> str:
    try:
        return dataset.photos[index].digest()
    except PhotoError:
        return f"unreadable {index}"


SEEN = 8  # photos of each side that are looked at
FEW = 4  # of them go through the network in each mode
FITTED = 2048  # photos that the quick probe learns from
FROZEN = frozenset(
    {"class-report", "seed", "probe"}
)  # recipes that leave the backbone as it is; finetune may not


def before_training(
    dataset: Dataset, split: Split, backbone: Backbone, known: Evidence | None = None
) -> tuple[Finding, ...]:
    """Check data, split, input and weights in seconds, before anything is trained.

    Args:
        dataset: the photos.
        split: their division.
        backbone: with the weights and preprocessing that the training will use.
        known: what `data_evidence` shows of them, where it has been gathered already.

    Returns:
        The findings, most likely cause first.
    """
    known = known or data_evidence(dataset, split)
    train, val = (_tensors(dataset, split[s], backbone.preprocessing)[0] for s in ("train", "val"))
    if min(len(train), len(val)) == 0:  # nothing could be read: training says so itself
        return judge(known)
    evidence = replace(
        known,
        inputs=Inputs(train.numpy(), val.numpy(), backbone.preprocessing),
        val_answers=_embedded(backbone, val, dataset),
    )
    return judge(evidence)


def after_training(
    experiment: Experiment, known: Evidence | None = None, progress: Progress = silent
) -> tuple[Finding, ...]:
    """Check a finished run in seconds: its answers, features, figures and weights.

    Args:
        experiment: the run, whose features and logits are at hand.
        known: what `data_evidence` shows of its photos, where it has been gathered already.
        progress: told of photos that are held against others by their keypoints.

    Returns:
        The findings, most likely cause first.
    """
    return judge(evidence_of(experiment, known, progress))


def diagnose_run(experiment: Experiment) -> Diagnosis:
    """The same, timed."""
    start = time.perf_counter()
    findings = after_training(experiment)
    return Diagnosis(findings, time.perf_counter() - start)


def evidence_of(
    experiment: Experiment, known: Evidence | None = None, progress: Progress = silent
) -> Evidence:
    """Gather what a finished run shows; arguments as for `after_training`."""
    at_hand = (experiment.bank.values[0], experiment.logits)
    told = experiment.to_json()
    evidence = run_evidence(
        experiment.dataset,
        experiment.split,
        experiment.classifier,
        at_hand,
        experiment.bank.readable,
        told,
        known,
    )
    reported = {f"{s}_top1": m.top1 for s, m in experiment.metrics.items()}
    if record := experiment.participation:
        evidence = with_hashes(evidence, {s: keys.hashes for s, keys in record.photos.items()})
        evidence = with_derived(evidence, record, experiment.dataset, progress)
    return replace(
        evidence,
        loop=Loop(history=tuple(row for row in experiment.history if "epoch" in row)),
        claims=Claims({**reported, "val_loss": experiment.metrics["val"].loss}),
    )


def run_evidence(
    dataset: Dataset,
    split: Split,
    classifier: Classifier,
    at_hand: tuple[Float32[np.ndarray, "n c"], Float32[np.ndarray, "n k"]],
    readable: Bool[np.ndarray, "n"],
    told: Mapping[str, Any],
    known: Evidence | None = None,
) -> Evidence:
    """Gather what a classifier and the features of its photos show.

    Args:
        dataset: the photos.
        split: their division.
        classifier: the network.
        at_hand: (n, c) features and (n, K) logits of the photos.
        readable: whether a photo has them.
        told: what the run says of itself; its "backbone", "weights" and "recipe" are used.
        known: what `data_evidence` shows of them, where it has been gathered already.
    """
    features, logits = at_hand
    kept = split.only(readable)
    images, at = _tensors(dataset, kept.val, classifier.preprocessing)
    learned, _ = _tensors(dataset, kept.train, classifier.preprocessing)
    labels = torch.from_numpy(dataset.labels[at])
    chosen: dict[str, Indexes] = {f"{s}_answers": some(kept[s]) for s in SUBSETS if len(kept[s])}
    said: dict[str, Any] = {
        k: Answers(dataset.labels[i], logits[i], features[i]) for k, i in chosen.items()
    }
    return replace(
        known or data_evidence(dataset, split),
        trained=True,
        inputs=Inputs(learned.numpy(), images.numpy(), classifier.preprocessing),
        modes=modes(classifier, images[:FEW], labels[:FEW], lambda _: logits[at[:FEW]]),
        network=network_of(classifier, images, told) if "backbone" in told else None,
        **said,
    )


def network_of(classifier: Classifier, images: Tensor, told: Mapping[str, Any]) -> Network:
    """Compare the weights with the pretrained ones that the run names."""
    frozen = ("backbone",) if told.get("recipe") in FROZEN else ()
    reference = _reference(told, images)
    head = find_head(classifier, images[:1])
    return examine(classifier, images, head, frozen=frozen, reference=reference)


def _reference(told: Mapping[str, Any], images: Tensor) -> dict[str, Tensor]:
    """The pretrained weights as the recipe writes them.

    Fine-tuning with BatchNorm standing still folds it into the convolutions and hands it back as a
    shift alone (`florascope.nets.fusing`); the pretrained weights must be folded alike.
    """
    net = load_backbone(str(told["backbone"]), told.get("weights")).net
    if told.get("recipe") != Finetune.name or told.get("train_batchnorm"):
        return dict(net.state_dict())
    fused = fuse(net, images[:2])
    return fused.unfused(dict(fused.net.state_dict()))


COMPARED = ("train", "val")  # of which files are opened: no check holds test's against them


def data_evidence(dataset: Dataset, split: Split) -> Evidence:
    """Gather what labels, split, digests and headers of files show before anything is trained."""
    classes = tuple(c.name for c in dataset.classes)
    digests = shared_digests(dataset, split)
    places = {s: tuple(_place(dataset, i) for i in part.tolist()) for s, part in split.items()}
    subsets: dict[str, Any] = {
        subset: Subset(
            len(part),
            dataset.labels[part],
            classes,
            places[subset],
            digests[subset],
            origins=origins(places[subset], dataset.labels[part]) if subset in COMPARED else None,
        )
        for subset, part in split.items()
    }
    return Evidence(len(dataset.classes), **subsets, trained=False)


def with_hashes(evidence: Evidence, hashes: Mapping[str, Hashes]) -> Evidence:
    """Add perceptual hashes of the photos of each subset."""
    parts: dict[str, Any] = {
        subset: replace(known, hashes=hashes[subset])
        for subset in SUBSETS
        if (known := getattr(evidence, subset)) is not None
    }
    return replace(evidence, **parts)


def with_record(evidence: Evidence, record: Participation) -> Evidence:
    """Let the photos that took part be those of a bundle's record, wherever they are now."""
    nothing = Subset(0, np.zeros(0, np.int64))
    parts: dict[str, Any] = {
        subset: replace(
            getattr(evidence, subset) or nothing,
            size=len(keys),
            paths=(),
            digests=tuple(map(str, keys.contents.tolist())),
            hashes=keys.hashes,
        )
        for subset, keys in record.photos.items()
    }
    return replace(evidence, **parts)


def with_derived(
    evidence: Evidence, record: Participation, dataset: Dataset, progress: Progress = silent
) -> Evidence:
    """Add which photos of val and test are crops or edits of photos of another subset.

    Args:
        evidence: what is known.
        record: of the photos; nothing is looked for where it has no marks.
        dataset: the photos at hand, found in the record by their content.
        progress: told of each photo of val and test.
    """
    parts = {s: marks for s in SUBSETS[:2] if (marks := record.photos[s].marks) is not None}
    if not parts:
        return evidence
    at_hand = {key: i for i, key in enumerate(content_keys(dataset).tolist())}
    rows = {
        s: [at_hand.get(k) for k in keys.contents.tolist()] for s, keys in record.photos.items()
    }
    asked = [(s, n, i) for s in SUBSETS[1:] for n, i in enumerate(rows[s]) if i is not None]
    known = [(s, i) for s in parts for i in rows[s] if i is not None]
    photos, sources = ([dataset.photos[i] for *_, i in side] for side in (asked, known))
    recorded = [own[[i is not None for i in rows[s]]] for s, own in parts.items()]
    pairs = related_photos(photos, sources, np.concatenate(recorded), progress)
    found = defaultdict(list)
    for one, other in pairs.tolist():
        (measured, n, i), (seen, j) = asked[one], known[other]
        if seen != measured:
            found[seen, measured].append(Derived(n, _place(dataset, i), _place(dataset, j)))
    return replace(evidence, derived=found)


def some(indexes: Indexes, count: int = FITTED) -> Indexes:
    """Pick evenly, at most count."""
    if len(indexes) <= count:
        return indexes
    return indexes[np.linspace(0, len(indexes) - 1, count).astype(np.int64)]


def _tensors(
    dataset: Dataset, indexes: Indexes, preprocessing: Preprocessing
) -> tuple[Tensor, list[int]]:
    """A few readable photos as the network gets them, and which they are."""
    tensors, read = [], []
    for i in some(indexes, 2 * SEEN).tolist():
        try:
            tensors.append(torch.from_numpy(preprocessing(dataset.photos[i].read())))
            read.append(i)
        except PhotoError:
            continue
        if len(read) == SEEN:
            break
    size = preprocessing.size
    images = torch.stack(tensors) if tensors else torch.zeros(0, 3, size, size)
    # Convolutions on a CPU take a third of the time where channels lie together.
    return images.contiguous(memory_format=torch.channels_last), read


def _embedded(backbone: Backbone, images: Tensor, dataset: Dataset) -> Answers:
    """Features before there is a head: outputs are all zero."""
    with torch.no_grad():
        features = backbone(images).features.numpy()
    zeros = np.zeros((len(images), len(dataset.classes)), np.float32)
    return Answers(np.zeros(len(images), np.int64), zeros, features)


def read_history(run: Path) -> Sequence[dict[str, float]]:
    """Rows of a run's history.csv that are epochs; none where the file is missing."""
    import csv

    path = run / "history.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as file:
        rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    return [row for row in rows if "epoch" in row]


def read_figures(run: Path) -> dict[str, Any]:
    """A run's metrics.json; {} where the file is missing."""
    path = run / "metrics.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


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
    data = data_evidence(dataset, split) if is_first_process() else None
    early = before_training(dataset, split, backbone, data) if data else ()
    say(early)
    experiment = train(dataset, split, recipe, backbone=backbone, **options)
    leave_to_first_process()
    same = None if experiment.bank.problems else data  # else less is left of it
    known = {finding.cause for finding in early}
    progress = options.get("progress", silent)
    after = after_training(experiment, same, progress)
    late = tuple(finding for finding in after if finding.cause not in known)
    say(late)
    return experiment, ordered((*early, *late))
