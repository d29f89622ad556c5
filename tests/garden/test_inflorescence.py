"""Where blossoms sit: numbers, extents and order."""

import numpy as np
import pytest

from florascope.garden.inflorescence import (
    Globe,
    Inflorescence,
    Plant,
    Solitary,
    Spire,
    Umbel,
    spiral,
)
from florascope.garden.paint import Dice

PLANT = Plant(0.5, 0.4, 0.2, 0.0, 1.0)
HABITS: tuple[Inflorescence, ...] = (
    Solitary(),
    Globe((30, 30), 0.25),
    Umbel((11, 11), 6, 0.07),
    Spire((20, 20), 0.2, 0.25, 0.8),
)


def test_plant_coordinates_turn_with_the_lean() -> None:
    assert PLANT.at(1.0, 0.0) == pytest.approx((0.7, 0.4))
    assert PLANT.at(0.0, 1.0) == pytest.approx((0.5, 0.2))
    fallen = Plant(0.5, 0.4, 0.2, 0.25, 1.0)
    assert fallen.at(0.0, 1.0) == pytest.approx((0.7, 0.4))


@pytest.mark.parametrize("habit", HABITS)
def test_blossoms_stay_within_the_plants_scale(habit: Inflorescence) -> None:
    for seed in range(20):
        stand = habit.arrange(PLANT, Dice(seed))
        away = np.abs(stand.blossoms.centre - [[0.5], [0.4]]).max()
        assert away <= 1.15 * 0.2
        assert (stand.blossoms.radius > 0).all()
        assert (stand.blossoms.tilt > 0.3).all()
        assert (stand.blossoms.tilt <= 1).all()


@pytest.mark.parametrize(
    ("habit", "blossoms", "stems"), list(zip(HABITS, (1, 30, 66, 20), (1, 1, 12, 1), strict=True))
)
def test_numbers(habit: Inflorescence, blossoms: int, stems: int) -> None:
    stand = habit.arrange(PLANT, Dice(3))
    assert len(stand.blossoms) == blossoms
    assert len(stand.stems) == stems


def test_an_upright_blossom_points_up_with_its_plant() -> None:
    leaning = Plant(0.5, 0.4, 0.2, 0.1, 1.0)
    spins = [Solitary(upright=True).arrange(leaning, Dice(k)).blossoms.spin[0] for k in range(30)]
    assert np.abs(np.array(spins) - 0.85).max() <= 0.05
    free = [Solitary().arrange(leaning, Dice(k)).blossoms.spin[0] for k in range(30)]
    assert np.ptp(free) > 0.7


def test_a_globe_lays_its_middle_over_its_rim_and_turns_the_rim_away() -> None:
    florets = Globe((30, 30), 0.25).arrange(PLANT, Dice(1)).blossoms
    away = np.hypot(*(florets.centre - [[0.5], [0.4]]))
    assert away[:5].min() > away[-5:].max()
    assert florets.tilt[:5].max() < florets.tilt[-5:].min()


def test_an_umbel_goes_from_the_back_to_the_front() -> None:
    florets = Umbel((11, 11), 6, 0.07).arrange(PLANT, Dice(1)).blossoms
    heads = florets.y.reshape(11, 6).mean(axis=1)
    assert (np.diff(heads) > -0.02).all()


def test_a_spire_tapers_upward() -> None:
    florets = Spire((20, 20), 0.2, 0.25, 0.8, taper=0.5).arrange(PLANT, Dice(1)).blossoms
    assert florets.y[0] > florets.y[-1]
    np.testing.assert_allclose(florets.radius[[0, -1]], [0.2 * 0.2, 0.2 * 0.1], rtol=0.05)


def test_the_spiral_fills_the_disc_evenly() -> None:
    radius, turns = spiral(400, Dice(2))
    assert (np.diff(radius) < 0.085).all(), "from the rim inward"
    for inner in (0.3, 0.5, 0.8):
        assert (radius < inner).mean() == pytest.approx(inner**2, abs=0.03)
    quarters = np.histogram(turns % 1, 4, (0, 1))[0]
    np.testing.assert_allclose(quarters, 100, atol=8)
