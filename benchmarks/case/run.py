"""Which mistake gives train 14 %, validation 5 %, test 5.20 % and a test loss of 4.6937?

    python benchmarks/case/run.py
    python benchmarks/case/run.py --inputs

Re-creates candidate mistakes of the class report on Oxford Flowers 102: Google's MobileNetV2
frozen, Dense(102) fitted by Adam(1e-3) in 6 epochs of batches of 32, an 80/10/10 split, photos
squashed to 224 x 224 (no augmentation, so that features are computed once). Each variant of the
input costs one pass over 8,189 photos; everything else is a head on features that are already
there. Needs FLORASCOPE_DATA and FLORASCOPE_WEIGHTS. Writes results/case.{csv,md} beside this file
after every variant, so that it can be stopped.
"""

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from florascope.data.dataset import Dataset, Labels, Split
from florascope.data.splits import choose_split
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.files import write_text
from florascope.images import RGB
from florascope.metrics import measure
from florascope.nets.classifier import LinearHead, Samples
from florascope.nets.weights import load_backbone, with_preprocessing
from florascope.preprocessing import Preprocessing
from florascope.source import open_dataset
from florascope.training.heads import fit_dense
from florascope.training.recipes import ClassReport

RECIPE = ClassReport(augment=False)
REPORT = (0.14, 0.05, 0.0520, 4.6937)
NEAR = (0.05, 0.02, 0.02, 0.15)
"""How far from the report's train, validation, test accuracy and test loss still fits."""


@dataclass(frozen=True)
class Outcome:
    """What one mistake gives.

    Attributes:
        mistake: what was done.
        train: accuracy on train, as the script would print it.
        val: on validation.
        test: on test.
        loss: on test, in nats.
        fits: how many of the report's four figures it comes near.
    """

    mistake: str
    train: float
    val: float
    test: float
    loss: float

    @property
    def fits(self) -> int:
        """How many of the report's four figures lie within NEAR."""
        mine = (self.train, self.val, self.test, self.loss)
        return sum(abs(a - b) <= d for a, b, d in zip(mine, REPORT, NEAR, strict=True))


@dataclass(frozen=True, eq=False)
class Case:
    """Features of every photo under one input, with labels and split."""

    features: np.ndarray
    labels: Labels
    split: Split
    classes: int

    def samples(self, subset: str, labels: Labels | None = None) -> Samples:
        """One subset's features and labels."""
        at = self.split[subset]
        own = self.labels if labels is None else labels
        features = torch.from_numpy(np.ascontiguousarray(self.features[at]))
        return Samples(features, torch.from_numpy(own[at]), self.classes)

    def fitted(self, labels: Labels | None = None, **settings: float) -> LinearHead:
        """Fit the report's head."""
        recipe = replace(RECIPE, **settings)  # type: ignore[arg-type]
        train = self.samples("train", labels)
        return fit_dense([train] * recipe.epochs, self.samples("val", labels), recipe)

    def outcome(self, mistake: str, head: LinearHead, judged: Labels | None = None) -> Outcome:
        """Measure a head, val and test perhaps by other labels than train."""
        judged = self.labels if judged is None else judged
        logits = head.logits(self.features)
        split = self.split
        found = [measure(logits[split.train], self.labels[split.train])]
        found += [measure(logits[split[s]], judged[split[s]]) for s in ("val", "test")]
        train, val, test = found
        return Outcome(mistake, train.top1, val.top1, test.top1, test.loss)


IMAGENET: dict[str, object] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
SOUND = "none: input in [0, 1], as the report says"
INPUTS: dict[str, dict[str, object]] = {
    SOUND: {},
    "input divided by 255 twice": {"std": (255.0,) * 3},
    "[-1, 1] computed from an input already in [0, 1]": {
        "mean": (127.5,) * 3,
        "std": (127.5,) * 3,
    },
    "input from 0 to 255": {"std": (1 / 255,) * 3},
    "BGR, in [0, 1]": {"channel_order": "bgr"},
    "ImageNet's mean and std": IMAGENET,
    "weights not loaded": {},
    "none: input in [-1, 1], as the weights want": {"mean": (0.5,) * 3, "std": (0.5,) * 3},
}
RANDOM = "weights not loaded"


@dataclass(frozen=True)
class Held:
    """A photo as the network's crop, decoded once for all variants of the input."""

    name: str
    key: str
    crop: np.ndarray

    def read(self) -> RGB:
        """The crop."""
        return self.crop

    def digest(self) -> str:
        """Of the photo's file."""
        return f"{self.key} squashed to {RECIPE.size}"


def held(dataset: Dataset) -> Dataset:
    """Decode and squash every photo: the same pixels as the recipe's own, 150 kB a photo."""
    square = Preprocessing(size=RECIPE.size, crop_mode="squash", crop_pct=1.0)
    with ThreadPoolExecutor(max_workers=2) as pool:
        photos = list(
            pool.map(lambda p: Held(p.name, p.digest(), square.crop(p.read())), dataset.photos)
        )
    return replace(dataset, photos=photos)


def case(dataset: Dataset, split: Split, name: str) -> Case:
    """Embed every photo under one input."""
    backbone = load_backbone("mobilenetv2_100", "random" if name == RANDOM else "google")
    with_preprocessing(backbone, **{**RECIPE.preprocessing, **INPUTS[name]})
    bank = embed(dataset.photos, Engine(backbone))
    return Case(np.array(bank.values[0]), dataset.labels, split, len(dataset.classes))


