"""The guided filter against what is known of affine functions, even pictures and edges."""

import pytest
import torch
from torch.nn.functional import avg_pool2d, pad

from florascope.explanation.guided import guided_filter


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_an_affine_function_of_the_colours_is_left_as_it_is() -> None:
    guide = drawn(2, 3, 24, 20)
    values = 0.5 + (torch.tensor([2.0, -1.0, 0.3]).double()[:, None, None] * guide).sum(1)
    torch.testing.assert_close(guided_filter(values, guide, 3, 1e-12), values, rtol=1e-6, atol=1e-6)


def test_an_even_guide_leaves_the_mean_of_means() -> None:
    values, guide = drawn(1, 16, 16), torch.full((1, 3, 16, 16), 0.7).double()
    framed = values[:, None]
    for _ in range(2):
        framed = avg_pool2d(pad(framed, (2,) * 4, mode="reflect"), 5, stride=1)
    torch.testing.assert_close(guided_filter(values, guide, 2, 1e-3), framed[:, 0])


@pytest.mark.parametrize("step", [1, 2])
def test_values_do_not_cross_an_edge_of_the_picture(step: int) -> None:
    guide = torch.zeros(1, 3, 32, 32)
    guide[:, :, :, 16:] = 1.0
    edge = guide[:, 0].clone()
    noisy = edge + 0.3 * drawn(1, 32, 32).float()
    found = guided_filter(noisy, guide, 6, 1e-4, step)
    assert (found - edge).abs().mean() < 0.3 * (noisy - edge).abs().mean()
    assert found[:, :, 17].mean() - found[:, :, 14].mean() > 0.8


def test_a_window_larger_than_the_picture() -> None:
    values, guide = drawn(1, 4, 4), drawn(1, 3, 4, 4)
    assert guided_filter(values, guide, 9, 0.1).isfinite().all()
