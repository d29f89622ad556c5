"""A network that was taught a small mark beside the flower: the maps must find the mark."""

from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from florascope.data.dataset import Dataset
from florascope.explanation.explanation import explain, explainer
from florascope.garden import marked_garden
from florascope.images import RGB
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing

SIZE, STRIDE, EPOCHS, BATCH, SHOWN = 96, 32, 20, 24, 40
# how far the strongest place may lie from the mark, in pixels: a coarse map knows its cells alone
REACH = {"sharp": STRIDE / 4, "cam": STRIDE, "gradcam": STRIDE, "layercam": STRIDE, "ig": 0.0}


class Shown(NamedTuple):
    """A photo, painted once for all methods, and where its mark is."""

    pixels: RGB
    mask: np.ndarray


@pytest.fixture(scope="module")
def marked() -> Dataset:
    return marked_garden(per_class=60, size=SIZE)


@pytest.fixture(scope="module")
def taught(marked: Dataset) -> Classifier:
    """All weights learn from nothing, since no pretrained network looks at such marks."""
    torch.manual_seed(0)
    backbone = Backbone("test_resnet", Preprocessing(size=SIZE, crop_pct=1.0))
    classifier = Classifier(backbone, marked.classes).train()
    classifier.to(memory_format=torch.channels_last)  # a step takes two thirds of the time
    chosen = marked.own_splits["garden"].train
    pixels = np.stack([marked.photos[i].read() for i in chosen])
    images = torch.from_numpy(backbone.preprocessing.normalise(pixels))
    labels = torch.from_numpy(marked.labels[chosen]).long()
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.05)
    steps = len(labels) // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, EPOCHS * steps)
    for _ in range(EPOCHS):
        for some in torch.randperm(len(labels))[: steps * BATCH].split(BATCH):
            seen = _moved(images[some]).contiguous(memory_format=torch.channels_last)
            loss = nn.functional.cross_entropy(classifier(seen), labels[some])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return classifier.eval()


def _moved(images: torch.Tensor) -> torch.Tensor:
    """Flips and shifts, so that no place of the mark tells its class."""
    turned = images.flip([d for d in (2, 3) if torch.rand(()) < 0.5])
    return torch.roll(turned, torch.randint(-20, 21, (2,)).tolist(), (2, 3))


@pytest.fixture(scope="module")
def shown(marked: Dataset, taught: Classifier) -> list[Shown]:
    """Photos that were not learned from, with a right answer."""
    rest = marked.own_splits["garden"].test
    painted = [marked.photos[i].read() for i in rest]
    images = np.stack([taught.preprocessing(pixels) for pixels in painted])
    with torch.no_grad():
        right = taught(torch.from_numpy(images)).argmax(1).numpy() == marked.labels[rest]
    assert right.mean() >= 0.9, "the network did not learn the marks"
    chosen = np.flatnonzero(right)[:SHOWN]
    return [Shown(painted[i], marked.photos[rest[i]].mask()) for i in chosen]


def _distance(mask: np.ndarray, values: np.ndarray) -> float:
    """Pixels from the strongest place of a map to the nearest pixel of the mark."""
    row, column = np.unravel_index(values.argmax(), values.shape)
    rows, columns = np.nonzero(mask)
    return float(np.hypot(rows - row, columns - column).min())


def _share(mask: np.ndarray, evidence: np.ndarray) -> float:
    return float(evidence[mask].sum() / evidence.sum())


@pytest.mark.parametrize("method", REACH)
def test_the_strongest_place_is_the_mark(
    method: str, taught: Classifier, shown: list[Shown]
) -> None:
    found = [(p.mask, explain(taught, p.pixels, explainer(method)).values) for p in shown]
    near = [_distance(mask, values) <= REACH[method] for mask, values in found]
    assert np.mean(near) >= 0.9
    inside = [_share(mask, np.maximum(values, 0)) for mask, values in found]
    assert np.mean(inside) > 3 * np.mean([mask.mean() for mask, _ in found])
