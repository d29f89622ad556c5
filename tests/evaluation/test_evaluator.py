"""A finished classifier on labelled photos, beside the network run by hand."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from florascope.data.dataset import ClassName, Dataset
from florascope.errors import DataError, PhotoError
from florascope.evaluation.evaluator import evaluate
from florascope.nets.classifier import Classifier
from florascope.nets.weights import load_backbone

CLASSES = tuple(ClassName(name, name) for name in ("aster", "borage", "campion"))
EVERY = np.arange(9)


@dataclass(frozen=True)
class Noise:
    """A photo in memory, of noise around a grey of its own; or one that cannot be read."""

    number: int
    broken: bool = False

    @property
    def name(self) -> str:
        return f"noise {self.number}"

    def read(self) -> np.ndarray:
        if self.broken:
            raise PhotoError(f"{self.name} is damaged")
        draw = np.random.default_rng(self.number)
        return draw.integers(0, 80 + 20 * self.number, (50, 40, 3)).astype(np.uint8)

    def digest(self) -> str:
        return f"{self.number} {self.broken}"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """A random network with a random head."""
    made = Classifier(load_backbone("test_resnet", "random"), CLASSES).eval()
    draw = torch.Generator().manual_seed(0)
    shape = made.head.weight.shape
    made.set_head(torch.randn(shape, generator=draw), torch.randn(shape[0], generator=draw))
    return made


@pytest.fixture
def dataset() -> Dataset:
    """Nine photos, three of each class."""
    return Dataset("noise", [Noise(n) for n in range(9)], np.arange(9) % 3, CLASSES)


def logits_by_hand(classifier: Classifier, photos: list[Noise]) -> np.ndarray:
    pre = classifier.preprocessing
    with torch.no_grad():
        batch = torch.from_numpy(np.stack([pre(photo.read()) for photo in photos]))
        logits: np.ndarray = classifier(batch).numpy()
    return logits


def test_logits_and_figures_are_the_networks(classifier: Classifier, dataset: Dataset) -> None:
    chosen = np.array([1, 2, 4, 8])
    found = evaluate(classifier, dataset, chosen)
    by_hand = logits_by_hand(classifier, [Noise(n) for n in (1, 2, 4, 8)])
    shares = np.exp(by_hand) / np.exp(by_hand).sum(1, keepdims=True)
    assert np.abs(found.outcome.loss + np.log(shares[range(4), [1, 2, 1, 2]])).max() < 1e-3
    assert found.outcome.predicted.tolist() == by_hand.argmax(1).tolist()
    assert found.outcome.labels.tolist() == [1, 2, 1, 2]
    assert found.metrics.n == 4
    assert found.metrics.top1 == (by_hand.argmax(1) == [1, 2, 1, 2]).mean()
    assert found.classes == CLASSES
    assert found.problems == []


def test_classes_are_matched_by_id_not_by_place(classifier: Classifier, dataset: Dataset) -> None:
    # The same photos, told by a source that knows two of the classes, in another order.
    known = (CLASSES[2], replace(CLASSES[0], name="Aster amellus"))
    labels = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1])
    turned = Dataset("turned", dataset.photos, labels, known)
    assert evaluate(classifier, turned, EVERY).outcome.labels.tolist() == [
        0,
        2,
        0,
        2,
        0,
        2,
        0,
        2,
        0,
    ]


def test_classes_that_the_network_does_not_know(classifier: Classifier, dataset: Dataset) -> None:
    strange = replace(dataset, classes=(*CLASSES[:2], ClassName("daisy", "daisy")))
    message = r"1 of the 3 classes of noise are unknown.*first: daisy.*aster, borage, campion"
    with pytest.raises(DataError, match=message):
        evaluate(classifier, strange, EVERY)


def test_an_unreadable_photo_is_left_out_and_named(
    classifier: Classifier, dataset: Dataset
) -> None:
    photos = [Noise(n, broken=n == 3) for n in range(9)]
    found = evaluate(classifier, replace(dataset, photos=photos), EVERY)
    assert found.problems == ["noise 3 is damaged."]
    assert found.outcome.labels.tolist() == [0, 1, 2, 1, 2, 0, 1, 2]
    whole = evaluate(classifier, dataset, EVERY)
    assert np.abs(found.outcome.loss - np.delete(whole.outcome.loss, 3)).max() < 1e-4


def test_an_unreadable_photo_is_fatal_when_strict(classifier: Classifier, dataset: Dataset) -> None:
    photos = [Noise(n, broken=n > 6) for n in range(9)]
    message = "2 of 9 photos cannot be read; the first: noise 7 is damaged.*leave out `strict`"
    with pytest.raises(DataError, match=message):
        evaluate(classifier, replace(dataset, photos=photos), EVERY, strict=True)


def test_nothing_readable_is_an_error(classifier: Classifier, dataset: Dataset) -> None:
    photos = [Noise(n, broken=True) for n in range(9)]
    with pytest.raises(DataError, match="9 of 9 photos cannot be read"):
        evaluate(classifier, replace(dataset, photos=photos), EVERY)
