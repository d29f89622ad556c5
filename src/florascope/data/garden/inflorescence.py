"""How a plant bears its blossoms: alone, in globes, umbels or spires."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from jaxtyping import Float64

from florascope.data.garden.blossom import Blossom
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.circle import cosine_sine, direction, turn
from florascope.data.garden.colour import Paint
from florascope.data.garden.dice import Dice
from florascope.data.garden.foliage import STEM, draw, stems
from florascope.data.garden.plane import Poses, pose
from florascope.data.garden.texture import GOLDEN

Each = Float64[np.ndarray, "n"]
Number = TypeVar("Number", float, np.ndarray)


@dataclass(frozen=True)
class Plant:
    """Where a plant stands and what colours it has.

    Attributes:
        x: column of the blossoms' middle, as a fraction of the picture.
        y: its row, downward.
        scale: reach of the blossoms from there, as a fraction of the picture.
        lean: turn of the plant from upright, in turns.
        tone: brightness.
        petals: the flower's colours.
        greens: the colours of stem and leaves.
    """

    x: float
    y: float
    scale: float
    lean: float
    tone: float
    petals: Paint
    greens: Paint

    def at(self, aside: Number, up: Number) -> tuple[Number, Number]:
        """Points of the picture from plant coordinates in units of the scale."""
        c, s = direction(self.lean)
        return (
            self.x + self.scale * (aside * c + up * s),
            self.y + self.scale * (aside * s - up * c),
        )

    def stem(self, canvas: Canvas, up: float, thickness: float, dice: Dice) -> None:
        """Draw the stem from below the picture up to a height, in units of the scale."""
        x, y = self.at(0.0, up)
        foot = self.at(dice.uniform(-0.6, 0.6), -6.0)
        strokes = stems(foot, np.array([x]), np.array([y]), thickness * self.scale, dice)
        draw(canvas, strokes, STEM, self.greens, dice)


class Inflorescence(Protocol):
    """A way of bearing blossoms."""

    def draw(self, canvas: Canvas, plant: Plant, dice: Dice) -> None:
        """Draw stems, then blossoms."""
        ...


@dataclass(frozen=True)
class Solitary:
    """One blossom on a stem.

    Attributes:
        blossom: the blossom.
        tilt: least and greatest cosine of its tilt.
        upright: whether its first axis points upward (a tulip) or anywhere (a daisy).
        sway: how far it may lean over from there, in turns.
        thickness: of the stem, as a fraction of the scale.
    """

    blossom: Blossom
    tilt: tuple[float, float] = (0.55, 1.0)
    upright: bool = False
    sway: float = 0.05
    thickness: float = 0.07

    def draw(self, canvas: Canvas, plant: Plant, dice: Dice) -> None:
        """Draw the stem, then the blossom."""
        plant.stem(canvas, 0.0, self.thickness, dice)
        spin = dice.uniform(-self.sway, self.sway) + 0.75 + plant.lean
        poses = pose(
            plant.x,
            plant.y,
            plant.scale,
            spin if self.upright else dice.uniform(),
            dice.uniform(*self.tilt),
            dice.uniform(0.1, 0.4) + plant.lean,
            plant.tone,
        )
        self.blossom.draw(canvas, poses, plant.petals, dice)


@dataclass(frozen=True)
class Globe:
    """Many florets on a half sphere.

    Attributes:
        floret: one of them.
        count: least and greatest number.
        size: a floret's radius, as a fraction of the globe's.
        thickness: of the stem, as a fraction of the scale.
    """

    floret: Blossom
    count: tuple[int, int]
    size: float
    thickness: float = 0.07

    def draw(self, canvas: Canvas, plant: Plant, dice: Dice) -> None:
        """Draw the stem, then the florets from the rim inward."""
        plant.stem(canvas, 0.0, self.thickness, dice)
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
        self.floret.draw(canvas, poses, plant.petals, dice)


@dataclass(frozen=True)
class Umbel:
    """Small heads of florets on rays from one point, seen from above the side.

    Attributes:
        floret: one floret.
        rays: least and greatest number of heads.
        florets: number of florets in a head.
        size: a floret's radius, as a fraction of the scale.
    """

    floret: Blossom
    rays: tuple[int, int]
    florets: int
    size: float

    def draw(self, canvas: Canvas, plant: Plant, dice: Dice) -> None:
        """Draw the stem and rays, then the florets from the back to the front."""
        rays = dice.whole(*self.rays)
        radius, turns = spiral(rays, dice)
        depth = dice.uniform(0.35, 0.8)
        c, s = cosine_sine(turns)
        aside, up = 0.8 * radius * c, depth * 0.8 * radius * s + 0.25 * (1 - radius * radius)
        plant.stem(canvas, -0.9, 0.05, dice)
        heads = plant.at(aside, up)
        draw(
            canvas,
            stems(plant.at(0.0, -0.9), *heads, 0.022 * plant.scale, dice),
            STEM,
            plant.greens,
            dice,
        )
        order = np.argsort(up)[::-1]
        poses = self._florets(plant, aside[order], up[order], dice)
        self.floret.draw(canvas, poses, plant.petals, dice)

    def _florets(self, plant: Plant, aside: Each, up: Each, dice: Dice) -> Poses:
        n = len(aside) * self.florets
        radius, turns = spiral(self.florets, dice)
        c, s = cosine_sine(turns)
        dx = np.repeat(aside, self.florets) + np.tile(0.2 * radius * c, len(aside))
        dy = np.repeat(up, self.florets) + np.tile(0.14 * radius * s, len(aside))
        x, y = plant.at(0.0, 0.0)
        return Poses(
            x + plant.scale * (dx + dice.jitters(n, 0.03)),
            y - plant.scale * (dy + dice.jitters(n, 0.03)),
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
        floret: one floret, whose first axis points away from the stem.
        count: least and greatest number.
        size: a floret's radius at the foot, as a fraction of half the spire's height.
        spread: distance of florets from the axis at the foot, likewise.
        droop: how far florets hang: 0 points aside, 1 mostly down, -1 mostly up.
        taper: size at the top over size at the foot.
    """

    floret: Blossom
    count: tuple[int, int]
    size: float
    spread: float
    droop: float
    taper: float = 0.35

    def draw(self, canvas: Canvas, plant: Plant, dice: Dice) -> None:
        """Draw the stem, then the florets from the foot up."""
        plant.stem(canvas, 0.95, 0.07, dice)
        n = dice.whole(*self.count)
        at = (np.arange(n) + 0.5) / n + dice.jitters(n, 0.3 / n)
        aside, front = cosine_sine(np.arange(n) * GOLDEN + dice.uniform())
        front = np.abs(front)  # those behind the stem are hidden: all turn to the camera's side
        self.floret.draw(canvas, self._poses(plant, at, aside, front, dice), plant.petals, dice)

    def _poses(self, plant: Plant, at: Each, aside: Each, front: Each, dice: Dice) -> Poses:
        n = len(at)
        grow = 1 - (1 - self.taper) * at
        across, up = self.spread * grow * aside, 2 * at - 1
        x, y = plant.at(across, up)
        down = self.droop * (0.55 + 0.45 * front)
        turns = (
            turn(down.astype(np.float32), aside.astype(np.float32)).astype(np.float64) + plant.lean
        )
        return Poses(
            x,
            y,
            plant.scale * self.size * grow,
            turns + dice.jitters(n, 0.03),
            (1 - 0.42 * front * front),
            turns,
            plant.tone * (0.84 + 0.18 * front + dice.jitters(n, 0.05)),
        )


def spiral(n: int, dice: Dice) -> tuple[Each, Each]:
    """Radius, 1 to 0, and turns of n points spread evenly over the unit disc, rim first."""
    k = np.arange(n)[::-1]
    radius = np.sqrt((k + 0.5) / n) + dice.jitters(n, 0.04)
    return radius.clip(0.0, 1.0), k * GOLDEN + dice.uniform() + dice.jitters(n, 0.015)
