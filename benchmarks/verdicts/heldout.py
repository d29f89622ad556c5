"""Species that no part of a classifier has ever seen: a tenth is held out of a frozen probe.

The shipped network was fine-tuned on all 102, so it cannot play the stranger to any of them. Here
the backbone is ImageNet's, frozen; the head, class means, temperature and thresholds come from 92
species, and all photos of the other ten are asked about.
"""

import numpy as np
import torch

from florascope.calibration.calibration import Calibrated
from florascope.calibration.fitting import calibrate
from florascope.calibration.similarity import Features, similarities
from florascope.data.dataset import Dataset, Split
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.identify.catalogue import Catalogue
from florascope.identify.verdict import Level, judge, unnamed
from florascope.metrics import Labels, Logits, softmax
from florascope.nets.classifier import Samples
from florascope.nets.weights import load_backbone
from florascope.progress import Progress
from florascope.training.probe import fit_probe
from florascope.training.recipes import Probe

HELD_OUT = 10
RECIPE = Probe()


def held_out(
    dataset: Dataset, split: Split, progress: Progress, seed: int = 0
) -> dict[str, list[Level]]:
    """Return the levels of verdicts on the 92 species' test photos and on all of the other ten."""
    engine = Engine(load_backbone("mobilenetv2_100", "torchvision"))
    features = embed(dataset.photos, engine, progress=progress).values[0]
    classes = len(dataset.classes)
    strange = np.random.default_rng(seed).choice(classes, HELD_OUT, replace=False)
    kept = np.setdiff1d(np.arange(classes), strange)
    labels = np.searchsorted(kept, dataset.labels)
    seen = np.isin(dataset.labels, kept)
    inside = split.only(seen)
    logits = _probe(features, labels, inside, len(kept), progress)
    labels[~seen] = 0  # nothing looks at them
    calibrated = calibrate(features, logits, labels, inside)
    catalogue = Catalogue.of(tuple(dataset.classes[k] for k in kept))
    return {
        "known": _levels(features[inside.test], logits[inside.test], calibrated, catalogue),
        "unknown": _levels(features[~seen], logits[~seen], calibrated, catalogue),
    }


def _probe(
    features: Features, labels: Labels, split: Split, classes: int, progress: Progress
) -> Logits:
    train, val = (
        Samples(torch.from_numpy(features[i]), torch.from_numpy(labels[i]), classes)
        for i in (split.train, split.val)
    )
    return fit_probe(train, val, RECIPE, progress=progress).logits(features)


def _levels(
    features: Features, logits: Logits, calibrated: Calibrated, catalogue: Catalogue
) -> list[Level]:
    figures, means, ratio = calibrated
    shares = softmax(logits / figures.temperature)
    alike = similarities(features, means).max(1)
    ratios = None if ratio is None else ratio(features).max(1)
    levels = []
    for n, (p, a) in enumerate(zip(shares, alike, strict=True)):
        judged = judge(p, float(a), figures, catalogue)
        if figures.familiarity and ratios is not None:
            strange = figures.familiarity.is_strange(float(logits[n].max()), float(ratios[n]))
            judged = unnamed(judged) if strange else judged
        levels.append(judged.verdict.level)
    return levels
