"""Val photos that are train photos, changed."""

import numpy as np

from florascope.doctor.checks import split
from florascope.doctor.evidence import Evidence
from florascope.doctor.properties import measure


def smooth(count: int, seed: int) -> np.ndarray:
    """Pictures of a few waves, (n, 3, 40, 40)."""
    draw = np.random.default_rng(seed)
    cells = draw.normal(size=(count, 3, 10, 10))
    return np.asarray(cells.repeat(4, 2).repeat(4, 3), np.float32)


def evidence(train: np.ndarray, val: np.ndarray) -> Evidence:
    sides = [measure(x, np.zeros(len(x), np.int64)) for x in (train, val)]
    return Evidence(2, train_pictures=sides[0], val_pictures=sides[1])


def test_photos_augmented_before_the_split() -> None:
    train = smooth(40, 0)
    mirrored = train[:20, :, :, ::-1] * 1.2 + 0.1
    found = split.changed_copies(evidence(train, mirrored))
    assert found is not None
    assert found.found.startswith("100% of the val photos lie far closer to one train photo")


def test_photos_of_their_own() -> None:
    assert split.changed_copies(evidence(smooth(40, 0), smooth(20, 1))) is None
    assert split.changed_copies(evidence(smooth(4, 0), smooth(20, 1))) is None
