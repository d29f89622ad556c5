"""How far colour alone gets: histograms of a photo's colours and two good classifiers of them."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from florascope.data.dataset import Dataset, Photo, Split
from florascope.images import RGB
from florascope.progress import Progress, track

Features = Float32[np.ndarray, "n d"]


class Model(Protocol):
    """A classifier of scikit-learn's."""

    def fit(self, x: Features, y: np.ndarray) -> object:
        """Learn."""
        ...

    def predict(self, x: Features) -> np.ndarray:
        """Answer."""
        ...


def histograms(photos: Sequence[Photo], progress: Progress) -> Features:
    """Colour histograms of photos, square roots of the shares (Hellinger's map).

    Joint histograms of 6 x 6 x 6 levels of red, green, blue and of 12 x 4 x 4 of hue, saturation,
    value: coarse enough for some hundred photos, fine enough to tell all colourways apart.
    """
    rows = []
    for photo in track(photos, len(photos), "colours", progress):
        pixels = photo.read()
        rows.append(np.concatenate([joint(pixels, (6, 6, 6)), joint(_hsv(pixels), (12, 4, 4))]))
    return np.sqrt(np.stack(rows)).astype(np.float32)


def joint(pixels: RGB, levels: tuple[int, int, int]) -> Float32[np.ndarray, "d"]:
    """Share of the pixels in each cell of a colour cube."""
    a, b, c = (pixels[..., k].astype(np.int64) * levels[k] // 256 for k in range(3))
    counts = np.bincount(((a * levels[1] + b) * levels[2] + c).ravel(), minlength=np.prod(levels))
    return (counts / counts.sum()).astype(np.float32)


def _hsv(pixels: RGB) -> UInt8[np.ndarray, "h w 3"]:
    return np.asarray(Image.fromarray(pixels).convert("HSV"))


def candidates() -> dict[str, Model]:
    """The classifiers tried; the validation photos choose among the settings of each."""
    linear: dict[str, Model] = {
        f"logistic regression, C = {c}": make_pipeline(
            StandardScaler(), LogisticRegression(C=c, max_iter=300)
        )
        for c in (0.001, 0.01, 0.1, 1.0)
    }
    forests: dict[str, Model] = {
        f"random forest, 400 trees, leaves of {leaf}": RandomForestClassifier(
            400, min_samples_leaf=leaf, random_state=0
        )
        for leaf in (1, 3)
    }
    return linear | forests


def accuracies(
    dataset: Dataset, split: Split, features: Features
) -> list[tuple[str, float, float]]:
    """Name, validation and test top-1 of the best of each kind, chosen on validation."""
    best: dict[str, tuple[str, float, float]] = {}
    for name, model in candidates().items():
        model.fit(features[split.train], dataset.labels[split.train])
        val, test = (
            float((model.predict(features[part]) == dataset.labels[part]).mean())
            for part in (split.val, split.test)
        )
        kind = name.split(",")[0]
        if kind not in best or val > best[kind][1]:
            best[kind] = (name, val, test)
    return list(best.values())
