"""The linear probe against scikit-learn's logistic regression."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from florascope.errors import TrainingError
from florascope.training.head import Samples
from florascope.training.probe import Scaling, fit_probe
from florascope.training.recipe import ProbeRecipe

MakeSamples = Callable[..., Samples]
LONG = 1000  # iterations


def one_penalty(l2: float) -> ProbeRecipe:
    return ProbeRecipe(l2_max=l2, l2_steps=1, max_iterations=LONG)


def scaled(samples: Samples) -> np.ndarray:
    """Features less their mean, in units of one overall spread."""
    f = samples.features.numpy().astype(np.float64)
    centred = f - f.mean(0)
    values: np.ndarray = centred / np.sqrt((centred**2).mean())
    return values


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_the_optimum_is_scikit_learns(l2: float, make_samples: MakeSamples) -> None:
    train, val = make_samples(120), make_samples(40, seed=1)
    head = fit_probe(train, val, one_penalty(l2))
    # scikit-learn minimises C * sum of losses + |W|^2 / 2
    peer = LogisticRegression(C=1 / (l2 * 120), tol=1e-10, max_iter=10_000)
    peer.fit(scaled(train), train.targets.numpy())
    ours = softmax(head.logits(train.features.numpy()).astype(np.float64), axis=1)
    assert np.abs(ours - peer.predict_proba(scaled(train))).max() < 1e-3


@pytest.mark.parametrize("l2", [1.0, 1e-2, 1e-4])
def test_the_gradient_vanishes_at_the_solution(l2: float, make_samples: MakeSamples) -> None:
    train = make_samples(120)
    head = fit_probe(train, train, one_penalty(l2))
    f = train.features.numpy().astype(np.float64)
    spread = np.sqrt(((f - f.mean(0)) ** 2).mean())
    weight = head.weight.numpy() * spread  # of the scaled features
    error = softmax(f @ head.weight.numpy().T + head.bias.numpy(), axis=1)
    error[np.arange(120), train.targets.numpy()] -= 1
    slope = error.T @ scaled(train) / 120 + l2 * weight
    assert np.abs(slope).max() < 2e-5
    assert np.abs(error.mean(0)).max() < 2e-5  # the bias is free of the penalty


def test_the_usual_number_of_iterations_is_enough(make_samples: MakeSamples) -> None:
    train, val = make_samples(200, c=40), make_samples(80, c=40, seed=1)
    usual, long = (fit_probe(train, val, ProbeRecipe(max_iterations=n)) for n in (40, LONG))
    losses = [min(row["val_loss"] for row in head.history) for head in (usual, long)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-3)


def test_scaling_centres_and_divides_by_one_spread() -> None:
    features = torch.tensor([[1.0, 10.0], [3.0, 10.0], [2.0, 16.0]])
    scaling = Scaling.of(features)
    assert scaling.centre.tolist() == [2.0, 12.0]
    # residuals -1, 1, 0 and -2, -2, 4: squares sum to 2 + 24, over 6 values
    assert scaling.spread == pytest.approx(np.sqrt(26 / 6))
    assert scaling(features)[2].tolist() == pytest.approx([0.0, 4 / np.sqrt(26 / 6)])


def test_features_that_do_not_differ_are_left_alone() -> None:
    scaling = Scaling.of(torch.full((3, 2), 7.0))
    assert scaling.spread == 1.0
    assert not scaling(torch.full((1, 2), 7.0)).any()


@given(seed=st.integers(0, 10**6), spread=st.floats(1e-2, 1e2))
def test_a_folded_head_does_on_features_what_it_did_on_scaled_ones(
    seed: int, spread: float
) -> None:
    draw = torch.Generator().manual_seed(seed)
    features, weight = torch.randn(5, 3, generator=draw), torch.randn(4, 3, generator=draw)
    centre, bias = torch.randn(3, generator=draw), torch.randn(4, generator=draw)
    scaling = Scaling(centre, spread)
    W, b = scaling.fold(weight, bias)
    truth = scaling(features) @ weight.T + bias
    assert torch.allclose(
        features @ W.T + b, truth, rtol=1e-4, atol=1e-4 * truth.abs().max().item()
    )


def test_the_penalty_with_the_lowest_validation_loss_wins(make_samples: MakeSamples) -> None:
    # few photos of many channels, badly blurred: weak penalties fit noise, strong ones nothing
    train, val = (make_samples(n, c=30, seed=n, overlap=3.0) for n in (40, 200))
    recipe = ProbeRecipe(l2_max=100.0, l2_min=1e-6, l2_steps=9, max_iterations=200)
    head = fit_probe(train, val, recipe)
    losses = [row["val_loss"] for row in head.history]
    best = int(np.argmin(losses))
    assert 0 < best < 8
    logits = torch.from_numpy(head.logits(val.features.numpy()))
    assert torch.nn.functional.cross_entropy(logits, val.targets).item() == pytest.approx(
        losses[best], rel=1e-4
    )


def test_history_walks_from_strong_to_weak(make_samples: MakeSamples) -> None:
    train, val = make_samples(60), make_samples(30, seed=1)
    recipe = ProbeRecipe(l2_max=1e-1, l2_min=1e-5, l2_steps=5)
    rows = fit_probe(train, val, recipe).history
    assert [row["l2"] for row in rows] == pytest.approx([1e-1, 1e-2, 1e-3, 1e-4, 1e-5])
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


def test_progress_counts_penalties(make_samples: MakeSamples) -> None:
    samples, reports = make_samples(20), []
    fit_probe(samples, samples, ProbeRecipe(l2_steps=2), progress=lambda *r: reports.append(r))
    assert reports == [("Fitting the head", done, 2) for done in range(3)]
