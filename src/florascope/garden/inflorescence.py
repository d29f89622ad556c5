"""How a plant bears its blossoms: alone, in globes, umbels or spires."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float64

from florascope.garden.foliage import Strokes, stems, together
from florascope.garden.geometry import Poses, cosine_sine, direction, turn
from florascope.garden.paint import GOLDEN, Dice

Each = Float64[np.ndarray, "n"]
Number = TypeVar("Number", float, np.ndarray)

FOOT = -6.0
"""Height of a plant's foot, in units of its scale: below the picture."""


@dataclass(frozen=True)
class Plant:
    """Where a plant stands.

    Attributes:
        x: column of the blossoms' middle, as a fraction of the picture.
        y: its row, downward.
        scale: reach of the blossoms from there, as a fraction of the picture.
        lean: turn of the plant from upright, in turns.
        tone: brightness.
    """

    x: float
    y: float
    scale: float
    lean: float
    tone: float

    def at(self, aside: Number, up: Number) -> tuple[Number, Number]:
        """Points of the picture from plant coordinates in units of the scale."""
        c, s = direction(self.lean)
        return (
            self.x + self.scale * (aside * c + up * s),
            self.y + self.scale * (aside * s - up * c),
        )

    def stem(self, up: float, thickness: float, dice: Dice) -> Strokes:
        """The stem from below the picture up to a height, in units of the scale."""
        foot = self.at(dice.uniform(-0.6, 0.6), FOOT)
        x, y = self.at(np.zeros(1), np.full(1, up))
        return stems(foot, x, y, thickness * self.scale, dice)


@dataclass(frozen=True)
class Stand:
    """A plant's stems and where its blossoms sit, from the back to the front."""

    stems: Strokes
    blossoms: Poses


class Inflorescence(Protocol):
    """A way of bearing blossoms."""

    def arrange(self, plant: Plant, dice: Dice) -> Stand:
        """Place stems and blossoms."""
        ...


@dataclass(frozen=True)
class Solitary:
    """One blossom on a stem.

    Attributes:
        tilt: least and greatest cosine of its tilt.
        upright: whether its first axis points upward (a tulip) or anywhere (a daisy).
    """

    tilt: tuple[float, float] = (0.55, 1.0)
    upright: bool = False

    def arrange(self, plant: Plant, dice: Dice) -> Stand:
        """Place the stem and the blossom."""
        spin = dice.uniform(0.7, 0.8) + plant.lean if self.upright else dice.uniform()
        values = (
            plant.x,
            plant.y,
            plant.scale,
            spin,
            dice.uniform(*self.tilt),
            dice.uniform(0.1, 0.4) + plant.lean,
            plant.tone,
        )
        return Stand(plant.stem(0.0, 0.07, dice), Poses(*(np.array([value]) for value in values)))


@dataclass(frozen=True)
class Globe:
    """Many florets on a half sphere.

    Attributes:
        count: least and greatest number of florets.
        size: a floret's radius, as a fraction of the globe's.
    """

    count: tuple[int, int]
    size: float

    def arrange(self, plant: Plant, dice: Dice) -> Stand:
        """Place the stem, and the florets from the rim inward."""
        n = dice.whole(*self.count)
        radius, turns = spiral(n, dice)
        c, s = cosine_sine(turns)
        height = np.sqrt(1 - 0.92 * radius * radius)
        poses = Poses(
            plant.x + plant.scale * 0.82 * radius * c,
            plant.y + plant.scale * 0.82 * radius * s,
            plant.scale * self.size * (1 + dice.jitters(n, 0.15)),
            dice.uniforms(n),
            height.clip(0.5, 1.0),
            turns,
            plant.tone * (0.62 + 0.42 * height + dice.jitters(n, 0.06)),
        )
        return Stand(plant.stem(0.0, 0.07, dice), poses)


