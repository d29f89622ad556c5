"""Evidence shared out, against what is known of the sums."""

import pytest
import torch
from torch.nn.functional import interpolate

from florascope.explanation.sharing import share_out


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("places", "pixels"), [((2, 3), (8, 12)), ((3, 3), (10, 7))])
def test_the_sum_stays_whatever_the_weights(
    places: tuple[int, int], pixels: tuple[int, int]
) -> None:
    maps = drawn(2, *places)
    shared = share_out(maps, drawn(2, *pixels).abs())
    torch.testing.assert_close(shared.sum((1, 2)), maps.sum((1, 2)))


def test_even_weights_give_the_bilinear_enlargement() -> None:
    maps = drawn(1, 4, 4)
    plain = interpolate(maps[:, None], (16, 16), mode="bilinear", align_corners=False)[:, 0]
    for weights in (torch.ones(1, 16, 16), torch.zeros(1, 16, 16)):
        inside = share_out(maps, weights.double())[:, 2:-2, 2:-2]  # border places reach further
        torch.testing.assert_close(inside, plain[:, 2:-2, 2:-2] / 16, atol=0.02, rtol=0.35)


def test_one_place_gives_all_to_the_pixel_that_made_it() -> None:
    weights = torch.zeros(1, 4, 4, dtype=torch.float64)
    weights[0, 1, 2] = 1.0
    shared = share_out(torch.full((1, 1, 1), -3.0, dtype=torch.float64), weights)
    assert shared[0, 1, 2] == pytest.approx(-3.0, rel=2e-3)
    assert shared.sum() == pytest.approx(-3.0)


def test_evidence_keeps_its_sign_and_stays_near_its_place() -> None:
    maps = torch.zeros(1, 4, 4, dtype=torch.float64)
    maps[0, 0, 0], maps[0, 3, 3] = 2.0, -1.0
    shared = share_out(maps, drawn(1, 32, 32).abs())
    assert (shared[0, :12, :12] >= 0).all()
    assert (shared[0, 20:, 20:] <= 0).all()
    assert shared[0, 12:20, 12:20].abs().max() == 0
