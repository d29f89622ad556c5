"""The linear probe against scikit-learn's logistic regression."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from florascope.errors import TrainingError
from florascope.training.head import Samples
from florascope.training.probe import fit_probe
from florascope.training.recipe import ProbeRecipe

MakeSamples = Callable[..., Samples]
LONG = 1000  # iterations


def one_penalty(l2: float) -> ProbeRecipe:
    return ProbeRecipe(l2_max=l2, l2_steps=1, max_iterations=LONG)


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


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_the_optimum_is_scikit_learns(l2: float, make_samples: MakeSamples) -> None:
    train, val = make_samples(120), make_samples(40, seed=1)
    head = fit_probe(train, val, one_penalty(l2))
    # scikit-learn minimises C * sum of losses + |W|^2 / 2
    peer = LogisticRegression(C=1 / (l2 * 120), tol=1e-10, max_iter=10_000)
    white, _ = whitened(train, ProbeRecipe().ridge)
    peer.fit(white, train.targets.numpy())
    ours = softmax(head.logits(train.features.numpy()).astype(np.float64), axis=1)
    assert np.abs(ours - peer.predict_proba(white)).max() < 1e-3


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_the_gradient_vanishes_at_the_solution(l2: float, make_samples: MakeSamples) -> None:
    train = make_samples(120)
    head = fit_probe(train, train, one_penalty(l2))
    f, W = train.features.numpy().astype(np.float64), head.weight.numpy()
    error = softmax(f @ W.T + head.bias.numpy(), axis=1)
    error[np.arange(120), train.targets.numpy()] -= 1
    white, root = whitened(train, ProbeRecipe().ridge)
    penalty = l2 * W @ root.T
    slope = error.T @ white / 120 + penalty
    assert np.abs(slope).max() < 0.15 * np.abs(penalty).max()  # float32
    assert np.abs(error.mean(0)).max() < 1e-4  # the bias is free of the penalty


def test_the_usual_number_of_iterations_is_enough(make_samples: MakeSamples) -> None:
    train, val = make_samples(200, c=40), make_samples(80, c=40, seed=1)
    recipes = (ProbeRecipe(), ProbeRecipe(max_iterations=LONG))
    usual, long = (fit_probe(train, val, recipe) for recipe in recipes)
    losses = [min(row["val_loss"] for row in head.history) for head in (usual, long)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def test_a_large_ridge_leaves_the_features_as_they_are(make_samples: MakeSamples) -> None:
    train = make_samples(120)
    head = fit_probe(train, train, replace(one_penalty(1e-2), ridge=1e9))
    f = train.features.numpy().astype(np.float64)
    plain = (f - f.mean(0)) / f.std(0).mean()
    plain /= np.sqrt((plain**2).mean())
    peer = LogisticRegression(C=1 / (1e-2 * 120), tol=1e-10, max_iter=10_000)
    peer.fit(plain, train.targets.numpy())
    ours = softmax(head.logits(train.features.numpy()).astype(np.float64), axis=1)
    assert np.abs(ours - peer.predict_proba(plain)).max() < 1e-3


def test_the_penalty_with_the_lowest_validation_loss_wins(make_samples: MakeSamples) -> None:
    # few photos of many channels, badly blurred: weak penalties fit noise, strong ones nothing
    train, val = (make_samples(n, c=30, seed=n, overlap=3.0) for n in (40, 200))
    recipe = ProbeRecipe(l2_max=100.0, l2_min=1e-6, l2_steps=9, max_iterations=200)
    head = fit_probe(train, val, recipe)
    losses = [row["val_loss"] for row in head.history]
    best = int(np.argmin(losses))
    assert best > 0
    assert len(losses) == best + 2  # the first that is worse ends the path
    logits = torch.from_numpy(head.logits(val.features.numpy()))
    assert torch.nn.functional.cross_entropy(logits, val.targets).item() == pytest.approx(
        losses[best], rel=1e-4
    )


def test_history_walks_from_strong_to_weak(make_samples: MakeSamples) -> None:
    train, val = make_samples(60), make_samples(30, seed=1)
    recipe = ProbeRecipe(l2_max=1e-1, l2_min=1e-5, l2_steps=5)
    rows = fit_probe(train, val, recipe).history
    walked = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5][: len(rows)]
    assert [row["l2"] for row in rows] == pytest.approx(walked)
    train_losses = [row["train_loss"] for row in rows]
    assert train_losses == sorted(train_losses, reverse=True)
    assert set(rows[0]) == {"l2", "train_loss", "train_top1", "val_loss", "val_top1"}
    last = fit_probe(train, train, replace(recipe, l2_steps=1)).history[0]
    assert last["train_loss"] == last["val_loss"]
    assert last["train_top1"] == last["val_top1"]


def test_the_same_photos_give_the_same_head(make_samples: MakeSamples) -> None:
    train, val = make_samples(60), make_samples(30, seed=1)
    torch.manual_seed(1)
    one = fit_probe(train, val, ProbeRecipe())
    torch.manual_seed(2)
    two = fit_probe(train, val, ProbeRecipe(seed=5))
    assert torch.equal(one.weight, two.weight)
    assert torch.equal(one.bias, two.bias)


def test_a_class_without_train_photos_is_never_answered(make_samples: MakeSamples) -> None:
    train = make_samples(60, K=3)
    head = fit_probe(replace(train, classes=4), train, ProbeRecipe())
    assert head.weight.shape == (4, 6)
    assert (head.logits(train.features.numpy()).argmax(1) < 3).all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_no_numbers_are_an_error(value: float, make_samples: MakeSamples) -> None:
    samples = make_samples(20)
    samples.features[3, 2] = value
    with pytest.raises(TrainingError) as raised:
        fit_probe(samples, samples, ProbeRecipe())
    assert raised.value.found == "the validation loss is nan for every penalty"
    assert raised.value.expected == "finite features"
    assert raised.value.fix == "Check the backbone's weights and the scale of its input"


def test_progress_ends_where_the_path_does(make_samples: MakeSamples) -> None:
    train, val = (make_samples(n, c=30, seed=n, overlap=3.0) for n in (40, 200))
    reports: list[tuple[str, int, int]] = []
    recipe = ProbeRecipe(l2_max=100.0, l2_min=1e-6, l2_steps=9)
    head = fit_probe(train, val, recipe, progress=lambda *r: reports.append(r))
    assert len(head.history) < 9
    assert reports[-1] == ("Fitting the head", 9, 9)


def test_progress_counts_penalties(make_samples: MakeSamples) -> None:
    samples, reports = make_samples(20), []
    fit_probe(samples, samples, ProbeRecipe(l2_steps=2), progress=lambda *r: reports.append(r))
    assert reports == [("Fitting the head", done, 2) for done in range(3)]
