"""Whitening within the classes against eigenvectors and hand-made cases."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from florascope.training.head import Samples
from florascope.training.whitening import Whitening

MakeSamples = Callable[..., Samples]


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
