"""Go on training the shipped model's upper layers: several ways, their averages, one table.

    python benchmarks/model/upper.py --split FILE.csv --out FOLDER [--minutes 13] [--test NAME]

Everything below the last three stages of blocks stands still, so what it makes of some augmented
views of each training photo is kept in a file (float16), and an epoch costs a quarter of one from
the photos. Each run starts from the shipped weights at a low rate: with labels alone, with the
shipped model's mean answer over the views of a photo as target (self-distillation: Hinton et al.
2015; Xie et al. 2020), with sharpness-aware steps (Foret et al. 2021). Runs are averaged weight by
weight (Wortsman et al. 2022, "Model soups") and along the line to the start (WiSE-FT, Wortsman et
al. 2022). The validation photos alone choose; each is asked in three crops, so that less is left to
chance: `loss` is their mean loss at the best temperature, `gain` by how much it is below the
shipped model's in standard errors of the paired difference. --test NAME looks at the test photos
with one row's weights: once, and only after the choice.

Works piece by piece and goes on where it stopped. Ends with 3 when nothing is left to do:

    while python benchmarks/model/upper.py --split FILE.csv --out FOLDER; do true; done

Needs FLORASCOPE_DATA with flowers-102/.
"""

import argparse
import copy
import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.utils
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from florascope.augmentation import Augmentation, ColourJitter, RandomCrop
from florascope.bundle.config import find_bundle
from florascope.bundle.runtime import open_session, quiet_options
from florascope.data.dataset import Dataset, Photo
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.nets.classifier import Classifier, above
from florascope.nets.fusing import fuse
from florascope.nets.saving import load_classifier
from florascope.training.batches import Mixing, Transform

TABLE = Path(__file__).with_name("upper.csv")
BUNDLE = "flowers102-mobilenetv2"
FIRST, EDGE = "blocks.5", "add_900"  # first module that learns; its input's name in model.onnx
TRAIN_SIZE, VIEWS, CROPS, PIECE = 192, 2, 3, 64
LEFT, DONE = 0, 3
State = dict[str, Tensor]


@dataclass(frozen=True)
class Way:
    """Attributes: how a run learns; the share of the teacher's answer; SAM's radius, 0 for none."""

    rate: float
    seed: int
    taught: float = 0.0
    radius: float = 0.0
    epochs: int = 1
    batch: int = 32


WAYS = {
    "distilled, seed 0": Way(2e-4, 0, taught=0.7),
    "SAM, seed 0": Way(2e-4, 0, radius=0.05),
    "labels, seed 0": Way(2e-4, 0),
    "labels, seed 1": Way(2e-4, 1),
    "distilled, slow": Way(2e-5, 0, taught=0.7),
    "SAM, slow": Way(2e-5, 0, radius=0.05),
}
SOUPS = {
    "soup": ("distilled, seed 0", "SAM, seed 0", "labels, seed 0", "labels, seed 1"),
    "soup, slow": ("distilled, slow", "SAM, slow"),
}
LINE = (0.5,)


@dataclass(frozen=True)
class Row:
    """Attributes: whose weights; n photos of a subset, and how many are right in the first crop.

    `top1` and `loss` are means over all crops;
    `gain` is the paired difference to the shipped model's loss, in standard errors of it.
    """

    weights: str
    subset: str
    n: int
    right: int
    top1: float
    loss: float
    gain: float
    seconds: float


@dataclass(frozen=True)
class Maps:
    """Attributes: (v, n, c, h, w) inputs of the first module that learns; (n,) classes."""

    values: np.ndarray
    targets: Tensor

    def of(self, view: Any, rows: Any) -> Tensor:  # noqa: ANN401 (NumPy's indexes)
        """Some photos in one view, as the network takes them."""
        found = torch.from_numpy(self.values[view, rows].astype(np.float32))
        return found.contiguous(memory_format=torch.channels_last)


