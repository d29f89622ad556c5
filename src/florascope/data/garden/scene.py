"""One photo's composition: ground, leaves, plants near and far, something in front."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from florascope.data.garden.backdrop import backdrop, enlarge
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.circle import direction
from florascope.data.garden.colour import LEAVES, Colourway, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.foliage import (
    GRASS,
    LANCE,
    LEAF_KINDS,
    OVATE,
    STEM,
    draw,
    leaves,
)
from florascope.data.garden.inflorescence import Plant
from florascope.data.garden.lens import soften
from florascope.data.garden.species import Species
from florascope.data.garden.strokes import together


def scene(species: Species, size: int, dice: Dice) -> Canvas:
    """Compose a picture, before the camera's exposure."""
    sun = direction(dice.uniform(0.6, 0.9))
    greens = _tinted(dice.pick(LEAVES), 0.15, dice)
    flora = Flora(species, _tinted(dice.pick(species.colourways), 0.1, dice), greens)
    small, finish = backdrop(size, sun, dice)
    main = _main(species.scale, dice)
    if dice.chance(0.5):
        flora.grow(small, [_far(main, dice)], dice)
    canvas = enlarge(small, size)
    finish(canvas)
    plants = [_companion(main, dice) for _ in range(_companions(main, species.scale, dice))]
    plants.append(main)
    _leaves(canvas, plants, greens, dice)
    flora.grow(canvas, plants, dice)
    if dice.chance(0.4):
        _occlude(canvas, main, greens, dice)
    if dice.chance(0.6):
        soften(canvas, dice.uniform(0.05, 0.3))
    return canvas


@dataclass(frozen=True)
class Flora:
    """The plants of one photo: all of one species and colour."""

    species: Species
    petals: Paint
    greens: Paint

    def grow(self, canvas: Canvas, plants: Sequence[Plant], dice: Dice) -> None:
        """Draw all stems, then all blossoms."""
        stands = [self.species.habit.arrange(plant, dice) for plant in plants]
        draw(canvas, together([stand.stems for stand in stands]), STEM, self.greens, dice)
        for stand in stands:
            self.species.blossom.draw(canvas, stand.blossoms, self.petals, dice)


def _tinted(colours: Colourway, spread: float, dice: Dice) -> Paint:
    """The same colours, each channel a little stronger or weaker."""
    r, g, b = (1 + dice.jitters(3, spread)).tolist()
    return Paint(colours, (r, g, b))


def _main(scale: tuple[float, float], dice: Dice) -> Plant:
    """The plant that the photo is of."""
    low, high = scale
    return Plant(
        dice.uniform(0.28, 0.72),
        dice.uniform(0.32, 0.66),
        low + (high - low) * dice.uniform() * dice.uniform(0.4, 1.0),
        dice.uniform(-0.04, 0.04),
        dice.uniform(0.9, 1.1),
    )


def _companions(main: Plant, scale: tuple[float, float], dice: Dice) -> int:
    """None beside a large plant, else none to two."""
    return max(dice.whole(-2, 2), 0) if main.scale < 0.75 * scale[1] else 0


def _companion(main: Plant, dice: Dice) -> Plant:
    away = direction(dice.uniform())
    distance = main.scale * dice.uniform(1.5, 2.3)
    return Plant(
        main.x + away[0] * distance,
        main.y + away[1] * distance,
        main.scale * dice.uniform(0.55, 0.95),
        dice.uniform(-0.06, 0.06),
        main.tone * dice.uniform(0.75, 1.0),
    )


def _far(main: Plant, dice: Dice) -> Plant:
    """A plant out of focus, anywhere in the upper part."""
    return Plant(
        dice.uniform(0.0, 1.0),
        dice.uniform(0.05, 0.7),
        main.scale * dice.uniform(0.35, 0.6),
        dice.uniform(-0.06, 0.06),
        main.tone * dice.uniform(0.6, 0.9),
    )


def _leaves(canvas: Canvas, plants: Sequence[Plant], greens: Paint, dice: Dice) -> None:
    """Leaves around the feet of the plants."""
    n = dice.whole(1, 4)
    points = [
        plant.at(dice.uniforms(n, -0.8, 0.8), dice.uniforms(n, -2.2, -0.4)) for plant in plants
    ]
    x, y = np.concatenate(points, axis=1)
    n = len(x)
    turns = 0.75 + dice.jitters(n, 0.3)
    strokes = leaves(x, y, turns, dice.uniforms(n, 0.2, 0.48), np.ones(n), dice)
    draw(canvas, strokes, dice.pick(LEAF_KINDS), greens, dice)


def _occlude(canvas: Canvas, plant: Plant, greens: Paint, dice: Dice) -> None:
    """A leaf or blade of grass between the flower and the camera."""
    x, y = plant.at(dice.uniforms(1, -1.2, 1.2), dice.uniforms(1, -1.6, -0.8))
    soft = np.array([dice.pick((1.0, 2.0, 5.0))])
    strokes = leaves(x, y, dice.uniforms(1, 0.66, 0.84), dice.uniforms(1, 0.3, 0.7), soft, dice)
    draw(canvas, strokes, dice.pick((GRASS, LANCE, OVATE)), greens, dice)
