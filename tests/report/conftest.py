"""A small finished run whose every answer is known: solid colours, two test photos mislabelled."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from florascope.data.dataset import ClassName, Dataset, Split
from florascope.explanation.attribution import Attribution, Explainer, Targets
from florascope.features.embedding import FeatureBank
from florascope.images import RGB
from florascope.metrics import ClassMetrics, Confusion, Metrics, measure
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Images
from florascope.preprocessing import Preprocessing
from florascope.report.figures import Figures
from florascope.training.experiment import Experiment
from florascope.training.recipes import ClassReport, Probe, Recipe

SIZE = 64
NAMES = ("<script>alert(1)</script>", 'R&D "$5$"', "blue flax", "grey willow")
COLOURS = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [120, 120, 120]])
EACH = 8  # photos of a class: 4 to train, 2 to validate, 2 to test


@dataclass(frozen=True)
class Swatch:
    """A photo of one colour, with noise."""

    name: str
    colour: tuple[int, int, int]
    seed: int

    def read(self) -> RGB:
        noise = np.random.default_rng(self.seed).integers(-30, 31, (SIZE, SIZE, 3))
        return (np.array(self.colour) + noise).clip(0, 255).astype(np.uint8)

    def digest(self) -> str:
        return f"{self.colour}{self.seed}"


@dataclass(frozen=True)
class Ramp:
    """An explainer with known evidence: a ramp over columns times the target's number plus one."""

    name: str = "cam"
    missing: float = 0.0

    def __call__(self, classifier: Classifier, images: Images, targets: Targets) -> Attribution:
        ramp = torch.linspace(-1, 3, images.shape[-1]).expand(images.shape[-2], -1)
        values = ramp * (targets + 1)[:, None, None] / ramp.numel()
        total = (targets + 1) / (1.0 - self.missing)
        return Attribution(self.name, values, total, complete=True)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(session_cache: Path) -> None:
    """Keep what these tests embed."""


@pytest.fixture(scope="session")
def ramps() -> list[Explainer]:
    """A complete explainer and a pixel-wise one whose sum falls short by four fifths."""
    return [Ramp(), Ramp("ig", missing=0.8)]


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    """Photo i is of colour i // 8; test photos 6 and 14 carry the next class's label."""
    colours = np.repeat(np.arange(len(NAMES)), EACH)
    photos = tuple(
        Swatch(f"swatch_{i:02d}.png", (int(r), int(g), int(b)), i)
        for i, (r, g, b) in enumerate(COLOURS[colours])
    )
    labels = colours.copy()
    labels[[6, 14]] += 1  # shown as class 0 and 1, labelled 1 and 2
    classes = tuple(ClassName(str(k), name) for k, name in enumerate(NAMES))
    dataset = Dataset("Swatches & <b>co</b>", photos, labels, classes)
    place = np.arange(len(photos)) % EACH
    parts = ((0, 1, 2, 3), (4, 5), (6, 7))
    split = Split("planted", *(np.flatnonzero(np.isin(place, part)) for part in parts))
    return _experiment(dataset, split, Probe(backbone="resnet10t"))


def _experiment(dataset: Dataset, split: Split, recipe: Recipe) -> Experiment:
    torch.manual_seed(0)
    backbone = Backbone("resnet10t", Preprocessing(size=SIZE, crop_mode="squash")).eval()
    classifier = Classifier(backbone, dataset.classes).eval()
    crops = np.stack([classifier.preprocessing.crop(p.read()) for p in dataset.photos])
    batch = torch.from_numpy(classifier.preprocessing.normalise(crops))
    with torch.no_grad():
        features = classifier.answer(batch).features
        _fit(classifier, features, torch.arange(len(dataset)) // EACH)
        logits = classifier(batch).numpy()
    metrics = {s: measure(logits[i], dataset.labels[i]) for s, i in split.items()}
    bank = FeatureBank(features.numpy()[None])
    history = [
        {"iteration": n, "train_loss": 1 / n, "train_top1": 1.0, "val_loss": 0.5, "val_top1": 1.0}
        for n in (1, 2, 3)
    ]
    return Experiment(dataset, split, recipe, classifier, bank, logits, history, metrics, 1.0)


def _fit(classifier: Classifier, features: torch.Tensor, targets: torch.Tensor) -> None:
    """Ridge regression to one-hot answers: every photo is answered as its colour."""
    centred = features - features.mean(0)
    gram = centred.T @ centred + 1e-3 * torch.eye(features.shape[1])
    onehot = 8.0 * torch.nn.functional.one_hot(targets, len(NAMES)).float()
    weight = torch.linalg.solve(gram, centred.T @ onehot).T
    classifier.set_head(weight, onehot.mean(0) - weight @ features.mean(0))


@pytest.fixture(scope="session")
def seeded(experiment: Experiment) -> Experiment:
    """The same run under the seed recipe, with augmentation and one unreadable photo."""
    recipe = ClassReport(backbone="resnet10t", weights=None, size=SIZE, epochs=2)
    history = [
        {"epoch": e, "train_loss": 2 / e, "train_top1": 0.5, "val_loss": 1 / e, "val_top1": 0.6}
        for e in (1, 2)
    ]
    bank = FeatureBank(experiment.bank.values, {0: "swatch_00.png is damaged & <i>cut</i> short"})
    split = experiment.split.only(bank.readable)
    return replace(experiment, recipe=recipe, history=history, bank=bank, split=split)


Make = Callable[..., Figures]


@pytest.fixture
def figures() -> Make:
    """Figures of a sound run on 4 classes, any of which a test may change."""

    def make(**changes: object) -> Figures:
        sound = Figures(
            metrics={
                "train": _metrics(0.97, 800, 0.1),
                "val": _metrics(0.93, 200, 0.25),
                "test": _metrics(0.92, 200, 0.3),
            },
            names=("anemone", "bluebell", "crocus", "daisy"),
            trained=(200, 200, 200, 200),
            classes=tuple(ClassMetrics(50, 0.92, 0.92, 0.92) for _ in range(4)),
            confusions=tuple(
                Confusion(t, p, 2 if (t, p) == (0, 1) else 1, 0.02)
                for t in range(4)
                for p in range(4)
                if t != p
            ),
            confidence=0.92,
            recipe=Probe(),
            history=_steps("iteration", {1: 0.4, 2: 0.3, 3: 0.5}),
            photos=1200,
            skipped=0,
        )
        return replace(sound, **changes)  # type: ignore[arg-type]

    return make


def _metrics(top1: float, n: int, loss: float) -> Metrics:
    return Metrics(n=n, top1=top1, top5=1.0, mean_class=top1, loss=loss)


def _steps(step: str, losses: dict[float, float]) -> tuple[dict[str, float], ...]:
    return tuple(
        {step: at, "train_loss": loss, "train_top1": 0.9, "val_loss": loss, "val_top1": 0.9}
        for at, loss in losses.items()
    )
