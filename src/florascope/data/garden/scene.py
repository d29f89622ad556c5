"""One photo's composition: ground, leaves, plants near and far, something in front."""

import numpy as np

from florascope.data.garden.backdrop import backdrop, enlarge
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.circle import direction
from florascope.data.garden.colour import LEAVES, Colourway, Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.foliage import GRASS, LANCE, LEAF_KINDS, OVATE, draw, leaves
from florascope.data.garden.inflorescence import Plant
from florascope.data.garden.lens import soften
from florascope.data.garden.species import Species


def scene(species: Species, size: int, dice: Dice) -> Canvas:
    """Compose a picture, before the camera's exposure."""
    sun = direction(dice.uniform(0.6, 0.9))
    greens = _tinted(dice.pick(LEAVES), 0.15, dice)
    petals = _tinted(dice.pick(species.colourways), 0.1, dice)
    small, finish = backdrop(size, sun, dice)
    near = _plants(species, petals, greens, dice)
    for _ in range(dice.whole(0, 2)):
        _far(species, near[0], small, dice)
    canvas = enlarge(small, size)
    finish(canvas)
    for plant in near:
        _leaves(canvas, plant, dice)
        species.habit.draw(canvas, plant, dice)
    if dice.chance(0.4):
        _occlude(canvas, near[0], dice)
    if dice.chance(0.6):
        soften(canvas, dice.uniform(0.05, 0.3))
    return canvas


def _tinted(colours: Colourway, spread: float, dice: Dice) -> Paint:
    """The same colours, each channel a little stronger or weaker."""
    r, g, b = (1 + dice.jitters(3, spread)).tolist()
    return Paint(colours, (r, g, b))


def _plants(species: Species, petals: Paint, greens: Paint, dice: Dice) -> list[Plant]:
    """One to three plants in focus, the largest last and nearest the middle."""
    low, high = species.scale
    scale = low * (high / low) ** dice.uniform()
    main = Plant(
        dice.uniform(0.5 - 0.22, 0.5 + 0.22),
        dice.uniform(0.48 - 0.16, 0.48 + 0.18),
        scale,
        dice.uniform(-0.04, 0.04),
        dice.uniform(0.9, 1.1),
        petals,
        greens,
    )
    count = dice.whole(0, 2) if scale < 0.75 * high else 0
    return [_companion(main, dice) for _ in range(count)] + [main]


def _companion(main: Plant, dice: Dice) -> Plant:
    away = direction(dice.uniform())
    distance = main.scale * dice.uniform(1.5, 2.3)
    return Plant(
        main.x + away[0] * distance,
        main.y + away[1] * distance,
        main.scale * dice.uniform(0.55, 0.95),
        dice.uniform(-0.06, 0.06),
        main.tone * dice.uniform(0.75, 1.0),
        main.petals,
        main.greens,
    )


def _far(species: Species, like: Plant, small: Canvas, dice: Dice) -> None:
    plant = Plant(
        dice.uniform(0.0, 1.0),
        dice.uniform(0.05, 0.7),
        like.scale * dice.uniform(0.35, 0.6),
        dice.uniform(-0.06, 0.06),
        like.tone * dice.uniform(0.6, 0.9),
        like.petals,
        like.greens,
    )
    species.habit.draw(small, plant, dice)


def _leaves(canvas: Canvas, plant: Plant, dice: Dice) -> None:
    """Leaves around the foot of a plant's blossoms."""
    n = dice.whole(1, 4)
    x, y = plant.at(dice.uniforms(n, -0.8, 0.8), dice.uniforms(n, -2.2, -0.4))
    turns = 0.75 + dice.jitters(n, 0.3)
    strokes = leaves(x, y, turns, dice.uniforms(n, 0.25, 0.55), np.ones(n), dice)
    draw(canvas, strokes, dice.pick(LEAF_KINDS), plant.greens, dice)


def _occlude(canvas: Canvas, plant: Plant, dice: Dice) -> None:
    """A leaf or blade of grass between the flower and the camera."""
    x, y = plant.at(dice.uniforms(1, -1.2, 1.2), dice.uniforms(1, -1.6, -0.8))
    soft = np.array([dice.pick((1.0, 2.0, 5.0))])
    strokes = leaves(x, y, dice.uniforms(1, 0.66, 0.84), dice.uniforms(1, 0.3, 0.7), soft, dice)
    draw(canvas, strokes, dice.pick((GRASS, LANCE, OVATE)), plant.greens, dice)
