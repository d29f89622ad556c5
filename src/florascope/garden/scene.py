"""A drawn photo: a scene of flowers seen through a lens."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float32, UInt8

from florascope.garden.backdrop import backdrop, enlarge
from florascope.garden.foliage import GRASS, LANCE, LEAF_KINDS, OVATE, STEM, draw, leaves, together
from florascope.garden.geometry import direction
from florascope.garden.inflorescence import Plant
from florascope.garden.paint import LEAVES, Canvas, Colourway, Dice, Paint
from florascope.garden.species import SPECIES, Species
from florascope.images import RGB


def soften(canvas: Canvas, amount: float) -> None:
    """Blur light and share alike with (a, 1-2a, a) in both directions, 0 <= a <= 1/3."""
    for plane in canvas.planes:  # one at a time: it stays in the cache
        for lines in (plane, plane.T):
            sides = lines * np.float32(amount)
            lines *= np.float32(1 - 2 * amount)
            lines[1:] += sides[:-1]
            lines[:-1] += sides[1:]
            lines[0] += sides[0]
            lines[-1] += sides[-1]


def expose(canvas: Canvas, dice: Dice) -> UInt8[np.ndarray, "size size 3"]:
    """Turn light into pixels: every step here acts on each pixel by itself.

    The tone curve is x (1 - c/2 + 3c/2 x - c x^2): it keeps 0 and 1 and, for a contrast c > 0,
    deepens shadows and keeps highlights from burning out. Exposure and white balance are folded
    into its coefficients.
    """
    gains = dice.uniform(0.85, 1.2) * (1 + dice.jitters(3, 0.09))
    corners = 1 - np.float32(dice.uniform(0.0, 0.3)) * _corners(canvas.size)
    c = dice.uniform(0.0, 0.55)
    grains = noise(canvas.size, dice.uniform(0.5, 5.0), dice)
    levels = np.empty((3, canvas.size, canvas.size), dtype=np.uint8)
    for plane, gain, grain, level in zip(
        canvas.planes, gains.tolist(), grains, levels, strict=False
    ):
        light = plane * corners
        curve = light * np.float32(-255 * c * gain * gain * gain)
        curve += np.float32(255 * 1.5 * c * gain * gain)
        curve *= light
        curve += np.float32(255 * (1 - c / 2) * gain)
        curve *= light
        curve += grain
        level[:] = curve.clip(0, 255, out=curve)
    return np.stack(tuple(levels), axis=-1)


def noise(size: int, sigma: float, dice: Dice) -> Float32[np.ndarray, "3 size size"]:
    """Sensor noise of a standard deviation in levels, with mean 0.5 for rounding."""
    first = dice.whole(0, GRAINS - 1)
    levels = _grains(3 * size * size)[first : first + 3 * size * size] * np.float32(sigma)
    levels += np.float32(0.5)
    return levels.reshape(3, size, size)


GRAINS = 2**18


@lru_cache(maxsize=4)
def _grains(n: int) -> Float32[np.ndarray, "n_grains"]:
    """A period of nearly normal noise of deviation 1, repeated to hold n numbers from anywhere."""
    octets = Dice(5).octets(3 * GRAINS).reshape(3, -1).astype(np.float32)
    # The sum of three uniform bytes has variance 3 (256^2 - 1) / 12.
    period = (octets[0] + octets[1] + octets[2] - np.float32(382.5)) / np.float32(128.0)
    return np.tile(period, 1 + -(-n // GRAINS))


@lru_cache(maxsize=8)
def _corners(size: int) -> Float32[np.ndarray, "size size"]:
    """Squared distance from the middle, 1 in the corners."""
    x = (np.arange(size) + 0.5) / size * 2 - 1
    return ((x * x + (x * x)[:, None]) / 2).astype(np.float32)


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


RENDERER = 2
"""Raised whenever the same arguments would give other pixels."""


@dataclass(frozen=True, slots=True)
class GardenPhoto:
    """One procedural photo; the same numbers give the same pixels.

    The composition is the same on every machine. Pixels are the same on one machine; elsewhere
    one may differ by a level, where another processor rounds a product and a sum at once.

    Attributes:
        species: index into SPECIES.
        index: number of the photo within its species.
        seed: of the whole garden.
        size: height and width in pixels.
    """

    species: int
    index: int
    seed: int = 0
    size: int = 224

    @property
    def name(self) -> str:
        """Species and number."""
        return f"garden-{self.species + 1:02d}-{SPECIES[self.species].name}-{self.index:04d}.png"

    def read(self) -> RGB:
        """Render the pixels, (size, size, 3)."""
        canvas, dice = self.compose()
        return expose(canvas, dice)

    def mask(self) -> Bool[np.ndarray, "h w"]:
        """Where a flower (petals or centre, not stem or leaf) gives most of the pixel's light."""
        flower: Bool[np.ndarray, "h w"] = self.compose()[0].planes[3] >= 0.5
        return flower

    def digest(self) -> str:
        """Key of the numbers and of the renderer's version."""
        text = f"garden {RENDERER} {self.seed} {self.species} {self.index} {self.size}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def compose(self) -> tuple[Canvas, Dice]:
        """Draw the scene, and keep the dice for the camera."""
        dice = Dice(self.seed, self.species, self.index)
        return scene(SPECIES[self.species], self.size, dice), dice
