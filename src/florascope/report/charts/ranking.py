"""Test top-1 of this run beside others, with 95 % intervals and the chance lines."""

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from florascope.report.charts.canvas import FAINT, INK, LEAF, PETAL, canvas
from florascope.report.interval import wilson
from florascope.report.results import ResultRow
from florascope.report.words import Words

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
    low, high = wilson(row.top1, row.n) if row.n else (row.top1, row.top1)
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
