"""Compositions: what varies between photos and what stays."""

import numpy as np

from florascope.data.garden.dice import Dice
from florascope.data.garden.scene import scene
from florascope.data.garden.species import SPECIES


def test_flowers_stand_in_different_places_in_different_sizes() -> None:
    centres, areas = [], []
    for index in range(24):
        share = scene(SPECIES[0], 64, Dice(0, 0, index)).planes[3]
        rows, columns = np.nonzero(share > 0.5)
        centres.append((rows.mean(), columns.mean()))
        areas.append(len(rows))
    assert np.std(centres, axis=0).min() > 4
    assert max(areas) > 4 * min(areas)


def test_grounds_and_light_vary_and_no_plane_leaves_its_range() -> None:
    means = []
    for index in range(16):
        planes = scene(SPECIES[7], 48, Dice(1, 7, index)).planes
        assert planes[3].min() >= 0
        assert planes[3].max() <= 1 + 1e-5
        assert planes[:3].min() > -0.05
        means.append(planes[:3].mean())
    assert np.std(means) > 0.05


def test_some_flowers_are_hidden_in_part_and_none_whole() -> None:
    for kind, species in enumerate(SPECIES):
        assert scene(species, 48, Dice(2, kind, 0)).planes[3].max() > 0.5
