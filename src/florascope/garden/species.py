"""The species of the garden: what they look like, as data.

The names are invented. Every species has several colourways and shares each of them with others,
so colour alone does not tell species apart; leaves, grounds and light are drawn from the same
distributions for all of them, so only the flowers do.
"""

from dataclasses import dataclass

from florascope.garden.blossoms import Blossom, Disc, Ring
from florascope.garden.geometry import Outline
from florascope.garden.inflorescence import Globe, Inflorescence, Solitary, Spire, Umbel
from florascope.garden.paint import (
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
from florascope.garden.petals import Blade, Petal, Skin

POLLEN = Colourway((0.93, 0.72, 0.12), (0.95, 0.74, 0.14), (0.82, 0.80, 0.48), (0.5, 0.3, 0.1))
DARK = Colourway((0.22, 0.13, 0.16), (0.14, 0.09, 0.10), (0.30, 0.24, 0.16), (0.1, 0.1, 0.1))
RUST = Colourway((0.86, 0.84, 0.66), (0.62, 0.27, 0.08), (0.80, 0.84, 0.60), (0.3, 0.1, 0.05))


@dataclass(frozen=True)
class Species:
    """One class of the garden.

    Attributes:
        name: lower case, with hyphens.
        blossom: one of its blossoms.
        habit: how it bears them.
        colourways: its colours, each as likely.
        scale: least and greatest reach of one plant's blossoms, as a fraction of the picture.
    """

    name: str
    blossom: Blossom
    habit: Inflorescence
    colourways: tuple[Colourway, ...]
    scale: tuple[float, float] = (0.16, 0.42)


def _stamens(count: int, size: float, colours: Colourway, width: float = 0.02) -> Ring:
    thread = Petal(Outline(width=width, knob=0.085), Skin(0, 0, 0, 0, 0.2, 0.5))
    return Ring(thread, count, size, disorder=1.6, colours=colours, offset=0.5)


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


def _rose(deep: float) -> Petal:
    """A broad petal that lies in the shadow of the next ring up to a fraction of its length."""
    outline = Outline(3, 1, 0.62)
    return Petal(outline, Skin(vein=0.0, crease=0.04, heart=0.75, deep=deep, throat=0.25))


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
    Outline(2, 1, 0.115, notch=0.02), Skin(fan=4, vein=0.07, crease=0.1, heart=0.2, throat=0.2)
)
FLAME = Petal(Outline(2, 3, 0.145), Skin(fan=4, vein=0.08, crease=0.15, heart=0.3, throat=0.35))
STRAP = Petal(
    Outline(1, 1, 0.075, notch=0.03), Skin(fan=2, vein=0.06, crease=0.1, heart=0.5, throat=0.2)
)
CONE = Petal(
    Outline(2, 2, 0.14, notch=0.05), Skin(fan=5, vein=0.10, crease=0.12, heart=0.3, throat=0.2)
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
TINY = Petal(
    Outline(3, 2, 0.42, notch=0.12),
    Skin(crease=0.1, heart=0.35, throat=0.45),
)
QUARTER = Petal(Outline(2, 2, 0.50), Skin(fan=4, vein=0.06, crease=0.1, heart=0.25, throat=0.3))
KEEL = Petal(Outline(3, 2, 0.45), Skin(crease=0.15, heart=0.35, throat=0.35))

POPPY = Blossom(
    (
        Ring(PAPER, 4, 1.0, lift=0.3, disorder=0.8, shadow=0.4),
        _stamens(31, 0.36, DARK),
        Disc(0.13, (0.50, 0.56, 0.30), (0.34, 0.42, 0.22), dome=0.5),
    )
)
LILIUM = Blossom(
    (
        Ring(LILY, 3, 1.0, disorder=0.5, tone=0.95),
        Ring(LILY, 3, 0.98, offset=0.5, disorder=0.5),
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
        Ring(RAY, 21, disorder=0.8),
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
        Ring(_rose(0.95), 5, 1.0, lift=0.2, disorder=1.3, shadow=0.5),
        Ring(_rose(0.92), 5, 0.83, offset=0.5, lift=0.35, disorder=1.3, shadow=0.5),
        Ring(_rose(0.90), 5, 0.63, offset=0.2, lift=0.5, disorder=1.3, shadow=0.5),
        Ring(_rose(0.85), 4, 0.43, offset=0.7, lift=0.6, disorder=1.3, tone=0.95, shadow=0.5),
        Ring(_rose(0.75), 3, 0.25, offset=0.3, lift=0.7, disorder=1.3, tone=0.85, shadow=0.5),
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
STARLET = Blossom((Ring(TINY, 5, disorder=0.4),), shade=0.0)
CROSSLET = Blossom((Ring(QUARTER, 4, disorder=0.5),), shade=0.5)
BELLS = Spire((15, 20), 0.25, 0.25, 0.8)
LOBELET = Blossom((Ring(KEEL, 3, disorder=0.5, lift=0.3),), shade=0.4)

SPECIES: tuple[Species, ...] = (
    Species("five-star", _star(5), Solitary(), (BLUE, VIOLET, WHITE, PINK)),
    Species("six-star", _star(6), Solitary(), (BLUE, VIOLET, WHITE, PINK)),
    Species("paper-bowl", POPPY, Solitary((0.6, 1.0)), (RED, ORANGE, YELLOW, PINK)),
    Species("freckled-lily", LILIUM, Solitary(), (ORANGE, PINK, WHITE, YELLOW)),
    Species("trumpet-star", NARCISSUS, Solitary((0.5, 0.95)), (YELLOW, CREAM, WHITE, ORANGE)),
    Species("garden-daisy", DAISY, Solitary((0.45, 1.0)), (WHITE, PINK, MAGENTA, BLUE)),
    Species("sun-disc", SUN, Solitary(), (YELLOW, ORANGE, RED, CREAM)),
    Species("cone-head", CONEHEAD, Solitary((0.5, 0.8)), (MAGENTA, PINK, WHITE, ORANGE)),
    Species("pompon", POMPON, Solitary((0.6, 1.0)), (YELLOW, RED, MAGENTA, WHITE)),
    Species("spiral-rose", ROSETTE, Solitary((0.7, 1.0)), (RED, PINK, CREAM, WHITE)),
    Species(
        "goblet",
        GOBLET,
        Solitary((0.85, 1.0), upright=True),
        (RED, YELLOW, VIOLET, PINK),
        (0.14, 0.34),
    ),
    Species(
        "moth-orchid", MOTH, Solitary((0.7, 1.0), upright=True), (WHITE, MAGENTA, VIOLET, CREAM)
    ),
    Species(
        "whisker-face", PANSY, Solitary((0.75, 1.0), upright=True), (VIOLET, YELLOW, BLUE, WHITE)
    ),
    Species(
        "lace-umbel", STARLET, Umbel((10, 14), 6, 0.078), (WHITE, CREAM, YELLOW, PINK), (0.24, 0.5)
    ),
    Species(
        "globe-cluster", CROSSLET, Globe((28, 36), 0.28), (BLUE, PINK, VIOLET, WHITE), (0.2, 0.42)
    ),
    Species("bell-spire", _bell(0.9), BELLS, (MAGENTA, PINK, WHITE, CREAM), (0.36, 0.6)),
    Species("false-bell-spire", _bell(0.0), BELLS, (MAGENTA, PINK, WHITE, CREAM), (0.36, 0.6)),
    Species(
        "candle-spire",
        LOBELET,
        Spire((50, 60), 0.14, 0.17, -0.4),
        (BLUE, VIOLET, RED, YELLOW),
        (0.3, 0.55),
    ),
)
