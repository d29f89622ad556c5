"""What lies behind the flowers, out of focus: drawn at a quarter of the size, then enlarged."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from florascope.garden.foliage import BROAD, GRASS, LANCE, OVATE, draw, leaves
from florascope.garden.geometry import Poses
from florascope.garden.paint import (
    LEAVES,
    NOISE_TILE,
    Canvas,
    ColourTriple,
    Dice,
    Paint,
    Tile,
    grain,
    noise,
    pebbles,
)
from florascope.garden.plane import Brush, Plane, Swatch, disc_hull, painted

REDUCTION = 4

PAINTS: tuple[ColourTriple, ...] = (
    (0.86, 0.84, 0.80),
    (0.80, 0.62, 0.60),
    (0.86, 0.77, 0.52),
    (0.52, 0.62, 0.72),
    (0.64, 0.35, 0.25),
    (0.42, 0.40, 0.44),
    (0.70, 0.55, 0.70),
    (0.30, 0.42, 0.50),
)
EARTHS: tuple[ColourTriple, ...] = (
    (0.36, 0.26, 0.18),
    (0.28, 0.20, 0.15),
    (0.48, 0.37, 0.26),
    (0.44, 0.30, 0.22),
)
STONES: tuple[ColourTriple, ...] = ((0.62, 0.60, 0.57), (0.66, 0.58, 0.48), (0.50, 0.50, 0.53))


def backdrop(size: int, sun: tuple[float, float], dice: Dice) -> tuple[Canvas, "Finish"]:
    """Paint one of the grounds on a small canvas.

    Returns:
        The small canvas, for far plants to be added to, and what is left to do at full size.
    """
    small = Canvas(-(-size // REDUCTION), sun)
    return small, dice.pick(GROUNDS)(small, dice)


Finish = Callable[[Canvas], None]


def enlarge(small: Canvas, size: int) -> Canvas:
    """Four times as large by the quadratic B-spline: the blur of a lens, without an edge."""
    canvas = Canvas(size, small.sun)
    for plane, blurred in zip(canvas.planes, small.planes, strict=True):
        if blurred.any():  # without far plants there is no share to enlarge
            wide = _double(_double(np.ascontiguousarray(blurred.T)))
            plane[:] = _double(_double(np.ascontiguousarray(wide.T)))[:size, :size]
    return canvas


def _double(rows: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "h2 w"]:
    """Twice as many rows: 3/4 of the row that each lies in and 1/4 of the next."""
    near, far = rows * np.float32(0.75), rows * np.float32(0.25)
    finer = np.empty((2 * len(rows), rows.shape[1]), dtype=np.float32)
    np.add(near[1:], far[:-1], out=finer[2::2])
    np.add(near[:-1], far[1:], out=finer[1:-1:2])
    finer[0], finer[-1] = rows[0], rows[-1]
    return finer


def texture(tile: Tile, strength: float, zoom: float, dice: Dice) -> Finish:
    """A finish that multiplies the light by 1 + strength * (tile - 0.5)."""
    x0, y0 = dice.whole(0, NOISE_TILE - 1), dice.whole(0, NOISE_TILE - 1)

    def finish(canvas: Canvas) -> None:
        factor = crop(tile, x0, y0, zoom, canvas.size)
        factor -= np.float32(0.5)
        factor *= np.float32(strength)
        factor += 1
        canvas.planes[:3] *= factor

    return finish


def crop(tile: Tile, x0: int, y0: int, zoom: float, size: int) -> Float32[np.ndarray, "size size"]:
    """A square of a periodic tile from (x0, y0) on, `zoom` entries a pixel."""
    steps = (np.arange(size) * zoom).astype(np.intp)
    rows = tile.take((steps + y0) % len(tile), axis=0)
    return rows.take((steps + x0) % len(tile), axis=1)


def plain(_canvas: Canvas) -> None:
    """Leave the enlarged backdrop as it is."""


def _wash(canvas: Canvas, top: ColourTriple, bottom: ColourTriple) -> None:
    """Fill with a vertical gradient."""
    down = ((np.arange(canvas.size) + 0.5) / canvas.size).astype(np.float32)[:, None]
    for plane, a, b in zip(canvas.planes, top, bottom, strict=False):
        plane[:] = np.float32(a) + np.float32(b - a) * down


def _mottle(canvas: Canvas, strength: float, zoom: float, dice: Dice) -> None:
    texture(noise(), strength, zoom, dice)(canvas)


def _scaled(colour: ColourTriple, factor: float) -> ColourTriple:
    return colour[0] * factor, colour[1] * factor, colour[2] * factor


def foliage(canvas: Canvas, dice: Dice) -> Finish:
    """Blurred leaves over a dark green depth."""
    base = dice.pick(LEAVES)
    _wash(canvas, _scaled(base.body, dice.uniform(0.4, 1.0)), _scaled(base.mark, 0.9))
    _mottle(canvas, 0.9, dice.uniform(1.0, 2.5), dice)
    n = dice.whole(7, 12)
    strokes = leaves(
        dice.uniforms(n, -0.1, 1.1),
        dice.uniforms(n, -0.1, 1.1),
        dice.uniforms(n),
        dice.uniforms(n, 0.25, 0.6),
        dice.uniforms(n, 1, 5),
        dice,
    )
    draw(canvas, strokes, dice.pick((BROAD, OVATE, LANCE)), Paint(dice.pick(LEAVES)), dice)
    return plain


def meadow(canvas: Canvas, dice: Dice) -> Finish:
    """Blurred grass."""
    base = dice.pick(LEAVES)
    _wash(
        canvas,
        _scaled(base.tip, dice.uniform(0.7, 1.3)),
        _scaled(base.throat, dice.uniform(0.5, 0.9)),
    )
    _mottle(canvas, 0.5, 1.5, dice)
    n = dice.whole(14, 22)
    strokes = leaves(
        dice.uniforms(n, -0.1, 1.1),
        dice.uniforms(n, 0.6, 1.2),
        dice.uniforms(n, 0.66, 0.84),
        dice.uniforms(n, 0.5, 1.0),
        dice.uniforms(n, 1, 3),
        dice,
    )
    draw(canvas, strokes, GRASS, Paint(dice.pick(LEAVES)), dice)
    return plain


def sky(canvas: Canvas, dice: Dice) -> Finish:
    """Sky with thin clouds."""
    depth = dice.uniform(0.75, 1.05)
    _wash(canvas, _scaled((0.38, 0.58, 0.86), depth), _scaled((0.72, 0.82, 0.92), depth))
    cloud = crop(
        noise(), dice.whole(0, 255), dice.whole(0, 255), dice.uniform(0.8, 2.0), canvas.size
    )
    cover = ((cloud - np.float32(0.5)) * np.float32(dice.uniform(0.5, 3.0))).clip(0, 0.85)
    for plane in canvas.planes[:3]:
        plane += cover * (np.float32(0.95) - plane)
    return plain


def wall(canvas: Canvas, dice: Dice) -> Finish:
    """Painted plaster."""
    paint = dice.pick(PAINTS)
    tone = dice.uniform(0.6, 1.05)
    _wash(canvas, _scaled(paint, tone), _scaled(paint, tone * dice.uniform(0.6, 1.0)))
    _mottle(canvas, 0.25, dice.uniform(0.5, 2.0), dice)
    return texture(grain(), dice.uniform(0.05, 0.3), 1.0, dice)


def planks(canvas: Canvas, dice: Dice) -> Finish:
    """Upright boards with dark gaps."""
    paint = dice.pick(PAINTS + EARTHS)
    _wash(canvas, _scaled(paint, 0.95), _scaled(paint, 0.75))
    width, shift = dice.uniform(0.14, 0.3), dice.uniform()
    place = (np.arange(canvas.size) + 0.5) / canvas.size / width + shift
    board = np.floor(place)
    gap = np.minimum(place - board, 1 - (place - board)) * width * canvas.size
    tones = dice.uniforms(16, 0.8, 1.1)
    canvas.planes[:3] *= (
        tones[board.astype(np.intp) % 16] * (0.35 + 0.65 * gap.clip(0, 1))
    ).astype(np.float32)
    return texture(grain(), 0.2, 0.7, dice)


def soil(canvas: Canvas, dice: Dice) -> Finish:
    """Bare earth, in focus or nearly so."""
    earth = dice.pick(EARTHS)
    _wash(canvas, earth, _scaled(earth, dice.uniform(0.7, 1.2)))
    _mottle(canvas, 1.2, dice.uniform(1.0, 3.0), dice)
    return texture(grain(), dice.uniform(0.3, 0.9), dice.uniform(0.4, 1.0), dice)


def gravel(canvas: Canvas, dice: Dice) -> Finish:
    """Pebbles."""
    stone = dice.pick(STONES)
    _wash(canvas, stone, _scaled(stone, 0.85))
    _mottle(canvas, 0.3, 1.0, dice)
    return texture(pebbles(), dice.uniform(0.5, 1.1), dice.uniform(0.5, 1.1), dice)


def shade(canvas: Canvas, dice: Dice) -> Finish:
    """Deep shade with a breath of colour."""
    paint = dice.pick(PAINTS + EARTHS)
    _wash(canvas, _scaled(paint, dice.uniform(0.1, 0.35)), _scaled(paint, 0.08))
    _mottle(canvas, 0.8, 1.0, dice)
    return plain


def bokeh(canvas: Canvas, dice: Dice) -> Finish:
    """Discs of defocused light in a dark garden."""
    base = dice.pick(LEAVES)
    _wash(canvas, _scaled(base.body, dice.uniform(0.4, 0.9)), _scaled(base.mark, 0.7))
    _mottle(canvas, 0.8, 2.0, dice)
    n = dice.whole(5, 12)
    still = np.zeros(n)
    poses = Poses(
        dice.uniforms(n),
        dice.uniforms(n),
        dice.uniforms(n, 0.03, 0.12),
        still,
        still + 1,
        still,
        still,
    )
    for (patch,) in painted(canvas.size, poses, [Brush(disc_hull(1.2), _glow)]):
        paint = dice.pick((*PAINTS, (0.95, 0.95, 0.85), (0.75, 0.85, 0.5)))
        _, h, w = patch.planes.shape
        region = canvas.planes[:3, patch.top : patch.top + h, patch.left : patch.left + w]
        glow = np.array(_scaled(paint, dice.uniform(0.1, 0.5)), dtype=np.float32)
        region += patch.planes[:3] * glow[:, None, None]
    return plain


def _glow(view: Plane) -> Swatch:
    """The unit disc with a soft edge, alike in all planes."""
    rr = np.square(view.points.real) + np.square(view.points.imag)
    disc = ((1 - rr) * view.pixels * np.float32(0.4) + np.float32(0.5)).clip(0, 1)
    return np.stack([disc] * 4)


GROUNDS: tuple[Callable[[Canvas, Dice], Finish], ...] = (
    foliage,
    foliage,
    meadow,
    meadow,
    sky,
    wall,
    planks,
    soil,
    gravel,
    shade,
    bokeh,
    bokeh,
)
