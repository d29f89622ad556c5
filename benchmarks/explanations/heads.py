"""Whether heads of binary cross-entropy give truer maps ("How to Probe", arXiv 2503.00641).

    python benchmarks/explanations/heads.py --features features.pt

The shipped backbone stays; its head is compared with probes on its features of every other training
photo: by cross-entropy, and by binary cross-entropy (a sigmoid for each class). Half of the
validation photos choose the penalty and the temperature, by cross-entropy; accuracy, loss and
calibration error are those of the other half. Localisation is that of the class activation map on
two validation photos side by side and on one's middle pasted before another's corner (`scenes.py`).
Writes results/heads.csv beside this file, or to --out. Needs FLORASCOPE_DATA with flowers-102.
"""

import argparse
import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from scenes import SPLIT, Material, Scenes, pairs, pasted, recognised
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from florascope.audit.localisation import localise
from florascope.bundle.config import find_bundle
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.explanation.cam import ClassActivationMap
from florascope.explanation.inference import FastClassifier
from florascope.files import write_text
from florascope.nets.classifier import Classifier, LinearHead, centre_head
from florascope.nets.saving import load_classifier

BATCH = 4
PENALTIES = (1e-3, 1e-4, 1e-5)
BINS = 15
Loss = Callable[[Tensor, Tensor], Tensor]
Labelled = tuple[Tensor, Tensor]


def embedded(classifier: Classifier) -> dict[str, Labelled]:
    """Features and labels of every other training photo and of all validation photos."""
    data, fast = oxford102(), FastClassifier(classifier)
    split = choose_split(data, str(Path(os.environ["FLORASCOPE_DATA"]) / "flowers-102" / SPLIT))
    found = {}
    for name, rows in (("train", split.train[::2]), ("val", split.val)):
        parts = []
        for at in range(0, len(rows), BATCH):
            photos = [data.photos[row].read() for row in rows[at : at + BATCH]]
            crops = np.stack([classifier.preprocessing.crop(photo) for photo in photos])
            images = torch.from_numpy(classifier.preprocessing.normalise(crops))
            parts.append(fast.backbone(images).features.clone())
        found[name] = torch.cat(parts), torch.tensor(data.labels[rows])
    return found


def categorical(logits: Tensor, labels: Tensor) -> Tensor:
    """One softmax."""
    return cross_entropy(logits, labels)


def binary(logits: Tensor, labels: Tensor) -> Tensor:
    """A sigmoid a class, summed over the classes."""
    truth = one_hot(labels, logits.shape[1]).to(logits)
    return binary_cross_entropy_with_logits(logits, truth) * logits.shape[1]


def fit(loss: Loss, train: Labelled, penalty: float) -> LinearHead:
    """Minimise loss + penalty / 2 |W|^2 on features of deviation 1; fold the scale into W."""
    (features, labels), scale = train, train[0].std()
    weight = torch.zeros(int(labels.max()) + 1, features.shape[1], requires_grad=True)
    bias = torch.zeros(len(weight), requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        logits = features @ (weight / scale).T + bias
        value = loss(logits, labels) + penalty / 2 * weight.square().sum()
        value.backward()
        return value

    solver.step(closure)
    return LinearHead((weight / scale).detach(), bias.detach())


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The factor on logits with the least cross-entropy."""
    factors = torch.logspace(-1, 1.5, 101)
    losses = torch.stack([cross_entropy(factor * logits, labels) for factor in factors])
    return float(factors[losses.argmin()])


def heads(shipped: LinearHead, data: dict[str, Labelled]) -> Iterator[tuple[str, LinearHead]]:
    """The shipped head, and the best probe by each loss."""
    yield "shipped", shipped
    features, labels = (part[::2] for part in data["val"])
    for name, loss in (("cross-entropy", categorical), ("binary cross-entropy", binary)):
        fitted = [fit(loss, data["train"], penalty) for penalty in PENALTIES]
        judged = [head(features) for head in fitted]
        losses = [float(cross_entropy(temperature(x, labels) * x, labels)) for x in judged]
        yield name, centre_head(fitted[int(np.argmin(losses))])


def figures(head: LinearHead, data: dict[str, Labelled]) -> list[float]:
    """Accuracy, cross-entropy and calibration error on the half that chose nothing."""
    chosen, held = ([part[start::2] for part in data["val"]] for start in (0, 1))
    logits = head(held[0]) * temperature(head(chosen[0]), chosen[1])
    sure, answer = logits.softmax(1).max(1)
    right = (answer == held[1]).float()
    bins = (sure * BINS).long().clamp_max(BINS - 1)
    gaps = [abs(float((right - sure)[bins == b].sum())) for b in range(BINS)]
    return [float(right.mean()), float(cross_entropy(logits, held[1])), sum(gaps) / len(right)]


def located(classifier: Classifier, scenes: Scenes) -> list[float]:
    """Pixel AUROC and energy over area of the class activation map, mean over scenes."""
    found = []
    for row, mask in enumerate(scenes.masks):
        part = slice(row, row + 1)
        maps = ClassActivationMap()(classifier, scenes.images[part], scenes.targets[part]).values
        one = localise(maps[0].numpy(), mask)
        found.append([one.auroc, one.energy_ratio])
    return list(np.mean(found, 0))


def rows(classifier: Classifier, data: dict[str, Labelled]) -> Iterator[list[object]]:
    """One row a head."""
    yield ["head", "top1", "loss", "ece", *(f"{k} {f}" for k in ("pair", "pasted") for f in PLACED)]
    photos, fast = Material.of(classifier, 160), FastClassifier(classifier)
    kinds = [recognised(classifier, made, 0) for made in (pairs(photos, 24), pasted(photos, 32))]
    shipped = LinearHead(classifier.head.weight.detach(), classifier.head.bias.detach())
    for name, head in heads(shipped, data):
        fast.head = torch.nn.Linear(head.weight.shape[1], len(head.bias))
        fast.set_head(head.weight, head.bias)
        numbers = [*figures(head, data), *(f for kind in kinds for f in located(fast, kind))]
        yield [name, *(f"{number:.3f}" for number in numbers)]


PLACED = ("auroc", "energy_ratio")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", default="flowers102-mobilenetv2")
    parser.add_argument("--features", type=Path, help="Kept here; read from here if there.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    classifier = load_classifier(find_bundle(options.bundle))
    if options.features and options.features.is_file():
        data = torch.load(options.features)
    else:
        data = embedded(classifier)
        if options.features:
            torch.save(data, options.features)
    table = io.StringIO()
    for row in rows(classifier, data):
        csv.writer(table, lineterminator="\n").writerow(row)
        print(*row, sep="  ", flush=True)
    write_text(options.out / "heads.csv", table.getvalue())


if __name__ == "__main__":
    main()
