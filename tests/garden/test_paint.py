"""Draws, against NumPy's own generator, closed forms and words that must never change."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import label

from florascope.garden import paint as colour
from florascope.garden.paint import (
    GOLDEN,
    LEAVES,
    RED,
    Canvas,
    Colourway,
    Dab,
    Dice,
    Paint,
    Patch,
    grain,
    noise,
    pebbles,
    seeds,
    spots,
)


def raw(n: int) -> list[int]:
    return [int(word) for word in np.random.PCG64(np.random.SeedSequence((1, 2, 3))).random_raw(n)]


def test_units_are_those_of_numpys_generator() -> None:
    peer = np.random.Generator(np.random.PCG64(np.random.SeedSequence((1, 2, 3))))
    np.testing.assert_array_equal(Dice(1, 2, 3).uniforms(700), peer.random(700))


def test_single_draws_and_many_come_from_one_stream() -> None:
    one, many = Dice(7), Dice(7)
    assert [one.uniform(), one.uniform(2, 4)] == [
        float(many.uniforms(1)[0]),
        float(many.uniforms(1, 2, 4)[0]),
    ]


def test_equal_entropy_equal_draws_and_other_entropy_others() -> None:
    assert Dice(0, 1).uniform() == Dice(0, 1).uniform()
    assert Dice(0, 1).uniform() != Dice(1, 0).uniform()


def test_jitters_have_the_triangular_density() -> None:
    jitters = Dice(5).jitters(40_000, 0.3)
    assert abs(jitters).max() < 0.3
    assert jitters.mean() == pytest.approx(0, abs=0.002)
    assert jitters.var() == pytest.approx(0.3**2 / 6, rel=0.03)
    assert -0.3 < Dice(5).jitter(0.3) < 0.3


def test_whole_numbers_reach_both_ends_alike() -> None:
    dice = Dice(9)
    counts = np.bincount([dice.whole(2, 4) for _ in range(3000)], minlength=6)
    assert counts[[0, 1, 5]].sum() == 0
    assert counts[2:5] == pytest.approx([1000] * 3, abs=120)


def test_chance_and_pick() -> None:
    dice = Dice(11)
    assert not any(dice.chance(0.0) for _ in range(50))
    assert all(dice.chance(1.0) for _ in range(50))
    assert {dice.pick("abc") for _ in range(60)} == {"a", "b", "c"}


def test_octets_are_the_words_low_byte_first() -> None:
    expected = b"".join(word.to_bytes(8, "little") for word in raw(3))
    assert Dice(1, 2, 3).octets(20).tobytes() == expected[:20]


NAMED = [value for value in vars(colour).values() if isinstance(value, Colourway)]


def test_all_colours_are_displayable() -> None:
    for way in (*NAMED, *LEAVES):
        for rgb in (way.body, way.tip, way.throat, way.mark):
            assert all(0 <= value <= 1 for value in rgb)


def test_leaves_are_green() -> None:
    assert all(way.body[1] == max(way.body) for way in LEAVES)


def test_a_tint_multiplies_each_channel() -> None:
    paint = Paint(RED, (1.0, 0.5, 2.0))
    np.testing.assert_allclose(paint.mark, np.array(RED.mark) * [1, 0.5, 2])
    np.testing.assert_allclose(paint.factors, [1, 0.5, 2, 1])


def flower(cover: float, light: float, left: int = 1, top: int = 0) -> Patch:
    planes = np.full((4, 2, 2), light * cover, dtype=np.float32)
    planes[3] = cover
    return Patch(left, top, planes)


def test_a_patch_covers_light_and_takes_its_share() -> None:
    canvas = Canvas(4)
    canvas.planes[:3] = 0.8
    canvas.lay(flower(0.25, 0.4))
    np.testing.assert_allclose(canvas.planes[:3, 0, 1], 0.75 * 0.8 + 0.25 * 0.4)
    assert canvas.planes[3, 0, 1] == 0.25
    assert canvas.planes[3].sum() == 4 * 0.25
    assert (canvas.planes[:3, 2:] == np.float32(0.8)).all()


def test_what_lies_over_a_flower_takes_its_share_away() -> None:
    canvas = Canvas(4)
    canvas.lay(flower(1.0, 0.5))
    leaf = Dab(np.array([1, 6]), np.full((3, 2), 0.06, np.float32), np.array([0.6, 1], np.float32))
    canvas.dab(leaf)
    np.testing.assert_allclose(canvas.planes[:, 0, 1], [0.4 * 0.5 + 0.06] * 3 + [0.4], rtol=1e-6)
    np.testing.assert_allclose(canvas.planes[:, 1, 2], [0.06] * 3 + [0.0], rtol=1e-6)


def test_a_shadow_changes_light_alone_and_may_reach_over_the_edge() -> None:
    canvas = Canvas(4)
    canvas.planes[:] = 1
    factor = np.arange(9, dtype=np.float32).reshape(3, 3) / 10
    canvas.darken(-1, 2, factor)
    np.testing.assert_allclose(canvas.planes[0, 2:, :2], factor[:2, 1:])
    assert (canvas.planes[3] == 1).all()
    assert (canvas.planes[:3, :2] == 1).all()
    canvas.darken(9, -9, factor)
    canvas.darken(-5, -5, factor)
    assert (canvas.planes[:3, :2] == 1).all()


@pytest.mark.parametrize("tile", [noise, grain, pebbles, seeds])
def test_tiles_run_from_0_to_1(tile: Callable[[], np.ndarray]) -> None:
    values = tile()
    assert values.min() >= 0
    assert values.max() <= 1
    assert np.ptp(values) > 0.8
    assert tile() is values, "made once"


@pytest.mark.parametrize("tile", [noise, pebbles])
def test_tiles_are_periodic(tile: Callable[[], np.ndarray]) -> None:
    values = tile()
    within = np.abs(np.diff(values, axis=0)).mean()
    across = np.abs(values[0] - values[-1]).mean()
    assert across < 2 * within


def test_half_of_the_noise_is_bright() -> None:
    assert noise().mean() == pytest.approx(0.5, abs=0.08)


def test_spots_are_round_and_apart() -> None:
    tile = spots().reshape(128, 128)
    assert 0.1 < tile.mean() < 0.5
    assert (tile.min(), tile.max()) == (0.0, 1.0)
    _, count = label(tile > 0.5)
    assert 12 * 12 * 0.8 < count < 12 * 12 * 1.4  # the tile's border cuts some in two


def test_the_golden_angle() -> None:
    golden = (1 + 5**0.5) / 2
    assert pytest.approx(2 - golden) == GOLDEN
