"""Draws, against NumPy's own generator, closed forms and words that must never change."""

import numpy as np
import pytest

from florascope.data.garden.dice import Dice


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
