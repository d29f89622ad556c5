"""The confusion matrix as a picture, for few classes."""

import numpy as np
from jaxtyping import Int64
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from florascope.report.charts.canvas import FAINT, LEAF, PETAL, canvas
from florascope.report.words import Words

MOST = 30  # classes: beyond, the cells are too small to read

Matrix = Int64[np.ndarray, "k k"]


def matrix_chart(matrix: Matrix, names: list[str], words: Words) -> Markup:
    """Draw counts by true (row) and predicted (column) class; opacity is the share of the row."""
    side = 1.8 + 0.3 * len(names)
    with canvas("matrix", side + 0.6, side) as drawing:
        _cells(drawing.axes, matrix)
        _names(drawing.axes, names, words)
        right, n = int(np.trace(matrix)), int(matrix.sum())
        alt = words("confusions.matrix.alt", right=words.integer(right), n=words.integer(n))
        drawing.finish(alt)
    return drawing.svg


def _cells(axes: Axes, matrix: Matrix) -> None:
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        colour = LEAF if row == column else PETAL
        alpha = 0.12 + 0.6 * float(shares[row, column])
        place = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(place, 1, 1, facecolor=colour, alpha=alpha, lw=0))
        axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=9)


def _names(axes: Axes, names: list[str], words: Words) -> None:
    places = np.arange(len(names))
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_aspect("equal")
    axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, names)
    axes.tick_params(length=0)
    axes.hlines(places - 0.5, -0.5, len(names) - 0.5, color=FAINT, lw=0.3)
    axes.vlines(places - 0.5, -0.5, len(names) - 0.5, color=FAINT, lw=0.3)
    axes.set_xlabel(words("predicted"))
    axes.set_ylabel(words("true"))
