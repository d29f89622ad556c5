"""The species of the garden: what they look like, as data.

The names are invented. Every species has several colourways and shares each of them with others,
so colour alone does not tell species apart; leaves, grounds and light are drawn from the same
distributions for all of them, so only the flowers do.
"""

from dataclasses import dataclass

from florascope.data.garden.blade import Blade
from florascope.data.garden.blossom import Blossom
from florascope.data.garden.colour import (
    BLUE,
    CREAM,
    MAGENTA,
    ORANGE,
    PINK,
    RED,
    VIOLET,
    WHITE,
    YELLOW,
    Colourway,
)
from florascope.data.garden.disc import Disc
from florascope.data.garden.inflorescence import Globe, Inflorescence, Solitary, Spire, Umbel
from florascope.data.garden.outline import Outline
from florascope.data.garden.petal import Petal, Skin
from florascope.data.garden.whorl import Ring

POLLEN = Colourway((0.93, 0.72, 0.12), (0.95, 0.74, 0.14), (0.82, 0.80, 0.48), (0.5, 0.3, 0.1))
DARK = Colourway((0.22, 0.13, 0.16), (0.14, 0.09, 0.10), (0.30, 0.24, 0.16), (0.1, 0.1, 0.1))
RUST = Colourway((0.86, 0.84, 0.66), (0.62, 0.27, 0.08), (0.80, 0.84, 0.60), (0.3, 0.1, 0.05))


@dataclass(frozen=True)
class Species:
    """One class of the garden.

    Attributes:
        name: lower case, with hyphens.
        habit: how it bears its blossoms.
        colourways: its colours, each as likely.
        scale: least and greatest reach of one plant's blossoms, as a fraction of the picture.
    """

    name: str
    habit: Inflorescence
    colourways: tuple[Colourway, ...]
    scale: tuple[float, float] = (0.16, 0.42)


def _stamens(count: int, size: float, colours: Colourway, width: float = 0.02) -> Ring:
    thread = Petal(Outline(width=width, knob=0.085), Skin(0, 0, 0, 0, 0.2, 0.5))
    return Ring(thread, count, size, disorder=1.6, shadow=0.0, colours=colours, offset=0.5)


def _star(count: int) -> Blossom:
    petal = Petal(Outline(3, 3, 0.27), Skin(fan=6, vein=0.10, crease=0.2, throat=0.35))
    return Blossom(
        (
            Ring(petal, count, disorder=0.6),
            Disc(0.13, (0.55, 0.60, 0.22), None, dome=0.4),
            _stamens(count, 0.32, POLLEN, 0.03),
        )
    )


def _bell(spots: float) -> Blossom:
    tube = Petal(Outline(2, 1, 0.34), Skin(fan=5, vein=0.07, crease=-0.25, heart=0.2, throat=0.1))
    return Blossom(
        (
            Blade(tube, length=1.5, base=(-0.72, 0.0)),
            Disc(
                0.50,
                (0.34, 0.22, 0.26),
                None,
                dome=0.1,
                centre=(0.55, 0.0),
                squash=0.62,
                edge=0.55,
                spots=spots,
            ),
        ),
        shade=0.3,
    )


PAPER = Petal(
    Outline(4, 1, 0.62, frill=0.05, frills=5),
    Skin(fan=14, vein=0.10, crease=0.1, throat=0.2, blotch=0.30),
)
LILY = Petal(Outline(2, 4, 0.20), Skin(fan=3, vein=0.08, crease=-0.22, throat=0.3, spots=0.9))
SEPAL = Petal(Outline(2, 4, 0.23), Skin(fan=3, vein=0.08, crease=-0.15, throat=0.3))
TRUMPET = Petal(Outline(3, 3, 0.30), Skin(fan=7, vein=0.07, crease=0.14, throat=0.3))
CORONA = Petal(
    Outline(4, 1, 0.62, frill=0.07, frills=6),
    Skin(fan=8, vein=0.10, crease=0.2, heart=0.6, throat=0.5),
)
RAY = Petal(
    Outline(2, 1, 0.125, notch=0.02), Skin(fan=4, vein=0.07, crease=0.1, heart=0.2, throat=0.2)
)
FLAME = Petal(Outline(2, 3, 0.145), Skin(fan=4, vein=0.08, crease=0.15, heart=0.3, throat=0.35))
STRAP = Petal(
    Outline(1, 1, 0.075, notch=0.03), Skin(fan=2, vein=0.06, crease=0.1, heart=0.5, throat=0.2)
)
CONE = Petal(
    Outline(2, 2, 0.14, notch=0.05), Skin(fan=5, vein=0.10, crease=0.12, heart=0.3, throat=0.2)
)
ROSE = Petal(
    Outline(3, 1, 0.60, notch=-0.03, frill=0.02, frills=3),
    Skin(fan=0, vein=0, crease=0.06, heart=0.6, throat=0.25),
)
CUP = Petal(Outline(2, 3, 0.34), Skin(fan=10, vein=0.05, crease=-0.18, heart=0.25, throat=0.2))
WING = Petal(Outline(3, 2, 0.52), Skin(fan=12, vein=0.11, crease=0.1, throat=0.25))
LIP = Petal(
    Outline(3, 3, 0.34, notch=0.10), Skin(fan=4, vein=0.12, crease=0.1, throat=0.5, spots=0.7)
)
FACE = Petal(
    Outline(3, 1, 0.58, frill=0.02, frills=4), Skin(fan=9, vein=0.08, crease=0.05, throat=0.22)
)
MASK = Petal(
    Outline(3, 1, 0.60, frill=0.02, frills=4),
    Skin(fan=11, vein=0.14, crease=0.05, throat=0.2, blotch=0.52),
)
TINY = Petal(Outline(3, 2, 0.42, notch=0.12), Skin(crease=0.1, heart=0.25, throat=0.3))
QUARTER = Petal(Outline(2, 2, 0.50), Skin(fan=4, vein=0.06, crease=0.1, heart=0.25, throat=0.3))
KEEL = Petal(Outline(3, 2, 0.45), Skin(crease=0.15, heart=0.35, throat=0.35))

