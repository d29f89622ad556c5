"""A matplotlib figure that becomes part of the page: inline SVG with the page's own colours."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Colours that stand for the page's CSS variables, so that charts follow its light or dark theme.
INK, FAINT, LEAF, PETAL, PAPER = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
VARIABLES = {INK: "ink", FAINT: "faint", LEAF: "leaf", PETAL: "petal", PAPER: "paper"}

STYLE = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's font
    "text.parse_math": False,  # a class may be called "$5$"
    "font.size": 10,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "legend.frameon": False,
}


@dataclass
class Canvas:
    """One pair of axes on its way to SVG.

    Attributes:
        name: unique in the page; keeps the SVG's identifiers apart.
        figure: holds the axes.
        axes: to draw on.
    """

    name: str
    figure: Figure
    axes: Axes
    svg: Markup = field(default=Markup())

    def finish(self, alt: str) -> None:
        """Turn the drawing into SVG, with a description for those who cannot see it."""
        text = io.StringIO()
        mpl.rcParams["svg.hashsalt"] = self.name
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        with warnings.catch_warnings():
            # Glyphs are measured with matplotlib's font, but drawn by the browser with its own.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            self.figure.savefig(text, format="svg", transparent=True, metadata=nothing)
        self.svg = Markup(_inline(text.getvalue(), alt))  # noqa: S704 (matplotlib escapes text)


@contextmanager
def canvas(name: str, width: float = 4.6, height: float = 3.0) -> Iterator[Canvas]:
    """Yield a canvas of a size in inches, in the report's style; call its `finish` at the end."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield Canvas(name, figure, figure.add_subplot())


def _inline(svg: str, alt: str) -> str:
    """Strip what belongs to a file of its own, and hand size and colours over to CSS."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # groups are never referred to, and would clash
    box = re.search(r'viewBox="[^"]*"', svg)
    assert box, "matplotlib writes a viewBox"
    head = f'<svg class="chart" role="img" aria-label="{escape(alt)}" {box.group()}>'
    svg = re.sub(r"<svg[^>]*>", lambda _: head, svg, count=1)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return svg
