"""Charts of classes: counts, recall, confusions; and of ranked results."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from florascope.data.dataset import SUBSETS
from florascope.metrics import wilson_share
from florascope.report.charts.canvas import FAINT, INK, LEAF, PETAL, canvas
from florascope.report.figures import Figures, ResultRow
from florascope.report.words import Words
from florascope.training.experiment import Experiment

MOST_NAMED = 30  # up to so many classes each bar carries its class's name
BAR = 0.4  # half a bar's width, in classes
COLOURS = dict(zip(SUBSETS, (LEAF, FAINT, PETAL), strict=True))

Counts = dict[str, np.ndarray]


def counts_chart(experiment: Experiment, words: Words) -> Markup:
    """Draw one stacked bar a class, most photos first."""
    counts = _counts(experiment)
    order = np.argsort(-np.sum(list(counts.values()), axis=0), kind="stable")
    names = [experiment.dataset.classes[k].name for k in order]
    counts = {subset: values[order] for subset, values in counts.items()}
    named = len(names) <= MOST_NAMED
    size = (6.0, 0.7 + 0.24 * len(names)) if named else (9.0, 2.6)
    with canvas("counts", *size) as drawing:
        (_name_bars if named else _plain_bars)(drawing.axes, counts, names, words)
        drawing.finish(_alt(counts, names, words))
    return drawing.svg


def _counts(experiment: Experiment) -> Counts:
    labels, classes = experiment.dataset.labels, len(experiment.dataset.classes)
    return {s: np.bincount(labels[i], minlength=classes) for s, i in experiment.split.items()}


def _name_bars(axes: Axes, counts: Counts, names: list[str], words: Words) -> None:
    places, left = np.arange(len(names)), np.zeros(len(names))
    for subset, values in counts.items():
        label = words(f"subset.{subset}")
        axes.barh(places, values, left=left, color=COLOURS[subset], label=label, height=0.7)
        left += values
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(words("photos"))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(counts))


def _plain_bars(axes: Axes, counts: Counts, names: list[str], words: Words) -> None:
    """Draw each subset's bars as one outline: hundreds of patches take a third of a second."""
    sides = np.arange(len(names))[:, None] + np.array([-BAR, -BAR, BAR, BAR])
    bottom = np.zeros_like(sides)
    for subset, values in counts.items():
        top = bottom + values[:, None] * np.array([0, 1, 1, 0])
        label, outline = words(f"subset.{subset}"), (x.ravel() for x in (sides, bottom, top))
        axes.fill_between(*outline, color=COLOURS[subset], label=label, linewidth=0)
        bottom += values[:, None]
    axes.set_ylim(bottom=0)
    axes.set_xlim(-0.8, len(names) - 0.2)
    axes.set_xticks([0, len(names) - 1], [names[0], names[-1]])
    first, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    axes.set_ylabel(words("photos"))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(counts))


def _alt(counts: Counts, names: list[str], words: Words) -> str:
    total = np.sum(list(counts.values()), axis=0)
    return words(
        "data.counts.alt",
        most=names[0],
        most_n=words.integer(int(total[0])),
        least=names[-1],
        least_n=words.integer(int(total[-1])),
    )


WORST_NAMED = 6  # of the lowest recalls are named in the picture


def recall_chart(figures: Figures, words: Words) -> Markup:
    """Draw one dot a class with test photos; the area is its number of test photos."""
    shown = [k for k, c in enumerate(figures.classes) if c.support]
    with canvas("recall", 6.4, 3.4) as drawing:
        axes = drawing.axes
        trained = np.array([figures.trained[k] for k in shown])
        recall = np.array([figures.classes[k].recall for k in shown])
        support = np.array([figures.classes[k].support for k in shown])
        area = 12 + 100 * support / support.max()
        axes.scatter(trained, recall, s=area, color=LEAF, alpha=0.55, lw=0)
        worst = [k for k in np.argsort(recall, kind="stable")[:WORST_NAMED] if recall[k] < 1]
        _name_worst(axes, trained[worst], recall[worst], [figures.names[shown[k]] for k in worst])
        axes.set_xlabel(words("confusions.trained"))
        axes.set_ylabel(words("recall"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: words.percent(v, 0)))
        axes.set_ylim(top=1.04)
        axes.grid(axis="y", color=FAINT, lw=0.4, alpha=0.5)
        drawing.finish(words("confusions.recall.alt", classes=words.integer(len(shown))))
    return drawing.svg


def _name_worst(axes: Axes, trained: np.ndarray, recall: np.ndarray, names: list[str]) -> None:
    """Name dots of equal recall together, so that names do not run into each other."""
    axes.scatter(trained, recall, s=14, color=PETAL, zorder=3)
    middle = np.mean(axes.get_xlim())
    for level in np.unique(recall):
        here = np.flatnonzero(recall == level)
        here = here[np.argsort(trained[here])]
        left = trained[here].min() > middle
        axes.annotate(
            ", ".join(names[k] for k in here),
            (trained[here[0 if left else -1]], level),
            (-8 if left else 8, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            fontsize=9,
        )


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


LEFT = 0.8  # beyond it, labels stand left of their dot


def ranking_chart(rows: Sequence[ResultRow], chance: float, words: Words) -> Markup:
    """Draw one line a test row: a dot, its interval where the number of photos is known.

    Args:
        rows: test rows with a top-1, this run first.
        chance: the best top-1 without looking at the photo.
        words: the language.
    """
    with canvas("ranking", 6.4, 0.95 + 0.38 * len(rows)) as drawing:
        axes = drawing.axes
        for place, row in enumerate(rows):
            _mark(axes, place, row, LEAF if place == 0 else PETAL, words)
        axes.axvline(chance, color=INK, lw=0.9, ls=(0, (2, 3)), zorder=0)
        axes.annotate(
            words("results.chance"),
            (chance, -0.75),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
        axes.set_yticks(range(len(rows)), [row.label for row in rows])
        axes.set_ylim(len(rows) - 0.5, -1.0)
        axes.set_xlim(0, 1.08)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: words.percent(v, 0)))
        axes.grid(axis="x", color=FAINT, lw=0.4, alpha=0.5)
        alt = (f"{row.label} {words.percent(row.top1)}" for row in rows if row.top1 is not None)
        drawing.finish(words("results.ranking.alt", rows="; ".join(alt)))
    return drawing.svg


def _mark(axes: Axes, place: int, row: ResultRow, colour: str, words: Words) -> None:
    assert row.top1 is not None, "only rows with a top-1 are ranked"
    low, high = wilson_share(row.top1, row.n) if row.n else (row.top1, row.top1)
    axes.plot([low, high], [place, place], color=colour, lw=2.4, alpha=0.5)
    axes.plot([row.top1], [place], "o", color=colour, ms=6)
    left = row.top1 > LEFT
    axes.annotate(
        words.percent(row.top1),
        (low if left else high, place),
        (-8 if left else 8, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
    )