POPPY = Blossom(
    (
        Ring(PAPER, 2, 1.0, offset=0.0, lift=0.35, disorder=0.6)
        if False
        else Ring(PAPER, 4, 1.0, lift=0.3, disorder=0.8),
        _stamens(31, 0.36, DARK),
        Disc(0.13, (0.50, 0.56, 0.30), (0.34, 0.42, 0.22), dome=0.5),
    )
)
LILIUM = Blossom(
    (
        Ring(LILY, 3, 1.0, disorder=0.5, tone=0.95),
        Ring(LILY, 3, 0.98, offset=0.5, disorder=0.5, shadow=0.3),
        Disc(0.07, (0.48, 0.58, 0.25), None),
        _stamens(6, 0.62, RUST, 0.014),
    )
)
NARCISSUS = Blossom(
    (
        Ring(TRUMPET, 3, 1.0, disorder=0.5, tone=0.94),
        Ring(TRUMPET, 3, 0.97, offset=0.5, disorder=0.5),
        Ring(CORONA, 6, 0.46, lift=0.5, disorder=0.6, shadow=0.25),
        _stamens(6, 0.20, POLLEN, 0.05),
    )
)
DAISY = Blossom(
    (
        Ring(RAY, 21, disorder=0.8, shadow=0.35),
        Disc(0.30, (0.93, 0.72, 0.12), (0.86, 0.56, 0.06), seeds=0.5, dome=0.35),
    )
)
SUN = Blossom(
    (
        Ring(FLAME, 21, 1.0, disorder=0.9, tone=0.85),
        Ring(FLAME, 19, 0.88, offset=0.5, disorder=0.9),
        Disc(0.46, (0.42, 0.36, 0.14), (0.22, 0.12, 0.06), seeds=0.8, dome=0.25, edge=0.5),
    )
)
CONEHEAD = Blossom(
    (
        Ring(CONE, 14, 1.0, lift=-0.45, disorder=0.7),
        Disc(
            0.36, (0.50, 0.20, 0.08), (0.86, 0.45, 0.10), seeds=1.0, dome=0.5, rise=1.0, edge=0.75
        ),
    )
)
POMPON = Blossom(
    (
        Ring(STRAP, 34, 1.0, disorder=1.2, tone=0.86),
        Ring(STRAP, 31, 0.82, disorder=1.3, tone=0.92),
        Ring(STRAP, 27, 0.64, disorder=1.4, tone=0.96),
        Ring(STRAP, 21, 0.46, disorder=1.5, tone=1.0),
        Ring(STRAP, 13, 0.27, disorder=1.5, tone=1.0),
    )
)
ROSETTE = Blossom(
    (
        Ring(ROSE, 5, 1.0, lift=0.2, disorder=1.0, tone=0.95, shadow=0.6),
        Ring(ROSE, 5, 0.84, offset=0.5, lift=0.35, disorder=1.0, tone=1.0, shadow=0.6),
        Ring(ROSE, 5, 0.67, offset=0.2, lift=0.5, disorder=1.0, tone=0.98, shadow=0.6),
        Ring(ROSE, 4, 0.50, offset=0.7, lift=0.6, disorder=1.0, tone=0.95, shadow=0.65),
        Ring(ROSE, 4, 0.35, offset=0.3, lift=0.7, disorder=1.0, tone=0.88, shadow=0.7),
        Ring(ROSE, 3, 0.21, offset=0.6, lift=0.7, disorder=1.0, tone=0.78, shadow=0.7),
    )
)
GOBLET = Blossom(
    (
        Blade(CUP, 0.0, 1.72, (-0.86, 0.0), tone=0.72),
        Blade(CUP, 0.055, 1.70, (-0.86, 0.10), bow=0.06, tone=0.82),
        Blade(CUP, -0.055, 1.70, (-0.86, -0.10), bow=-0.06, tone=0.84),
        Blade(CUP, 0.028, 1.60, (-0.88, 0.20), bow=0.14, tone=0.96),
        Blade(CUP, -0.028, 1.58, (-0.88, -0.18), bow=-0.14, tone=1.0),
        Blade(CUP, 0.0, 1.48, (-0.90, 0.02), width=1.05, tone=1.06),
    )
)
MOTH = Blossom(
    (
        Blade(SEPAL, 0.0, 1.0, tone=0.93),
        Blade(SEPAL, 0.36, 0.95, tone=0.90),
        Blade(SEPAL, -0.36, 0.95, tone=0.92),
        Blade(WING, 0.21, 0.98, tone=1.0),
        Blade(WING, -0.21, 0.98, tone=1.02),
        Blade(LIP, 0.44, 0.46, tone=0.8),
        Blade(LIP, 0.56, 0.46, tone=0.85),
        Blade(LIP, 0.5, 0.62, width=0.9, tone=0.95),
        Disc(0.11, (0.95, 0.86, 0.5), None, dome=0.5),
    )
)
PANSY = Blossom(
    (
        Blade(FACE, 0.10, 0.98, width=1.05, tone=0.82),
        Blade(FACE, -0.10, 0.98, width=1.05, tone=0.86),
        Blade(MASK, 0.27, 0.92, tone=0.98),
        Blade(MASK, -0.27, 0.92, tone=1.0),
        Blade(MASK, 0.5, 0.92, width=1.15, tone=1.04),
        Disc(0.085, (0.95, 0.80, 0.20), (0.93, 0.70, 0.10), dome=0.3, centre=(-0.04, 0.0)),
    )
)
STARLET = Blossom(
    (Ring(TINY, 5, disorder=0.4, shadow=0.2), Disc(0.2, (0.75, 0.75, 0.35), None)), shade=0.25
)
CROSSLET = Blossom(
    (Ring(QUARTER, 4, disorder=0.5, shadow=0.3), Disc(0.13, (0.88, 0.86, 0.5), None)), shade=0.5
)
LOBELET = Blossom(
    (
        Blade(KEEL, 0.16, 1.1, (-0.3, 0.0), tone=0.85),
        Blade(KEEL, -0.16, 1.1, (-0.3, 0.0), tone=0.9),
        Blade(KEEL, 0.0, 1.3, (-0.4, 0.0)),
    ),
    shade=0.4,
)

