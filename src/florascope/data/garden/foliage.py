"""Leaves, stems and grass: everything green, never part of the flower."""

import math
from dataclasses import dataclass

from florascope.data.garden.blade import Blade
from florascope.data.garden.canvas import Canvas
from florascope.data.garden.circle import angle, direction
from florascope.data.garden.colour import LEAVES, Colourway
from florascope.data.garden.dice import Dice
from florascope.data.garden.outline import Outline
from florascope.data.garden.petal import Petal, Skin
from florascope.data.garden.plane import patches, pose

BROAD = Petal(Outline(2, 3, 0.30), Skin(ribs=7, vein=0.10, crease=0.10, heart=0.2))
OVATE = Petal(Outline(1, 3, 0.22), Skin(ribs=9, vein=0.08, crease=0.14, heart=0.2))
LANCE = Petal(Outline(2, 4, 0.11), Skin(ribs=0, fan=5, vein=0.05, crease=0.2, heart=0.2))
GRASS = Petal(Outline(1, 3, 0.030), Skin(crease=0.2, heart=0.3))
STEM = Petal(Outline(1, 1, 0.010), Skin(crease=-0.35, heart=0.1))

LEAF_KINDS = (BROAD, OVATE, LANCE, GRASS)

Point = tuple[float, float]


@dataclass(frozen=True)
class Stroke:
    """Where a leaf or stem runs.

    Attributes:
        base: (x, y) of its beginning, as fractions of the picture.
        turns: its direction on the screen.
        length: as a fraction of the picture.
    """

    base: Point
    turns: float
    length: float

    @property
    def middle(self) -> Point:
        """Half way along it."""
        c, s = direction(self.turns)
        return self.base[0] + c * self.length / 2, self.base[1] + s * self.length / 2


def leaf(
    canvas: Canvas, stroke: Stroke, kind: Petal, colours: Colourway, dice: Dice, soft: float = 1.0
) -> None:
    """Draw one leaf, bent and lit at random."""
    blade = Blade(
        kind,
        length=2.0,
        base=(-1.0, 0.0),
        width=dice.uniform(0.8, 1.25),
        bow=dice.uniform(-0.12, 0.12),
        tone=dice.uniform(0.75, 1.15),
        soft=soft,
    )
    _lay(canvas, stroke, blade, colours, dice)


def stem(
    canvas: Canvas,
    foot: Point,
    head: Point,
    thickness: float,
    colours: Colourway,
    dice: Dice,
) -> None:
    """Draw a slightly bent stem from foot to head; its thickness is a fraction of the picture."""
    dx, dy = head[0] - foot[0], head[1] - foot[1]
    length = math.sqrt(dx * dx + dy * dy)
    if length < 0.01:
        return
    blade = Blade(
        STEM,
        length=2.0,
        base=(-1.0, 0.0),
        width=thickness / (2 * STEM.outline.width * length),
        bow=dice.uniform(-0.05, 0.05),
    )
    _lay(canvas, Stroke(foot, angle(dx, dy), length), blade, colours, dice)


def _lay(canvas: Canvas, stroke: Stroke, blade: Blade, colours: Colourway, dice: Dice) -> None:
    x, y = stroke.middle
    view, swatch = blade.paint(canvas, pose(x, y, stroke.length / 2, stroke.turns), colours, dice)
    for patch in patches(view, swatch, flower=False):
        canvas.lay(patch)


def leaf_colours(dice: Dice) -> Colourway:
    """One plant's greens."""
    return dice.pick(LEAVES)