def main() -> None:
    """Do the next pieces, for as long as they fit in."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--split", required=True, help="CSV of the 80/10/10 split")
    parser.add_argument("--out", type=Path, required=True, help="folder of maps and weights")
    parser.add_argument("--minutes", type=float, default=13.0, help="of a piece")
    parser.add_argument("--test", help="a row whose weights the test photos are asked with")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.out, options.split, time.monotonic() + 60 * options.minutes)
    if options.test:
        append([bench.row(options.test, bench.weights(options.test), "test")])
        return
    raise SystemExit(LEFT if bench.advance() else DONE)


class Bench:
    """The shipped model cut in two, the maps in between, and runs of its upper half."""

    def __init__(self, out: Path, split: str, until: float) -> None:
        self.out, self.until = out, until
        self.dataset: Dataset = oxford102()
        self.split = choose_split(self.dataset, split, 0)
        self.classifier = load_classifier(find_bundle(BUNDLE)).eval()
        self.upper = upper_half(self.classifier)
        self.start = state_of(self.upper)

    def advance(self) -> bool:
        """Make maps, then rows; return whether something is left."""
        for name in ("val", "train"):
            if not self.maps(name, make=True):
                return True
        for name in (*WAYS, *SOUPS):
            if name in finished():
                continue
            if time.monotonic() > self.until - 60:
                return True
            append(self.learned(name) if name in WAYS else self.averaged(name))
        return False

    def learned(self, name: str) -> list[Row]:
        """Train a way, keep its weights, and ask the validation photos."""
        begun = time.perf_counter()
        if not self.path(name).is_file():
            state = self.train(WAYS[name])
            torch.save(state, self.path(name))
        return self.line(name, time.perf_counter() - begun)

    def averaged(self, name: str) -> list[Row]:
        """Average the runs of a soup."""
        torch.save(mean([self.weights(one) for one in SOUPS[name]]), self.path(name))
        return self.line(name, 0.0)

    def line(self, name: str, seconds: float) -> list[Row]:
        """Ask with the weights, and with those on the line from the shipped ones to them."""
        rows = [self.row(name, self.weights(name), "val", seconds)]
        between = [f"{name} @ {share}" for share in LINE]
        rows += [self.row(place, self.weights(place), "val") for place in between]
        known = () if "shipped" in finished() else (self.row("shipped", self.start, "val"),)
        return [*known, *rows]

    def weights(self, name: str) -> State:
        """Weights by a row's name; `NAME @ SHARE` lies on the line from the shipped ones."""
        run, _, share = name.partition(" @ ")
        if run == "shipped":
            return self.start
        learned: State = torch.load(self.path(run), weights_only=True)
        part = float(share or 1)
        return {k: torch.lerp(v, learned[k], part) for k, v in self.start.items()}

    def path(self, name: str) -> Path:
        """Where a run's weights lie."""
        return self.out / f"{name.replace(',', '').replace(' ', '-')}.pt"

    def row(self, name: str, state: State, subset: str, seconds: float = 0.0) -> Row:
        """Measure weights beside the shipped ones."""
        maps = self.maps(subset, make=True)
        assert maps is not None
        ours = judged(asked(self.upper, state, maps), maps.targets)
        before = judged(self.kept(f"shipped-{subset}", maps), maps.targets)
        difference = before.losses - ours.losses
        doubt = difference.std().item() / len(difference) ** 0.5
        gain = difference.mean().item() / doubt if doubt else 0.0
        n, loss = len(maps.targets), ours.losses.mean().item()
        figures = (round(ours.top1, 5), round(loss, 5), round(gain, 2), round(seconds))
        return Row(name, subset, n, ours.right, *figures)

    def train(self, way: Way) -> State:
        """Return what a run ends with: the moving average of its weights."""
        maps = self.maps("train", make=True)
        assert maps is not None
        torch.manual_seed(way.seed)
        self.upper.load_state_dict(self.start)
        net, shares = self.upper, self.shares(maps, way.taught)
        net.requires_grad_()
        averaged = copy.deepcopy(self.start)
        optimiser = torch.optim.AdamW(net.parameters(), way.rate, weight_decay=0.05)
        total = way.epochs * (len(maps.targets) // way.batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, way.rate, total, pct_start=0.1)
        for step, (images, wanted) in enumerate(batches(maps, shares, way)):
            learn(net, optimiser, images, wanted, way.radius)
            schedule.step()
            decay = min(0.99, step / (step + 10))
            for name, value in net.state_dict().items():
                averaged[name].lerp_(value, 1 - decay)
            if step % 50 == 0:
                print(f"{step}/{total}", flush=True)
        return averaged

    def shares(self, maps: Maps, taught: float) -> Tensor:
        """Targets: smoothed labels, and the shipped model's mean answer over a photo's views."""
        classes = len(self.classifier.classes)
        labels = 0.9 * one_hot(maps.targets, classes) + 0.1 / classes
        if not taught:
            return labels
        teacher = self.kept("shipped-train", maps).softmax(-1).mean(0)
        return taught * teacher + (1 - taught) * labels

    def kept(self, name: str, maps: Maps) -> Tensor:
        """The shipped model's logits, asked once."""
        path = self.out / f"{name}.pt"
        if not path.is_file():
            torch.save(asked(self.upper, self.start, maps), path)
        logits: Tensor = torch.load(path, weights_only=True)
        return logits

    def maps(self, subset: str, *, make: bool) -> Maps | None:
        """What the lower layers make of photos; None where time ended before all were made."""
        photos = [self.dataset.photos[i] for i in self.split[subset].tolist()]
        targets = torch.from_numpy(self.targets(self.split[subset]))
        size = TRAIN_SIZE if subset == "train" else self.classifier.preprocessing.size
        shape = (VIEWS if subset == "train" else CROPS, len(photos), 96, size // 16, size // 16)
        path = self.out / f"{subset}.npy"
        if not path.is_file():
            np.lib.format.open_memmap(path, "w+", np.float16, shape)
        if make and not self.fill(path, subset, photos):
            return None
        return Maps(np.load(path, mmap_mode="r"), targets)

    def targets(self, indexes: np.ndarray) -> np.ndarray:
        """Classes as the model counts them."""
        ids = [known.id for known in self.classifier.classes]
        known = [ids.index(one.id) for one in self.dataset.classes]
        return np.array(known, np.int64)[self.dataset.labels[indexes]]

    def fill(self, path: Path, subset: str, photos: Sequence[Photo]) -> bool:
        """Go on filling a file; return whether it is full."""
        note = path.with_suffix(".done")
        done = int(note.read_text()) if note.is_file() else 0
        if done >= len(photos):
            return True
        values = np.load(path, mmap_mode="r+")
        lower, look = LowerHalf(), views if subset == "train" else crops
        for at in range(done, len(photos), PIECE):
            part = range(at, min(at + PIECE, len(photos)))
            for view, images in enumerate(look(self.classifier, [photos[i] for i in part], part)):
                values[view, part.start : part.stop] = lower(images)
            values.flush()
            note.write_text(str(part.stop))
            print(f"{subset}: {part.stop} of {len(photos)}", flush=True)
            if time.monotonic() > self.until:
                return False
        return True


def views(classifier: Classifier, photos: Sequence[Photo], part: range) -> Iterator[np.ndarray]:
    """Augmented views, (b, 3, h, w) each."""
    preprocessing = replace(classifier.preprocessing, size=TRAIN_SIZE)
    mirrored = Augmentation(0.0, 0.0, 0.0, 0.0, flip=True)
    look = Transform(preprocessing, 7, RandomCrop(0.3), mirrored, ColourJitter(0.3))
    for view in range(VIEWS):
        yield look(photos, view, part).contiguous().numpy()


def crops(classifier: Classifier, photos: Sequence[Photo], _part: range) -> Iterator[np.ndarray]:
    """The middle of each photo, as the model answers, then one end, and the other one mirrored."""
    pixels = [photo.read() for photo in photos]
    for end, step in ((None, 1), (0, 1), (1, -1)):
        seen = [classifier.preprocessing.crop(square(rgb, end)) for rgb in pixels]
        yield classifier.preprocessing.normalise(np.stack(seen)[:, :, ::step].copy())


def square(rgb: np.ndarray, end: int | None) -> np.ndarray:
    """The left or upper end of a photo (0), the other one (1), or the whole photo (None)."""
    side = min(rgb.shape[:2])
    if end is None:
        return rgb
    top, left = (end * (length - side) for length in rgb.shape[:2])
    return np.ascontiguousarray(rgb[top : top + side, left : left + side])


class LowerHalf:
    """The shipped graph up to the first module that learns; any size of image."""

    def __init__(self) -> None:
        whole = onnx.load(find_bundle(BUNDLE) / "model.onnx")
        part = onnx.utils.Extractor(whole).extract_model(["image"], [EDGE])
        for place, dimension in enumerate(part.graph.input[0].type.tensor_type.shape.dim):
            if place != 1:
                dimension.dim_param = f"d{place}"
        del part.graph.value_info[:]
        part.graph.output[0].type.tensor_type.ClearField("shape")
        self.session = open_session(part.SerializeToString(), quiet_options(1))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Maps of a batch, four at a time: so many stay in the CPU's cache."""
        parts = [images[at : at + 4] for at in range(0, len(images), 4)]
        return np.concatenate([self.session.run([EDGE], {"image": part})[0] for part in parts])


def upper_half(classifier: Classifier) -> Classifier:
    """The rest of the network, its BatchNorm folded into the convolutions."""
    whole = copy.deepcopy(classifier)
    whole.backbone.net = fuse(classifier.backbone.net, classifier.backbone.example(2)).net
    first = whole.backbone.net.get_submodule(FIRST)
    upper = above(whole, first, classifier.backbone.example(2))
    if upper is None:
        raise SystemExit(f"the network cannot be cut at {FIRST}")
    return upper


def state_of(net: nn.Module) -> State:
    """A copy of its weights."""
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def mean(states: Sequence[State]) -> State:
    """Average weight by weight."""
    return {k: torch.stack([state[k] for state in states]).mean(0) for k in states[0]}


def batches(maps: Maps, shares: Tensor, way: Way) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield maps and targets: a view of every photo each epoch, half of the batches mixed."""
    draw, mixing = np.random.default_rng(way.seed), Mixing(cutmix=1.0, share=0.5)
    for _ in range(way.epochs):
        order = draw.permutation(len(maps.targets))
        for at in range(0, len(order) - way.batch + 1, way.batch):
            rows = order[at : at + way.batch]
            images = maps.of(draw.integers(0, VIEWS, len(rows)), rows)
            yield mixing(images, shares[torch.from_numpy(rows)], draw)


def learn(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    wanted: Tensor,
    radius: float,
) -> None:
    """Take a step; with a radius, by the slope at the worst place within it (SAM)."""
    optimiser.zero_grad()
    cross_entropy(net(images), wanted).backward()
    if radius:
        moves = uphill(net, radius)
        optimiser.zero_grad()
        cross_entropy(net(images), wanted).backward()
        with torch.no_grad():
            for weight, move in moves:
                weight.sub_(move)
    optimiser.step()


def uphill(net: nn.Module, radius: float) -> list[tuple[nn.Parameter, Tensor]]:
    """Move the weights by the radius along their slope; return the moves."""
    learning = [p for p in net.parameters() if p.grad is not None]
    norm = torch.stack([p.grad.norm() for p in learning]).norm()  # type: ignore[union-attr]
    moves = [(p, p.grad * (radius / (norm + 1e-12))) for p in learning]
    with torch.no_grad():
        for weight, move in moves:
            weight.add_(move)
    return moves


@dataclass(frozen=True)
class Judged:
    """Attributes: (n,) mean loss of each photo's crops; right ones by the first; share right."""

    losses: Tensor
    right: int
    top1: float


def judged(logits: Tensor, targets: Tensor) -> Judged:
    """Measure (v, n, K) logits at the temperature that suits all of them best."""
    hits = logits.argmax(-1) == targets
    wanted = targets.expand(len(logits), -1).flatten()
    scales = torch.logspace(-0.5, 1, 31)
    losses = [cross_entropy(s * logits.flatten(0, 1), wanted, reduction="none") for s in scales]
    best = min(losses, key=lambda some: some.mean().item())
    right = int(hits[0].sum())
    return Judged(best.view(hits.shape).mean(0), right, hits.float().mean().item())


def asked(net: Classifier, state: State, maps: Maps) -> Tensor:
    """Logits, (v, n, K)."""
    net.load_state_dict(state)
    parts = range(0, len(maps.targets), PIECE)
    with torch.inference_mode():
        return torch.stack(
            [
                torch.cat([net(maps.of(view, slice(at, at + PIECE))) for at in parts])
                for view in range(len(maps.values))
            ]
        )


def finished() -> set[str]:
    """Names of the weights that have a row."""
    if not TABLE.is_file():
        return set()
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {row["weights"] for row in csv.DictReader(file)}


def append(rows: Sequence[Row]) -> None:
    """Add rows to the table, and show them."""
    fresh = not TABLE.is_file()
    with TABLE.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [f.name for f in fields(Row)], lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    print(*rows, sep="\n", flush=True)


if __name__ == "__main__":
    main()
