"""A network whose reasons are known: it looks at one patch of the photo and nowhere else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from florascope.audit.photos import AuditPhotos, prepare_photos
from florascope.data.dataset import ClassName
from florascope.explanation.attribution import Attribution
from florascope.images import RGB
from florascope.nets.backbone import Backbone
from florascope.nets.classifier import Classifier
from florascope.nets.extractor import Embedding
from florascope.preprocessing import Preprocessing

SIZE = 32
PATCH = (slice(4, 14), slice(16, 30))  # rows and columns; not in the middle


class Lens(nn.Module):
    """Weighs every place of the photo."""

    def __init__(self) -> None:
        super().__init__()
        weight = torch.zeros(SIZE, SIZE)
        weight[PATCH] = 1.0
        self.weight = nn.Parameter(weight)

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(1, keepdim=True) * self.weight


class PatchBackbone(Backbone):
    """A feature map at the photo's size: brightness inside the patch, zero elsewhere."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.name, self.model_args, self.norm = "patch", {}, None
        self.preprocessing = Preprocessing(
            size=SIZE, crop_pct=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
        )
        self.net = nn.Sequential(Lens())
        self.num_features, self.pools_linearly = 1, True

    def forward(self, images: Tensor) -> Embedding:
        feature_map = self.net(images)
        return Embedding(feature_map, feature_map.mean((2, 3)))


@dataclass(frozen=True)
class Truth:
    """The class activation map, which is the whole truth about the patch network."""

    name: str = "truth"

    def __call__(self, classifier: Classifier, images: Tensor, targets: Tensor) -> Attribution:
        with torch.no_grad():
            answer = classifier.answer(images)
            weight = classifier.head.weight[targets]
            values = torch.einsum("bc,bchw->bhw", weight, answer.map) / answer.map[0, 0].numel()
            logits = answer.logits.gather(1, targets[:, None])[:, 0]
            total = logits - classifier.head.bias[targets]
        return Attribution(self.name, values, total, complete=True)


@dataclass(frozen=True)
class Still:
    """A photo that is already decoded, perhaps with its mask."""

    pixels: RGB
    marks: np.ndarray | None = None
    name: str = "still"

    def read(self) -> RGB:
        return self.pixels

    def digest(self) -> str:
        return self.name


Show = Callable[..., AuditPhotos]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(session_cache: Path) -> None:
    """Keep what these tests embed."""


@pytest.fixture
def still() -> type[Still]:
    """Make a photo of decoded pixels."""
    return Still


@pytest.fixture
def show(patch_classifier: Classifier) -> Show:
    """Exhibit decoded photos, each with its mask or None, to the patch network."""

    def call(
        photos: Sequence[RGB], masks: Sequence[np.ndarray | None] | None = None
    ) -> AuditPhotos:
        marks = masks or [None] * len(photos)
        stills = [Still(*pair) for pair in zip(photos, marks, strict=True)]
        return prepare_photos(patch_classifier, stills, lambda still: getattr(still, "marks", None))

    return call


@pytest.fixture
def patch_classifier() -> Classifier:
    """Two classes: "dark" and "bright", by the mean brightness of the patch."""
    classifier = Classifier(PatchBackbone(), (ClassName("0", "dark"), ClassName("1", "bright")))
    share = np.zeros((SIZE, SIZE))
    share[PATCH] = 1.0
    scale = 20.0 / float(share.mean())
    classifier.set_head(torch.tensor([[-scale], [scale]]), torch.tensor([14.0, -14.0]))
    return classifier.eval()


@pytest.fixture
def truth() -> Truth:
    """The right explanation of `patch_classifier`."""
    return Truth()


@pytest.fixture
def photos() -> list[np.ndarray]:
    """Twenty photos of the network's size, the patch bright, the rest noise as dark as black."""
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 120, (20, SIZE, SIZE, 3), dtype=np.uint8)
    photos[:, PATCH[0], PATCH[1]] = rng.integers(180, 250, (20, 10, 14, 3), dtype=np.uint8)
    return list(photos)


@pytest.fixture
def mask() -> np.ndarray:
    """Flower in the patch, background elsewhere, the first two rows unknown."""
    mask = np.full((SIZE, SIZE), 3, np.uint8)
    mask[PATCH] = 1
    mask[:2] = 0
    return mask
