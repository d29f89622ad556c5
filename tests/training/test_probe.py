"""Whitening within the classes against eigenvectors and hand-made cases."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from threadpoolctl import threadpool_info, threadpool_limits

from florascope.data.dataset import Split
from florascope.errors import TrainingError
from florascope.nets.classifier import Samples, Slope, join_samples, slope_of
from florascope.training import probe
from florascope.training.probe import (
    ENOUGH,
    FOLDS,
    MOST,
    TRUSTED,
    Whitening,
    cross_fit,
    fit_probe,
    fit_to_end,
    is_cross_fitted,
)
from florascope.training.recipes import ClassReport, Finetune, Probe, Recipe

MakeSamples = Callable[..., Samples]


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_while_it_fits_scipys_threads_leave_the_cores_to_pytorch(
    make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[int]] = []

    def spy(*args: Any) -> Slope:
        seen.append(blas_threads())
        return slope_of(*args)

    monkeypatch.setattr(probe, "slope_of", spy)
    with threadpool_limits(2, user_api="blas"):
        fit_probe(make_samples(60), make_samples(60), Probe())
        assert blas_threads() == {2}, "as before"
    assert seen
    assert all(threads == {1} for threads in seen)


def test_within_the_classes_all_directions_scatter_alike(make_samples: MakeSamples) -> None:
    samples = make_samples(400)
    z = Whitening.of(samples, ridge=1e-6)(samples.features).numpy().astype(np.float64)
    y = samples.targets.numpy()
    rest = np.concatenate([z[y == k] - z[y == k].mean(0) for k in np.unique(y)])
    covariance = rest.T @ rest / len(rest)
    scale = np.trace(covariance) / len(covariance)
    assert covariance / scale == pytest.approx(np.eye(len(covariance)), abs=1e-3)


def test_by_hand() -> None:
    # class 0 at (0, 0) and (2, 0), class 1 at (4, 6) and (6, 6): within, only the first axis varies
    features = torch.tensor([[0.0, 0.0], [2.0, 0.0], [4.0, 6.0], [6.0, 6.0]])
    samples = Samples(features, torch.tensor([0, 0, 1, 1]), 2)
    whitening = Whitening.of(samples, ridge=2.0)
    assert whitening.centre.tolist() == [3.0, 3.0]
    # S = diag(1, 0) + 2 * (1 + 0) / 2 I = diag(2, 1)
    rest = (features - 3) / torch.tensor([2.0, 1.0]).sqrt()
    expected = rest / rest.square().mean().sqrt()
    assert torch.allclose(whitening(features), expected, atol=1e-6)


def test_coordinates_have_a_root_mean_square_of_one(make_samples: MakeSamples) -> None:
    samples = make_samples(50)
    z = Whitening.of(samples, ridge=2.0)(samples.features)
    assert z.square().mean().sqrt().item() == pytest.approx(1, rel=1e-5)


def test_one_photo_a_class_shrinks_no_direction() -> None:
    features = torch.tensor([[1.0, 10.0], [3.0, 10.0], [2.0, 16.0]])
    whitening = Whitening.of(Samples(features, torch.tensor([0, 1, 2]), 3), ridge=2.0)
    # residuals -1, 1, 0 and -2, -2, 4: squares sum to 2 + 24, over 6 values
    assert torch.allclose(whitening.basis, torch.eye(2) / np.sqrt(26 / 6))


def test_features_that_do_not_differ_are_left_alone() -> None:
    samples = Samples(torch.full((3, 2), 7.0), torch.tensor([0, 0, 1]), 2)
    whitening = Whitening.of(samples, ridge=2.0)
    assert torch.equal(whitening.basis, torch.eye(2))
    assert not whitening(samples.features).any()


def test_a_class_without_photos_changes_nothing(make_samples: MakeSamples) -> None:
    samples = make_samples(60, K=3)
    more = Samples(samples.features, samples.targets, 5)
    assert torch.equal(Whitening.of(samples, 2.0).basis, Whitening.of(more, 2.0).basis)


@given(seed=st.integers(0, 10**6), spread=st.floats(1e-2, 1e2))
def test_a_folded_head_does_on_features_what_it_did_on_white_ones(seed: int, spread: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    features, weight = torch.randn(5, 3, generator=draw), torch.randn(4, 3, generator=draw)
    centre, bias = torch.randn(3, generator=draw), torch.randn(4, generator=draw)
    whitening = Whitening(centre, torch.randn(3, 3, generator=draw) / spread)
    W, b = whitening.fold(weight, bias)
    truth = whitening(features) @ weight.T + bias
    assert torch.allclose(
        features @ W.T + b, truth, rtol=1e-4, atol=1e-4 * truth.abs().max().item()
    )


def test_a_gradient_is_carried_back_as_autograd_does() -> None:
    draw = torch.Generator().manual_seed(0)
    whitening = Whitening(torch.randn(3, generator=draw), torch.randn(3, 3, generator=draw))
    features, targets = torch.randn(9, 3, generator=draw), torch.arange(9) % 4
    weight = torch.randn(4, 3, generator=draw).requires_grad_()
    bias = torch.randn(4, generator=draw).requires_grad_()
    folded = whitening.fold(weight, bias)
    loss = torch.nn.functional.cross_entropy(features @ folded[0].T + folded[1], targets)
    expected = torch.autograd.grad(loss, (weight, bias))
    given_folded = slope_of(features, targets, *(part.detach() for part in folded)).over(9)
    found = whitening.unfold(given_folded)
    for one, other in zip((found.weight, found.bias), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


LONG = 1000  # iterations


def one_penalty(l2: float) -> Probe:
    return Probe(l2=l2, max_iterations=LONG)


def scatter(samples: Samples, ridge: float) -> np.ndarray:
    """Covariance within the classes plus the ridge, in float64, written out class by class."""
    f, y = samples.features.numpy().astype(np.float64), samples.targets.numpy()
    rest = np.concatenate([f[y == k] - f[y == k].mean(0) for k in np.unique(y)])
    C = rest.T @ rest / len(f)
    return C + ridge * np.trace(C) / len(C) * np.eye(len(C))


def whitened(samples: Samples, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """White features z with a root mean square of 1, by eigenvectors; R with z R = f - mean."""
    f = samples.features.numpy().astype(np.float64)
    variances, axes = np.linalg.eigh(scatter(samples, ridge))
    z = (f - f.mean(0)) @ axes / np.sqrt(variances)
    spread = float(np.sqrt((z**2).mean()))
    return z / spread, spread * np.sqrt(variances)[:, None] * axes.T


# Of twice the photos that the ridge was chosen on, half of it is added.
@pytest.mark.parametrize(
    ("l2", "photos", "ridge"),
    [(1.0, 120, 2.0), (1e-2, 120, 2.0), (1e-4, 120, 2.0), (1e-2, 2040, 1.0)],
)
def test_the_optimum_is_scikit_learns(
    l2: float, photos: int, ridge: float, make_samples: MakeSamples
) -> None:
    train = make_samples(photos)
    head = fit_to_end(train, one_penalty(l2))
    # scikit-learn minimises C * sum of losses + |W|^2 / 2
    peer = LogisticRegression(C=1 / (l2 * photos), tol=1e-10, max_iter=10_000)
    white, _ = whitened(train, ridge)
    peer.fit(white, train.targets.numpy())
    ours = softmax(head.logits(train.features.numpy()).astype(np.float64), axis=1)
    assert np.abs(ours - peer.predict_proba(white)).max() < 1e-3


def test_views_of_a_photo_are_no_further_photos(make_samples: MakeSamples) -> None:
    photos = make_samples(600)
    seen = join_samples([photos, replace(photos, features=photos.features + 0.1), photos])
    found = fit_to_end(seen, one_penalty(1e-2))
    alone = replace(seen, views=1)  # as if they were 1,800: less ridge
    assert (seen.photos, alone.photos) == (600, 1800)
    truth = fit_to_end(alone, replace(one_penalty(1e-2), ridge=2.0 * 1800 / TRUSTED))
    assert torch.allclose(found.weight, truth.weight, atol=1e-4)
    assert not torch.allclose(found.weight, fit_to_end(alone, one_penalty(1e-2)).weight)


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_the_gradient_vanishes_at_the_solution(l2: float, make_samples: MakeSamples) -> None:
    train = make_samples(120)
    head = fit_to_end(train, one_penalty(l2))
    f, W = train.features.numpy().astype(np.float64), head.weight.numpy()
    error = softmax(f @ W.T + head.bias.numpy(), axis=1)
    error[np.arange(120), train.targets.numpy()] -= 1
    white, root = whitened(train, Probe().ridge)
    penalty = l2 * W @ root.T
    slope = error.T @ white / 120 + penalty
    assert np.abs(slope).max() < 0.15 * np.abs(penalty).max()  # float32
    assert np.abs(error.mean(0)).max() < 1e-4  # the bias is free of the penalty


def test_a_large_ridge_leaves_the_features_as_they_are(make_samples: MakeSamples) -> None:
    train = make_samples(120)
    head = fit_to_end(train, replace(one_penalty(1e-2), ridge=1e9))
    f = train.features.numpy().astype(np.float64)
    plain = (f - f.mean(0)) / f.std(0).mean()
    plain /= np.sqrt((plain**2).mean())
    peer = LogisticRegression(C=1 / (1e-2 * 120), tol=1e-10, max_iter=10_000)
    peer.fit(plain, train.targets.numpy())
    ours = softmax(head.logits(train.features.numpy()).astype(np.float64), axis=1)
    assert np.abs(ours - peer.predict_proba(plain)).max() < 1e-3


def hard(train: int, make_samples: MakeSamples) -> tuple[Samples, Samples]:
    """Few photos of many channels, badly blurred: a long walk fits noise."""
    return make_samples(train, c=30, seed=train, overlap=3.0), make_samples(200, c=30, overlap=3.0)


def test_the_iteration_with_the_lowest_validation_loss_wins(make_samples: MakeSamples) -> None:
    train, val = hard(40, make_samples)
    recipe = Probe(patience=3)
    head = fit_probe(train, val, recipe)
    losses = [row["val_loss"] for row in head.history]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3  # what follows is no better
    logits = torch.from_numpy(head.logits(val.features.numpy()))
    loss = torch.nn.functional.cross_entropy(logits, val.targets).item()
    assert loss == pytest.approx(losses[best], rel=1e-4)
    patient = fit_probe(train, val, replace(recipe, patience=LONG, max_iterations=60))
    assert min(row["val_loss"] for row in patient.history) == pytest.approx(losses[best], rel=0.05)
    assert patient.history[-1]["val_loss"] > 1.2 * losses[best]


def test_iterations_end_where_asked(make_samples: MakeSamples) -> None:
    train, val = hard(40, make_samples)
    whole = fit_probe(train, val, Probe())
    short = fit_probe(train, val, Probe(max_iterations=2))
    assert short.history == whole.history[:2]


def test_labels_that_features_cannot_tell_end_near_the_uniform_guess(
    make_samples: MakeSamples,
) -> None:
    draw = torch.Generator().manual_seed(3)

    def shuffled(samples: Samples) -> Samples:
        order = torch.randperm(len(samples.targets), generator=draw)
        return replace(samples, targets=samples.targets[order])

    train, val = make_samples(40, c=30), make_samples(200, c=30, seed=1)
    head = fit_probe(shuffled(train), shuffled(val), Probe())
    best = min(row["val_loss"] for row in head.history)
    assert best < 1.05 * np.log(train.classes)
    assert head.history[-1]["val_loss"] > best


def test_history_tells_each_iteration(make_samples: MakeSamples) -> None:
    train, val = make_samples(60), make_samples(30, seed=1)
    rows = fit_probe(train, val, Probe()).history
    assert [row["iteration"] for row in rows] == list(range(1, len(rows) + 1))
    assert set(rows[0]) == {"iteration", "train_loss", "train_top1", "val_loss", "val_top1"}
    train_losses = [row["train_loss"] for row in rows]
    assert train_losses == sorted(train_losses, reverse=True)
    for row in fit_probe(train, train, Probe()).history:
        assert row["train_loss"] == pytest.approx(row["val_loss"], abs=1e-4)
        assert row["train_top1"] == pytest.approx(row["val_top1"])


def test_photos_that_are_all_alike_have_a_head_that_says_so() -> None:
    samples = Samples(torch.ones(12, 3), torch.arange(12) % 3, 3)
    head = fit_probe(samples, samples, Probe())
    assert head(samples.features).softmax(1).numpy() == pytest.approx(1 / 3)
    assert len(head.history) == 1


def test_the_same_photos_give_the_same_head(make_samples: MakeSamples) -> None:
    train, val = make_samples(60), make_samples(30, seed=1)
    torch.manual_seed(1)
    one = fit_probe(train, val, Probe())
    torch.manual_seed(2)
    two = fit_probe(train, val, Probe(seed=5))
    assert torch.equal(one.weight, two.weight)
    assert torch.equal(one.bias, two.bias)


def test_a_class_without_train_photos_is_never_answered(make_samples: MakeSamples) -> None:
    train = make_samples(60, K=3)
    head = fit_probe(replace(train, classes=4), train, Probe())
    assert head.weight.shape == (4, 6)
    assert (head.logits(train.features.numpy()).argmax(1) < 3).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_no_numbers_are_an_error(value: float, make_samples: MakeSamples) -> None:
    samples = make_samples(20)
    samples.features[3, 2] = value
    with pytest.raises(TrainingError) as raised:
        fit_probe(samples, samples, Probe())
    assert raised.value.found == "the validation loss is nan after every iteration"
    assert raised.value.expected == "finite features"
    assert raised.value.fix == "Check the backbone's weights and the scale of its input"


def test_progress_counts_iterations_and_ends_with_the_fit(make_samples: MakeSamples) -> None:
    train, val = hard(40, make_samples)
    reports: list[tuple[str, int, int]] = []
    head = fit_probe(train, val, Probe(), progress=lambda *r: reports.append(r))
    done = [*range(len(head.history) + 1), 100]
    assert reports == [("Fitting the head", n, 100) for n in done]


CLOSE = Probe(l2=1e-2, patience=100)


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
    chosen = 1 + int(np.argmin([row["val_loss"] for row in rows]))
    found = cross_fit(samples, CLOSE, rows)
    assert len(found.labels) == 30
    assert found.folds == FOLDS
    for out in dealt(samples):
        rest = only(samples, np.setdiff1d(np.arange(30), out))
        head = fit_to_end(rest, replace(CLOSE, max_iterations=chosen))
        expected = head.logits(samples.features[out].numpy())
        np.testing.assert_allclose(found.logits[out], expected, atol=5e-3)  # float32
        f, y = rest.features.numpy(), rest.targets.numpy()
        means = np.stack([f[y == k].mean(0) for k in range(3)])
        likeness = cosine_similarity(samples.features[out].numpy(), means).max(1)
        np.testing.assert_allclose(found.alike[out], likeness, atol=1e-5)


def dealt(samples: Samples) -> list[np.ndarray]:
    """Ten of a class to ten folds: the first of each class is in fold 0, and so on."""
    labels = samples.targets.numpy()
    return [np.array([np.flatnonzero(labels == k)[i] for k in range(3)]) for i in range(FOLDS)]


def test_each_fold_walks_as_far_as_val_chose() -> None:
    samples = few()
    rows = [{"val_loss": loss} for loss in (0.3, 0.1, 0.2, float("nan"))]
    found = cross_fit(samples, CLOSE, rows)
    out = dealt(samples)[0]
    rest = only(samples, np.setdiff1d(np.arange(30), out))
    head = fit_to_end(rest, replace(CLOSE, max_iterations=2))
    expected = head.logits(samples.features[out].numpy())
    np.testing.assert_allclose(found.logits[out], expected, atol=5e-3)


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
