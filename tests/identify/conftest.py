"""Answers made of planted probabilities, without a network."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from florascope.calibration.calibration import Calibration
from florascope.data.oxford102 import oxford102_classes
from florascope.identify.catalogue import Catalogue
from florascope.identify.identification import Identification, Observation
from florascope.identify.verdict import decide, plausible, prediction_set

K = 102


@pytest.fixture(scope="session")
def flowers() -> Catalogue:
    """The 102 species; class id k has the index k - 1."""
    return Catalogue.of(oxford102_classes())


@pytest.fixture(scope="session")
def figures() -> Calibration:
    """A set holds what has at least 20 %; a name wants 90 %, a photo a similarity of 0.8."""
    return Calibration(818, 1.0, 0.02, 0.01, 0.9, (0.8,) * K, alike=0.8, sure=0.9)


Answer = Callable[..., Identification]


@pytest.fixture
def answer(flowers: Catalogue, figures: Calibration) -> Answer:
    """Answer for shares by class id; what is left is spread over all classes."""

    def make(
        shares: dict[int, float], alike: float | None = 0.95, calibration: Any = figures
    ) -> Identification:
        probabilities = np.full(K, (1 - sum(shares.values())) / K)
        for class_id, share in shares.items():
            probabilities[class_id - 1] += share
        held = prediction_set(probabilities, calibration)
        verdict = decide(probabilities, held, alike, calibration, flowers)
        crop = np.full((8, 8, 3), 120, np.uint8)
        maps = np.arange(K * 4, dtype=np.float32).reshape(K, 2, 2)
        logits = np.log(probabilities).astype(np.float32)
        observation = Observation(crop, logits, maps, alike)
        named = plausible(probabilities, held, verdict.level)
        return Identification(
            flowers, observation, probabilities, held, named, verdict, calibration
        )

    return make
