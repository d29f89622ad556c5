"""One small run, trained through the public face, that these tests share."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import florascope as fs

COLOURS = {"red rose": (220, 50, 50), "lawn": (60, 190, 60), "sky [blue]": (70, 70, 225)}
PHOTOS = 14


@pytest.fixture(scope="session", autouse=True)
def _own_cache(session_cache: Path) -> None:
    """Keep what these tests embed."""


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three colours, fourteen noisy photos each."""
    root, rng = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (root / name).mkdir()
        for number in range(PHOTOS):
            pixels = np.array(colour) + rng.normal(0, 45, (60, 70, 3))
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def run(photos: Path) -> fs.Run:
    """A probe on timm's smallest network."""
    recipe = fs.Probe(backbone="test_resnet", weights="random", size=64, max_iterations=20)
    return fs.train(str(photos), recipe, seed=3)
