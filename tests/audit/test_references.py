"""The maps that know nothing must know nothing, and must be what they say."""

import math

import pytest
import torch

from florascope.audit.references import REFERENCES, CentreBlob, RandomMap
from florascope.model.classifier import Classifier

IMAGES = torch.zeros(3, 3, 20, 40)
TARGETS = torch.zeros(3, dtype=torch.int64)


def test_names_are_the_reserved_ones() -> None:
    assert (RandomMap().name, CentreBlob().name) == REFERENCES


def test_random_maps_are_seeded_uniform_and_go_on(patch_classifier: Classifier) -> None:
    first, again, other = RandomMap(3), RandomMap(3), RandomMap(4)
    values = first(patch_classifier, IMAGES, TARGETS).values
    assert values.shape == (3, 20, 40)
    assert 0 <= values.min() < 0.01
    assert 0.99 < values.max() < 1
    assert values.mean().item() == pytest.approx(0.5, abs=0.03)
    assert torch.equal(values, again(patch_classifier, IMAGES, TARGETS).values)
    assert not torch.equal(values, other(patch_classifier, IMAGES, TARGETS).values)
    assert not torch.equal(values, first(patch_classifier, IMAGES, TARGETS).values)


def test_the_blob_is_a_gaussian_in_the_middle(patch_classifier: Classifier) -> None:
    attribution = CentreBlob(width=0.25)(patch_classifier, torch.zeros(2, 3, 21, 41), TARGETS[:2])
    values = attribution.values
    assert values.shape == (2, 21, 41)
    assert values[0, 10, 20].item() == pytest.approx(1.0)
    # a quarter of the side away: one standard deviation
    assert values[0, 10, 20 + 10].item() == pytest.approx(math.exp(-((10 / 41 / 0.25) ** 2) / 2))
    assert torch.allclose(values, values.flip(1))
    assert torch.allclose(values, values.flip(2))
    assert torch.equal(values[0], values[1])


def test_references_promise_no_sum(patch_classifier: Classifier) -> None:
    for reference in (RandomMap(), CentreBlob()):
        assert not reference(patch_classifier, IMAGES, TARGETS).complete