SPECIES: tuple[Species, ...] = (
    Species("five-star", Solitary(_star(5)), (BLUE, VIOLET, WHITE, PINK)),
    Species("six-star", Solitary(_star(6)), (BLUE, VIOLET, WHITE, PINK)),
    Species("paper-bowl", Solitary(POPPY, (0.6, 1.0)), (RED, ORANGE, YELLOW, PINK)),
    Species("freckled-lily", Solitary(LILIUM), (ORANGE, PINK, WHITE, YELLOW)),
    Species("trumpet-star", Solitary(NARCISSUS, (0.5, 0.95)), (YELLOW, CREAM, WHITE, ORANGE)),
    Species("garden-daisy", Solitary(DAISY, (0.45, 1.0)), (WHITE, PINK, MAGENTA, BLUE)),
    Species("sun-disc", Solitary(SUN), (YELLOW, ORANGE, RED, CREAM)),
    Species("cone-head", Solitary(CONEHEAD, (0.5, 0.8)), (MAGENTA, PINK, WHITE, ORANGE)),
    Species("pompon", Solitary(POMPON, (0.6, 1.0)), (YELLOW, RED, MAGENTA, WHITE)),
    Species("spiral-rose", Solitary(ROSETTE, (0.7, 1.0)), (RED, PINK, CREAM, WHITE)),
    Species("goblet", Solitary(GOBLET, (0.85, 1.0), upright=True), (RED, YELLOW, VIOLET, PINK)),
    Species(
        "moth-orchid", Solitary(MOTH, (0.7, 1.0), upright=True), (WHITE, MAGENTA, VIOLET, CREAM)
    ),
    Species(
        "whisker-face", Solitary(PANSY, (0.75, 1.0), upright=True), (VIOLET, YELLOW, BLUE, WHITE)
    ),
    Species(
        "lace-umbel", Umbel(STARLET, (10, 14), 7, 0.075), (WHITE, CREAM, YELLOW, PINK), (0.24, 0.5)
    ),
    Species(
        "globe-cluster", Globe(CROSSLET, (30, 40), 0.27), (BLUE, PINK, VIOLET, WHITE), (0.2, 0.45)
    ),
    Species(
        "bell-spire",
        Spire(_bell(0.9), (13, 18), 0.24, 0.26, 0.8),
        (MAGENTA, PINK, WHITE, CREAM),
        (0.36, 0.6),
    ),
    Species(
        "false-bell-spire",
        Spire(_bell(0.0), (13, 18), 0.24, 0.26, 0.8),
        (MAGENTA, PINK, WHITE, CREAM),
        (0.36, 0.6),
    ),
    Species(
        "candle-spire",
        Spire(LOBELET, (60, 75), 0.13, 0.17, -0.4),
        (BLUE, VIOLET, RED, YELLOW),
        (0.3, 0.55),
    ),
)
