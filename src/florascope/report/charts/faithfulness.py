"""The answer's probability while the places that a map names go, or come back."""

from markupsafe import Markup
from matplotlib.ticker import FuncFormatter

from florascope.audit.report import AuditReport
from florascope.report.charts.canvas import FAINT, INK, LEAF, canvas
from florascope.report.words import Words

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
        drawing.finish(_alt(report, which, words))
    return drawing.svg


def _alt(report: AuditReport, which: str, words: Words) -> str:
    (method,) = report.explained
    areas = {m: words.number(report.interval(m, which).mean, 2) for m in REFERENCES}
    own = words.number(report.interval(method, which).mean, 2)
    return words(f"audited.{which}.alt", method=words(f"method.{method}"), own=own, **areas)
