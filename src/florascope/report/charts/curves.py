"""Charts of lines: histories, deletion and insertion."""

from collections.abc import Callable, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from florascope.audit.report import AuditReport
from florascope.report.charts.canvas import FAINT, INK, LEAF, PETAL, canvas
from florascope.report.figures import Figures
from florascope.report.words import Words

Series = Sequence[dict[str, float]]


def loss_curve(figures: Figures, words: Words) -> Markup:
    """Draw training and validation loss, with ln K where it is near."""
    with canvas("loss", height=3.1) as drawing:
        axes = drawing.axes
        _draw(axes, figures, "loss", words)
        highest = max(max(row["train_loss"], row["val_loss"]) for row in figures.history)
        if figures.step == "iteration":
            axes.set_yscale("log")
            axes.yaxis.set_minor_locator(NullLocator())
        elif highest > figures.uniform_loss / 2:
            _level(axes, figures.uniform_loss, words("curves.uniform"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: words.short(v)))
        axes.set_ylabel(words("curves.loss"))
        drawing.finish(_alt(figures, "loss", words.number, words))
    return drawing.svg


def accuracy_curve(figures: Figures, words: Words) -> Markup:
    """Draw training and validation top-1."""
    with canvas("accuracy", height=3.1) as drawing:
        axes = drawing.axes
        _draw(axes, figures, "top1", words)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: words.percent(v, 0)))
        axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], min_n_ticks=3))
        axes.set_ylabel(words("top1"))
        drawing.finish(_alt(figures, "top1", words.percent, words))
    return drawing.svg


def _draw(axes: Axes, figures: Figures, what: str, words: Words) -> None:
    history = figures.history
    places = range(1, len(history) + 1)
    for subset, colour, marker in (("train", LEAF, "o"), ("val", PETAL, "s")):
        values = [row[f"{subset}_{what}"] for row in history]
        label = words(f"subset.{subset}")
        axes.plot(places, values, color=colour, marker=marker, ms=4, lw=1.6, label=label)
    best, chosen = places[figures.best], words("curves.best")
    axes.axvline(best, color=INK, lw=0.9, ls=(0, (2, 3)), zorder=0, label=chosen)
    axes.set_xlabel(words(f"curves.{figures.step}"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=FAINT, lw=0.4, alpha=0.5)
    axes.legend(loc="best")


def _level(axes: Axes, value: float, label: str) -> None:
    axes.axhline(value, color=FAINT, lw=1, ls="--")
    side = axes.get_yaxis_transform()
    axes.text(0.99, value, label, transform=side, ha="right", va="bottom", fontsize=9)


def _alt(figures: Figures, what: str, write: Callable[[float], str], words: Words) -> str:
    first, last = figures.history[0], figures.history[-1]
    return words(
        f"curves.{what}.alt",
        train_first=write(first[f"train_{what}"]),
        train_last=write(last[f"train_{what}"]),
        val_first=write(first[f"val_{what}"]),
        val_last=write(last[f"val_{what}"]),
    )


REFERENCES = {"random": (FAINT, "--"), "centre": (INK, ":")}


def faithfulness_chart(report: AuditReport, which: str, words: Words) -> Markup:
    """Draw the mean curve of the method, of a random map and of a blob in the middle.

    Args:
        report: of one method.
        which: "deletion" or "insertion".
        words: the language.
    """
    with canvas(which, height=3.1) as drawing:
        axes = drawing.axes
        for scores in report.methods:
            own = scores.method in report.explained
            colour, dashes = (LEAF, "-") if own else REFERENCES[scores.method]
            label = words(f"{'method' if own else 'audited'}.{scores.method}")
            curve = getattr(scores.curves, which).mean(0)
            width = 2.2 if own else 1.4
            axes.plot(scores.curves.at, curve, color=colour, ls=dashes, lw=width, label=label)
        axes.set_xlabel(words(f"audited.{which}.share"))
        axes.set_ylabel(words("audited.probability"))
        axes.set_ylim(-0.02, 1.02)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda v, _: words.percent(v, 0)))
        axes.grid(axis="y", color=FAINT, lw=0.4, alpha=0.5)
        axes.legend(loc="best")
        drawing.finish(_areas_alt(report, which, words))
    return drawing.svg


def _areas_alt(report: AuditReport, which: str, words: Words) -> str:
    (method,) = report.explained
    areas = {m: words.number(report.interval(m, which).mean, 2) for m in REFERENCES}
    own = words.number(report.interval(method, which).mean, 2)
    return words(f"audited.{which}.alt", method=words(f"method.{method}"), own=own, **areas)
