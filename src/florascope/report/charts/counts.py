"""How many photos each class has, by subset."""

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from florascope.data.splits import SUBSETS
from florascope.report.charts.canvas import FAINT, LEAF, PETAL, canvas
from florascope.report.words import Words
from florascope.training.experiment import Experiment

NAMED = 30  # up to so many classes each bar carries its class's name
COLOURS = dict(zip(SUBSETS, (LEAF, FAINT, PETAL), strict=True))

Counts = dict[str, np.ndarray]


def counts_chart(experiment: Experiment, words: Words) -> Markup:
    """Draw one stacked bar a class, most photos first."""
    counts = _counts(experiment)
    order = np.argsort(-np.sum(list(counts.values()), axis=0), kind="stable")
    names = [experiment.dataset.classes[k].name for k in order]
    counts = {subset: values[order] for subset, values in counts.items()}
    named = len(names) <= NAMED
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
    places, bottom = np.arange(len(names)), np.zeros(len(names))
    for subset, values in counts.items():
        label = words(f"subset.{subset}")
        axes.bar(places, values, bottom=bottom, color=COLOURS[subset], label=label, width=0.8)
        bottom += values
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
