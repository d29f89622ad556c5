"""Recall of each class against the photos it was trained on."""

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from florascope.report.charts.canvas import FAINT, LEAF, PETAL, canvas
from florascope.report.figures import Figures
from florascope.report.words import Words

NAMED = 6  # of the lowest recalls are named in the picture


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
        worst = [k for k in np.argsort(recall, kind="stable")[:NAMED] if recall[k] < 1]
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