def heads(sound: Case) -> Iterator[Outcome]:
    """Mistakes that leave the input as it should be."""
    head = sound.fitted()
    draw = np.random.default_rng(0)
    shuffled = sound.labels.copy()
    for subset in ("val", "test"):
        at = sound.split[subset]
        shuffled[at] = draw.permutation(shuffled[at])
    yield sound.outcome("val and test answers shuffled against their labels", head, shuffled)
    text = np.array([sorted(map(str, range(1, 103))).index(str(k + 1)) for k in range(102)])
    yield sound.outcome(
        "val and test number classes 1, 10, 100, train 1, 2, 3", head, text[sound.labels]
    )
    shifted = (sound.labels + 1) % sound.classes
    yield sound.outcome("val and test labels start at 1, train's at 0", head, shifted)
    everywhere = draw.permutation(sound.labels)
    noisy = replace(sound, labels=everywhere)
    yield noisy.outcome("all labels shuffled against their photos", noisy.fitted())
    half = np.where(draw.random(len(sound.labels)) < 0.85, everywhere, sound.labels)
    mixed = replace(sound, labels=half)
    yield mixed.outcome("85 % of all labels shuffled", mixed.fitted())
    yield sound.outcome("softmax twice", softmax_twice(sound))
    for rate in (1e-5, 1e-6, 0.1):
        yield sound.outcome(f"learning rate {rate:g}", sound.fitted(learning_rate=rate))
    own = sound.split
    swapped = replace(sound, split=Split("swapped", own.test, own.val, own.train))
    yield swapped.outcome("train and test swapped (a tenth trains)", swapped.fitted())
    first = [int(own.train[sound.labels[own.train] == k][0]) for k in range(sound.classes)]
    tiny = replace(sound, split=Split("tiny", np.array(first), own.val, own.test))
    yield tiny.outcome("one train photo a class", tiny.fitted())
    yield sound.outcome("one epoch of one batch", one_batch(sound))


def softmax_twice(sound: Case) -> LinearHead:
    """Cross-entropy on probabilities: a softmax layer, and from_logits=True."""
    return _steps(sound, lambda x, y: cross_entropy(x.softmax(1), y), epochs=RECIPE.epochs)


def one_batch(sound: Case) -> LinearHead:
    """steps_per_epoch=1: six steps in all."""
    return _steps(sound, cross_entropy, epochs=RECIPE.epochs, batches=1)


def _steps(
    sound: Case,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    epochs: int,
    batches: int | None = None,
) -> LinearHead:
    train = sound.samples("train")
    torch.manual_seed(0)
    dense = torch.nn.Linear(train.features.shape[1], sound.classes)
    torch.nn.init.xavier_uniform_(dense.weight)
    torch.nn.init.zeros_(dense.bias)
    adam = torch.optim.Adam(dense.parameters(), RECIPE.learning_rate, eps=1e-7)
    for _ in range(epochs):
        order = torch.randperm(len(train.targets)).split(RECIPE.batch_size)
        for batch in order[:batches]:
            value = loss(dense(train.features[batch]), train.targets[batch])
            adam.zero_grad()
            value.backward()
            adam.step()
    return LinearHead(dense.weight.detach(), dense.bias.detach())


def table(rows: Sequence[Outcome]) -> str:
    """Write the outcomes beside the report's figures."""
    lines = [
        "| mistake | train | val | test | test loss | figures that fit, of 4 |",
        "|---|---|---|---|---|---|",
        "| **the report** | 14 % | 5 % | 5.20 % | 4.6937 | |",
    ]
    for r in rows:
        shares = " | ".join(f"{100 * v:.1f} %" for v in (r.train, r.val, r.test))
        lines.append(f"| {r.mistake} | {shares} | {r.loss:.4g} | {r.fits} |")
    return "\n".join(lines) + "\n"


def write(rows: Sequence[Outcome], out: Path) -> None:
    """Write both tables."""
    out.mkdir(parents=True, exist_ok=True)
    write_text(out / "case.md", table(rows))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["mistake", "train", "val", "test", "test_loss", "fits"])
    writer.writerows((*astuple(r), r.fits) for r in rows)
    write_text(out / "case.csv", text.getvalue())


def main() -> None:
    """Re-create, measure, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--inputs", action="store_true", help="the variants of the input alone")
    options = parser.parse_args()
    torch.set_num_threads(1)
    photos = open_dataset("oxford102")
    split = choose_split(photos, "80-10-10", 0)
    dataset = held(photos)
    rows = {r.mistake: r for r in kept(options.out / "case.csv")}
    for outcome in outcomes(dataset, split, inputs=options.inputs):
        rows[outcome.mistake] = outcome
        print(outcome, outcome.fits, flush=True)
        write(list(rows.values()), options.out)


def outcomes(dataset: Dataset, split: Split, *, inputs: bool) -> Iterator[Outcome]:
    """Everything, or the wrong inputs alone."""
    for name in INPUTS:
        if inputs and name == SOUND:
            continue
        variant = case(dataset, split, name)
        yield variant.outcome(name, variant.fitted())
        if name == SOUND:
            yield from heads(variant)


def kept(file: Path) -> list[Outcome]:
    """Rows of an earlier run."""
    if not file.is_file():
        return []
    with file.open(encoding="utf-8") as lines:
        return [
            Outcome(r["mistake"], *(float(r[k]) for k in ("train", "val", "test", "test_loss")))
            for r in csv.DictReader(lines)
        ]


if __name__ == "__main__":
    main()
