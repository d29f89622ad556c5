"""Out-of-fold answers against probes fitted one by one, and on labels without meaning."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import cosine_similarity

from florascope.data.dataset import Split
from florascope.nets.head import Samples
from florascope.training.cross_fitting import ENOUGH, FOLDS, MOST, cross_fit, is_cross_fitted
from florascope.training.probe import fit_probe
from florascope.training.recipes import ClassReport, Finetune, Probe, Recipe

CLOSE = Probe(l2_max=1e-1, l2_min=1e-2, l2_steps=2, max_iterations=200)  # fits that end


def few(photos: int = 30, width: int = 50, classes: int = 3) -> Samples:
    """Fewer photos than features, the classes in turn."""
    draw = torch.Generator().manual_seed(0)
    targets = torch.arange(photos) % classes
    features = torch.randn(photos, width, generator=draw)
    features[torch.arange(photos), targets] += 2
    return Samples(features, targets, classes)


def only(samples: Samples, chosen: np.ndarray) -> Samples:
    at = torch.from_numpy(chosen)
    return replace(samples, features=samples.features[at], targets=samples.targets[at])


def history(samples: Samples, recipe: Probe = CLOSE) -> list[dict[str, float]]:
    return fit_probe(samples, samples, recipe).history


def test_each_photo_is_answered_as_by_a_probe_without_its_fold() -> None:
    """Which is fitted to the features as they are, not in their span."""
    samples = few()
    rows = history(samples)
    found = cross_fit(samples, CLOSE, rows)
    assert len(found.labels) == 30
    assert found.folds == FOLDS
    for out in dealt(samples):
        rest = only(samples, np.setdiff1d(np.arange(30), out))
        head = fit_probe(rest, rest, replace(CLOSE, l2_max=1e-2, l2_steps=1))
        expected = head.logits(samples.features[out].numpy())
        np.testing.assert_allclose(found.logits[out], expected, atol=2e-3)
        f, y = rest.features.numpy(), rest.targets.numpy()
        means = np.stack([f[y == k].mean(0) for k in range(3)])
        likeness = cosine_similarity(samples.features[out].numpy(), means).max(1)
        np.testing.assert_allclose(found.alike[out], likeness, atol=1e-5)


def dealt(samples: Samples) -> list[np.ndarray]:
    """Ten of a class to ten folds: the first of each class is in fold 0, and so on."""
    labels = samples.targets.numpy()
    return [np.array([np.flatnonzero(labels == k)[i] for k in range(3)]) for i in range(FOLDS)]


def test_the_path_ends_with_the_penalty_that_val_chose() -> None:
    samples = few()
    rows = history(samples)
    rows[0]["val_loss"], rows[1]["val_loss"] = 0.1, 0.2
    found = cross_fit(samples, CLOSE, rows)
    stronger = replace(CLOSE, l2_min=CLOSE.l2_max, l2_steps=1)
    np.testing.assert_array_equal(found.logits, cross_fit(samples, stronger, rows).logits)


def test_labels_without_meaning_are_not_learned() -> None:
    """A probe knows the labels of the photos that it saw; out of fold it does not."""
    draw = torch.Generator().manual_seed(1)
    targets = torch.randint(2, (200,), generator=draw)
    samples = Samples(torch.randn(200, 300, generator=draw), targets, 2)
    seen = fit_probe(samples, samples, CLOSE)(samples.features).argmax(1)
    assert (seen == targets).float().mean() > 0.95
    found = cross_fit(samples, CLOSE, history(samples))
    assert 0.35 < (found.logits.argmax(1) == found.labels).mean() < 0.65


def test_the_only_photo_of_a_class_is_not_asked() -> None:
    samples = few(31)
    samples.targets[30] = 3
    samples = replace(samples, classes=4)
    found = cross_fit(samples, CLOSE, history(samples))
    assert sorted(set(found.labels.tolist())) == [0, 1, 2]
    assert len(found.labels) == 30
    assert np.isfinite(found.logits).all()


def test_fewer_photos_than_folds() -> None:
    samples = few(6)
    assert len(cross_fit(samples, CLOSE, history(samples)).labels) == 6


def test_of_many_photos_enough_are_asked_of_every_class() -> None:
    samples = few(900, 20)
    found = cross_fit(samples, CLOSE, history(samples))
    assert ENOUGH <= len(found.labels) < ENOUGH + 900 / FOLDS
    assert np.bincount(found.labels).tolist() == [120, 120, 120]


def split(photos: int) -> Split:
    every = np.arange(photos + 1)
    return Split("drawn", every[: photos - 5], every[photos - 5 : photos], every[photos:])


@pytest.mark.parametrize(
    ("recipe", "photos", "expected"),
    [
        (Probe(), 40, True),
        (Probe(), MOST, True),
        (Probe(), MOST + 1, False),
        (Probe(views=2), 40, False),
        (Finetune(), 40, False),
        (ClassReport(), 40, False),
    ],
)
def test_what_is_cross_fitted(recipe: Recipe, photos: int, *, expected: bool) -> None:
    assert is_cross_fitted(recipe, split(photos)) is expected
