"""From what a user names (a run, a bundle, a data set) to a diagnosis."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from florascope.bundle.config import find_bundle, read_config
from florascope.bundle.participation import Participation
from florascope.data.dataset import Dataset, Split
from florascope.data.identity import PhotoKeys, content_keys, looks_of
from florascope.data.oxford102 import oxford102_at_hand
from florascope.data.splits import choose_split
from florascope.doctor.diagnosis import Diagnosis, judge
from florascope.doctor.evidence import Answers, Claims, Evidence
from florascope.doctor.own import (
    data_evidence,
    network_of,
    read_figures,
    read_history,
    run_evidence,
    some,
    with_derived,
    with_hashes,
    with_record,
)
from florascope.doctor.trials import Loop
from florascope.errors import BundleError
from florascope.evaluation.held_out import Origin, choose_division
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.health.looks import hashes, look_at_all
from florascope.metrics import measure
from florascope.nets.saving import load_classifier
from florascope.nets.weights import default_weights, load_backbone
from florascope.progress import Progress, silent
from florascope.source import open_dataset

BACKBONE = "mobilenetv2_100"
OWN_DATA = {"Oxford Flowers 102": "oxford102", "garden": "garden"}
"""What runs call the data sets that can be opened by name."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the doctor is asked.

    Attributes:
        target: a run's folder, a bundle, or DATA.
        source: the photos of a run or bundle; None takes the run's own where they can be found.
        split: of the photos; None takes the run's own.
        weights: of the network that looks at DATA.
        data_dir: where oxford102 lies.
        quick: leave out what takes longer than a few seconds.
    """

    target: str
    source: str | None = None
    split: str | None = None
    weights: str | None = None
    data_dir: Path | None = None
    quick: bool = False


def examine(question: Question, progress: Progress = silent) -> Diagnosis:
    """Diagnose a run, a bundle or a data set.

    Raises:
        FlorascopeError: the target is none of them, or cannot be read.
    """
    start = time.perf_counter()
    bundle = _bundle(question.target)
    evidence = (
        _of_data(question, progress) if bundle is None else _of_bundle(bundle, question, progress)
    )
    findings = judge(evidence)
    return Diagnosis(findings, time.perf_counter() - start)


def _bundle(target: str) -> Path | None:
    try:
        return find_bundle(target)
    except BundleError:
        return None


def _of_data(question: Question, progress: Progress) -> Evidence:
    """Labels, split and photos; and what a pretrained network's features say of the labels."""
    dataset = open_dataset(question.target, question.data_dir, progress)
    split = choose_split(dataset, question.split)
    evidence = data_evidence(dataset, split)
    if question.quick:
        return evidence
    weights = question.weights or default_weights(BACKBONE)
    engine = Engine(load_backbone(BACKBONE, "flowers" if weights == "timm" else weights))
    evidence = _with_hashes(evidence, dataset, split, progress)
    parts: dict[str, Any] = {}
    for subset in ("train", "val"):
        chosen = some(split[subset])
        bank = embed([dataset.photos[i] for i in chosen], engine, progress=progress)
        at = chosen[bank.readable]
        zeros = np.zeros((len(at), len(dataset.classes)), np.float32)
        features = bank.values[0, bank.readable]
        parts[f"{subset}_answers"] = Answers(dataset.labels[at], zeros, features)
    return replace(evidence, **parts)


def _with_hashes(
    evidence: Evidence, dataset: Dataset, split: Split, progress: Progress
) -> Evidence:
    """Add perceptual hashes, which need every photo decoded."""
    parts = {}
    for subset, part in split.items():
        photos = [dataset.photos[i] for i in part.tolist()]
        parts[subset] = hashes(look_at_all(photos, progress, f"Reading {subset} photos"))
    return with_hashes(evidence, parts)


def _of_bundle(bundle: Path, question: Question, progress: Progress) -> Evidence:
    """A run's figures, weights and, where its photos are to be had, its answers."""
    classifier, told = load_classifier(bundle), read_config(bundle).provenance
    origin = Origin.read(bundle)
    run = bundle.parent
    figures = {**told, **read_figures(run)}
    dataset = _photos_of(question, figures, progress)
    if dataset is None:
        size = classifier.preprocessing.size
        blank = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
        network = network_of(classifier, blank, figures) if "backbone" in figures else None
        rows = tuple(read_history(run))
        claims = Claims(_reported(figures))
        K = len(classifier.classes)
        evidence = Evidence(K, network=network, loop=Loop(history=rows), claims=claims)
        return with_record(evidence, origin.record) if origin.record else evidence
    split = _split_of(origin, dataset, question.split, progress)
    at = np.concatenate([some(split.train), some(split.val)])
    bank = embed([dataset.photos[i] for i in at], Engine(classifier.backbone), progress=progress)
    features = np.zeros((len(dataset), bank.values.shape[2]), np.float32)
    features[at] = bank.values[0]
    kept = np.zeros(len(dataset), bool)
    kept[at] = bank.readable
    head = classifier.fitted_head
    evidence = run_evidence(
        dataset, split, classifier, (features, head.logits(features)), kept, figures
    )
    evidence = replace(
        evidence,
        loop=Loop(history=tuple(read_history(run))),
        claims=Claims(_reported(figures) or _measured(evidence)),
    )
    if origin.record is None:
        return evidence if question.quick else _with_hashes(evidence, dataset, split, progress)
    record = origin.record
    if question.split is not None:
        record = _as_claimed(record, origin, dataset, split, progress)
    evidence = with_record(evidence, record)
    return evidence if question.quick else with_derived(evidence, record, dataset, progress)


def _split_of(origin: Origin, dataset: Dataset, spec: str | None, progress: Progress) -> Split:
    """The split that is asked for, whatever its photos did; else that of the training."""
    if spec is None:
        return choose_division(origin, dataset, progress=progress)
    return choose_split(dataset, spec, origin.seed)


def _as_claimed(
    record: Participation, origin: Origin, dataset: Dataset, split: Split, progress: Progress
) -> Participation:
    """The photos that trained, beside those which a split now calls val and test."""
    photos = {"train": record.photos["train"]}
    for subset in ("val", "test"):
        part = split[subset]
        looks = looks_of([dataset.photos[i] for i in part], origin.preprocessing, progress)
        photos[subset] = PhotoKeys(content_keys(dataset)[part], looks)
    return Participation(split.name, record.seed, photos)


def _measured(evidence: Evidence) -> dict[str, float]:
    found = evidence.val_answers
    if found is None:
        return {}
    return {"val_loss": measure(found.outputs, found.labels).loss}


def _photos_of(
    question: Question, figures: dict[str, object], progress: Progress
) -> Dataset | None:
    spec = question.source or OWN_DATA.get(str(figures.get("data")))
    if spec == "oxford102" and oxford102_at_hand(question.data_dir) is None:
        return None  # nothing is downloaded for a diagnosis that did not ask for it
    return open_dataset(spec, question.data_dir, progress) if spec else None


def _reported(figures: dict[str, object]) -> dict[str, float]:
    found: dict[str, float] = {}
    for subset in ("train", "val"):
        part = figures.get(subset)
        if isinstance(part, dict):
            found |= {f"{subset}_{k}": float(part[k]) for k in ("top1", "loss") if k in part}
    return found
