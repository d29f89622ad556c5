"""The maps that know nothing must know nothing, and must be what they say."""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from florascope.audit.faithfulness import (
    REFERENCES,
    Across,
    CentreBlob,
    Curves,
    Fill,
    Perturbation,
    RandomMap,
    _cuts,
    auc,
    continued,
    deletion_aucs,
    ends_of,
    faithfulness,
    fill,
    removal_ranks,
)
from florascope.errors import ExplanationError
from florascope.explanation.inference import spread
from florascope.nets.classifier import Classifier

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


PIXELS = Perturbation(fill="mean", steps=4, tile=1)


def linear(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """logits = (0, sum of weights * brightness)."""

    def network(images: Tensor) -> Tensor:
        score = (images.mean(1) * weights).sum((1, 2))
        return torch.stack([torch.zeros_like(score), score], dim=1)

    return network


def balanced(values: list[float]) -> Tensor:
    """A 2 x 2 grey image whose mean colour is black (0), so that removed means weightless."""
    plane = torch.tensor(values).reshape(1, 1, 2, 2)
    assert plane.mean().item() == pytest.approx(0)
    return plane.expand(1, 3, 2, 2)


def test_areas_by_hand() -> None:
    """A deletion curve 1, .3, 0 has area .4, its mirror image as insertion .6."""
    at = np.array([0.0, 0.5, 1.0])
    deletion = np.array([[1.0, 0.3, 0.0]])
    curves = Curves(at, deletion, 1 - deletion)
    assert curves.deletion_auc == pytest.approx([0.4])
    assert curves.insertion_auc == pytest.approx([0.6])
    assert curves.gain == pytest.approx([0.2])


def test_areas_follow_uneven_steps() -> None:
    at = np.array([0.0, 0.2, 1.0])
    assert auc(at, np.array([[1.0, 0.5, 0.5], [1, 1, 1]])) == pytest.approx([0.15 + 0.4, 1.0])


def test_curves_of_a_linear_network_by_hand() -> None:
    """Contributions 3, 2, -1, -4 of the pixels sum to 0: removing the best first falls fastest."""
    images = balanced([3.0, 2.0, -1.0, -4.0])
    found = faithfulness(
        linear(torch.ones(2, 2)), images, torch.tensor([1]), images.mean(1), PIXELS
    )
    assert found.logit.at == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert found.logit.deletion == pytest.approx(np.array([[0, -3, -5, -4, 0]]), abs=1e-5)
    assert found.logit.insertion == pytest.approx(np.array([[0, 3, 5, 4, 0]]), abs=1e-5)
    sigmoid = 1 / (1 + np.exp(-np.array([[0.0, 3, 5, 4, 0]])))
    assert found.probability.insertion == pytest.approx(sigmoid, abs=1e-6)
    assert found.logit.gain == pytest.approx([6.0], abs=1e-5)


def test_no_order_beats_the_contributions() -> None:
    """All 24 orders of four pixels: the true one has the least deletion and most insertion."""
    weights = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    images = balanced([1.0, 2.0, -5.0, 2.0])
    network, target = linear(weights), torch.tensor([1])

    def measured(values: Tensor) -> tuple[float, float]:
        curves = faithfulness(network, images, target, values, PIXELS).logit
        return float(curves.deletion_auc[0]), float(curves.insertion_auc[0])

    every = [
        measured(torch.tensor(order).reshape(1, 2, 2).float())
        for order in itertools.permutations(range(4))
    ]
    best = measured(images.mean(1) * weights)
    assert len(set(every)) > 10
    assert best == pytest.approx((min(d for d, _ in every), max(i for _, i in every)))
    worst = measured(-images.mean(1) * weights)
    assert worst == pytest.approx((max(d for d, _ in every), min(i for _, i in every)))


@pytest.mark.parametrize("kind", ["blur", "mean"])
@pytest.mark.parametrize("tile", [1, 4])
def test_least_relevant_first_is_the_other_curve_backwards(kind: Fill, tile: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 3, 16, 16, generator=generator)
    weights = torch.randn(16, 16, generator=generator)
    values = torch.randn(3, 16, 16, generator=generator)
    how = Perturbation(kind, steps=8, tile=tile)
    targets = torch.tensor([1, 0, 1])
    morf = faithfulness(linear(weights), images, targets, values, how)
    lerf = faithfulness(linear(weights), images, targets, -values, how)
    for one, other in zip(morf, lerf, strict=True):
        assert one.deletion == pytest.approx(other.insertion[:, ::-1])
        assert one.insertion == pytest.approx(other.deletion[:, ::-1])
        assert one.gain == pytest.approx(-other.gain)


@pytest.mark.parametrize("across", [map, spread])
def test_the_ends_are_the_photo_and_the_fill(across: Across) -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    weights = torch.linspace(-1, 1, 64).reshape(8, 8)
    network, targets = linear(weights), torch.tensor([1, 1])
    how = Perturbation("blur", steps=5, tile=2)
    curves = faithfulness(network, images, targets, images.mean(1), how, across).logit
    photo, filled = (network(x)[:, 1].numpy() for x in (images, fill(images, "blur")))
    assert curves.deletion[:, 0] == pytest.approx(photo, abs=1e-5)
    assert curves.insertion[:, -1] == pytest.approx(photo, abs=1e-5)
    assert curves.deletion[:, -1] == pytest.approx(filled, abs=1e-5)
    assert curves.insertion[:, 0] == pytest.approx(filled, abs=1e-5)
    lerf = faithfulness(network, images, targets, -images.mean(1), how).logit
    assert curves.deletion == pytest.approx(lerf.insertion[:, ::-1]), "in order, however made"


def test_maps_of_the_same_photos_share_their_ends() -> None:
    """The curves are the same to the bit, and the network is asked for two pictures less."""
    generator = torch.Generator().manual_seed(0)
    images, values = (torch.rand(2, *s, generator=generator) for s in ((3, 8, 8), (8, 8)))
    inner, targets = linear(torch.randn(8, 8, generator=generator)), torch.tensor([1, 0])
    asked: list[int] = []

    def network(x: torch.Tensor) -> torch.Tensor:
        asked.append(len(x))
        return inner(x)

    how = Perturbation("blur", steps=4, tile=2)
    alone = faithfulness(network, images, targets, values, how)
    assert asked == [2] * 8
    ends = ends_of(network, images, targets, "blur")
    asked.clear()
    shared = faithfulness(network, images, targets, values, how, ends=ends)
    assert asked == [2] * 6
    for one, other in zip(alone, shared, strict=True):
        assert np.array_equal(one.deletion, other.deletion)
        assert np.array_equal(one.insertion, other.insertion)


@pytest.mark.parametrize("value", [0.0, 0.1, -5.0])
def test_a_constant_map_gains_nothing(value: float) -> None:
    """Its order is random: over 300 seeds the mean gain is within three standard errors of 0.

    The same photo's true map gains far more, and each single random order differs.
    """
    rng = torch.Generator().manual_seed(1)
    images = torch.randn(1, 3, 8, 8, generator=rng)
    network = linear(torch.randn(8, 8, generator=rng))
    constant = torch.full((300, 8, 8), value)
    how = Perturbation("mean", steps=8, tile=1)
    batch, targets = images.expand(300, -1, -1, -1), torch.ones(300, dtype=torch.int64)
    gains = faithfulness(network, batch, targets, constant, how).logit.gain
    error = gains.std() / np.sqrt(300)
    assert error > 0
    assert abs(gains.mean()) < 3 * error


def test_ties_fall_in_a_seeded_uniform_order() -> None:
    flat = torch.zeros(6000, 2, 2)
    ranks = removal_ranks(flat, 1, seed=0).flatten(1)
    assert torch.equal(ranks.sort(1).values, torch.arange(4).expand(6000, 4))
    counts = torch.stack([(ranks == rank).sum(0) for rank in range(4)]).double()
    assert counts.min() > 1500 - 150  # four standard deviations of a binomial with p = 1/4
    assert counts.max() < 1500 + 150
    assert torch.equal(ranks, removal_ranks(flat, 1, seed=0).flatten(1))
    assert not torch.equal(ranks, removal_ranks(flat, 1, seed=1).flatten(1))


def test_untied_values_are_ranked_downwards_whatever_the_seed() -> None:
    values = torch.tensor([[[0.1, -3.0, 7.0], [2.0, 0.0, 5.0]]])
    expected = torch.tensor([[[3, 5, 0], [2, 4, 1]]])
    for seed in range(5):
        assert torch.equal(removal_ranks(values, 1, seed), expected)


def test_tiles_are_ranked_by_their_mean_even_at_a_ragged_border() -> None:
    """3 x 5 pixels in tiles of 2: the border tiles hold 2, 2 and 1 pixels."""
    values = torch.tensor([[[1.0, 1, 9, 0, 6], [1, 1, 0, 0, 6], [4, 4, 3, 3, 5]]])
    # tile means: 1, 2.25, 6 over 4, 3, 5
    assert torch.equal(removal_ranks(values, 2, 0), torch.tensor([[[5, 4, 0], [2, 3, 1]]]))


def test_a_ragged_photo_is_removed_whole() -> None:
    images = torch.rand(1, 3, 7, 10, generator=torch.Generator().manual_seed(0))
    network = linear(torch.ones(7, 10))
    how = Perturbation("mean", steps=3, tile=4)
    at = faithfulness(network, images, torch.tensor([1]), torch.rand(1, 7, 10), how).logit.at
    assert at == pytest.approx([0, 2 / 6, 4 / 6, 1])


def test_mean_fill_is_each_photos_mean_colour() -> None:
    images = torch.rand(2, 3, 5, 5)
    filled = fill(images, "mean")
    assert filled.shape == images.shape
    assert torch.allclose(filled[1, 2], images[1, 2].mean())


def test_blur_keeps_a_plain_photo_and_nearly_the_mean() -> None:
    plain = torch.full((1, 3, 20, 30), 0.7)
    assert torch.allclose(fill(plain, "blur"), plain, atol=1e-6)


def test_blur_of_a_point_is_a_gaussian_of_a_tenth_of_the_side() -> None:
    images = torch.zeros(1, 3, 101, 101)
    images[:, :, 50, 50] = 1.0
    blurred = fill(images, "blur")[0, 0].double()
    assert blurred.sum().item() == pytest.approx(1.0, abs=1e-5)
    offset = torch.arange(101.0, dtype=torch.float64) - 50
    for marginal in (blurred.sum(0), blurred.sum(1)):
        # a Gaussian cut at three standard deviations keeps 98.6 % of its deviation
        assert (marginal * offset**2).sum().sqrt().item() == pytest.approx(10.1 * 0.986, rel=0.01)


def test_holes_take_after_what_is_left_around_them() -> None:
    """A step edge: each side's hole is filled with that side's level, whatever it held."""
    images = torch.zeros(1, 3, 16, 16)
    images[:, :, :, 8:] = 1.0
    gone = torch.zeros(1, 16, 16, dtype=torch.bool)
    gone[:, 4:6, 2:4] = gone[:, 4:6, 12:14] = True
    found = continued(torch.where(gone[:, None], torch.tensor(9.0), images), gone)
    torch.testing.assert_close(found, images, atol=1e-5, rtol=0)


def test_a_ramp_is_continued_within_its_range_and_what_is_left_stays() -> None:
    ramp = torch.linspace(-1, 1, 24).expand(2, 3, 13, 24)
    gone = torch.zeros(2, 13, 24, dtype=torch.bool)
    gone[0, 3:9, 6:15] = True
    gone[1] = True
    found = continued(ramp, gone)
    assert torch.equal(found[0][:, ~gone[0]], ramp[0][:, ~gone[0]])
    inside = found[0, :, 3:9, 6:15]
    assert (inside - ramp[0, :, 3:9, 6:15]).abs().max() < 0.3
    torch.testing.assert_close(found[1], torch.zeros_like(ramp[1]), atol=1e-6, rtol=0)


def test_what_is_gone_has_no_part_in_the_filling() -> None:
    images = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    gone = torch.zeros(1, 8, 8, dtype=torch.bool)
    gone[:, 2:5, 2:5] = True
    brighter = torch.where(gone[:, None], images + 5, images)
    torch.testing.assert_close(continued(images, gone), continued(brighter, gone))


def test_gradients_are_left_alone() -> None:
    weights = torch.ones(4, 4, requires_grad=True)
    images = torch.rand(1, 3, 4, 4)
    how = Perturbation("mean", steps=2, tile=1)
    curves = faithfulness(linear(weights), images, torch.tensor([1]), images.mean(1), how)
    assert curves.logit.deletion.shape == (1, 3)
    assert weights.grad is None


@pytest.mark.parametrize("steps", [0, 5])
def test_more_steps_than_tiles_are_refused(steps: int) -> None:
    images = balanced([1.0, -1.0, 1.0, -1.0])
    how = Perturbation("mean", steps=steps, tile=1)
    with pytest.raises(ExplanationError, match=rf"{steps} steps for maps of 4 tiles.*1 to 4 steps"):
        faithfulness(linear(torch.ones(2, 2)), images, torch.tensor([1]), images.mean(1), how)


def test_small_parts_go_first_with_a_power() -> None:
    assert _cuts(196, Perturbation(steps=4)) == [0, 49, 98, 147, 196]
    assert _cuts(196, Perturbation(steps=4, power=2.0)) == [0, 12, 49, 110, 196]  # 196 k^2 / 16


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_deletion_alone_is_that_of_both_curves(power: float) -> None:
    """As `faithfulness` gives it of each image alone, whatever goes beside it."""
    generator = torch.Generator().manual_seed(0)
    images, values = (torch.rand(2, *s, generator=generator) for s in ((3, 12, 12), (12, 12)))
    targets, weight = torch.tensor([0, 1]), torch.randn(2, 3, 12, 12, generator=generator)

    def network(x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("kchw,bchw->bk", weight, x) / 9

    how = Perturbation(steps=5, tile=3, power=power)
    whole = network(images).softmax(1)[[0, 1], targets]
    flat = torch.zeros_like(values)
    found = deletion_aucs(
        network, images, targets, whole, [(values, how), (flat, replace(how, steps=3))]
    )
    for row, (image, target) in enumerate(zip(images, targets, strict=True)):
        for areas, maps, steps in zip(found, (values, flat), (5, 3), strict=True):
            curves = faithfulness(
                network, image[None], target[None], maps[row][None], replace(how, steps=steps)
            )
            assert areas[row] == pytest.approx(curves.probability.deletion_auc[0], abs=1e-6)