@dataclass(frozen=True)
class Umbel:
    """Small heads of florets on rays from one point, seen from above the side.

    Attributes:
        rays: least and greatest number of heads.
        florets: number of florets in a head.
        size: a floret's radius, as a fraction of the scale.
    """

    rays: tuple[int, int]
    florets: int
    size: float

    def arrange(self, plant: Plant, dice: Dice) -> Stand:
        """Place the stem and rays, and the florets from the back to the front."""
        radius, turns = spiral(dice.whole(*self.rays), dice)
        depth = dice.uniform(0.35, 0.8)
        c, s = cosine_sine(turns)
        aside, up = 0.8 * radius * c, depth * 0.8 * radius * s + 0.25 * (1 - radius * radius)
        order = np.argsort(up)[::-1]
        rays = stems(plant.at(0.0, -0.9), *plant.at(aside, up), 0.022 * plant.scale, dice)
        return Stand(
            together([plant.stem(-0.9, 0.05, dice), rays]),
            self._florets(plant, aside[order], up[order], dice),
        )

    def _florets(self, plant: Plant, aside: Each, up: Each, dice: Dice) -> Poses:
        n = len(aside) * self.florets
        radius, turns = spiral(self.florets, dice)
        c, s = cosine_sine(turns)
        dx = np.repeat(aside, self.florets) + np.tile(0.2 * radius * c, len(aside))
        dy = np.repeat(up, self.florets) + np.tile(0.14 * radius * s, len(aside))
        x, y = plant.at(dx + dice.jitters(n, 0.03), dy + dice.jitters(n, 0.03))
        return Poses(
            x,
            y,
            plant.scale * self.size * (1 + dice.jitters(n, 0.2)),
            dice.uniforms(n),
            dice.uniforms(n, 0.6, 1.0),
            dice.uniforms(n, 0.15, 0.35),
            plant.tone * dice.uniforms(n, 0.8, 1.06),
        )


@dataclass(frozen=True)
class Spire:
    """Florets along an upright axis, largest at the foot.

    Attributes:
        count: least and greatest number of florets.
        size: a floret's radius at the foot, as a fraction of half the spire's height.
        spread: distance of florets from the axis at the foot, likewise.
        droop: how far florets' first axes hang: 0 points aside, 1 mostly down, -1 mostly up.
        taper: size at the top over size at the foot.
    """

    count: tuple[int, int]
    size: float
    spread: float
    droop: float
    taper: float = 0.35

    def arrange(self, plant: Plant, dice: Dice) -> Stand:
        """Place the stem, and the florets from the foot up."""
        n = dice.whole(*self.count)
        at = (np.arange(n) + 0.5) / n + dice.jitters(n, 0.3 / n)
        aside, front = cosine_sine(np.arange(n) * GOLDEN + dice.uniform())
        # Those behind the stem would be hidden: all turn to the camera's side.
        poses = self._florets(plant, at, aside, np.abs(front), dice)
        return Stand(plant.stem(0.95, 0.07, dice), poses)

    def _florets(self, plant: Plant, at: Each, aside: Each, front: Each, dice: Dice) -> Poses:
        n = len(at)
        grow = 1 - (1 - self.taper) * at
        x, y = plant.at(self.spread * grow * aside, 2 * at - 1)
        down = self.droop * (0.55 + 0.45 * front)
        turns = turn(down.astype(np.float32), aside.astype(np.float32)) + plant.lean
        return Poses(
            x,
            y,
            plant.scale * self.size * grow,
            turns + dice.jitters(n, 0.03),
            1 - 0.42 * front * front,
            turns.astype(np.float64),
            plant.tone * (0.84 + 0.18 * front + dice.jitters(n, 0.05)),
        )


def spiral(n: int, dice: Dice) -> tuple[Each, Each]:
    """Radius, 1 to 0, and turns of n points spread evenly over the unit disc, rim first."""
    k = np.arange(n)[::-1]
    radius = np.sqrt((k + 0.5) / n) + dice.jitters(n, 0.04)
    return radius.clip(0.0, 1.0), k * GOLDEN + dice.uniform() + dice.jitters(n, 0.015)
