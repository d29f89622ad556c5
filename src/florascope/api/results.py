"""What a run shows of its figures: metrics, confusions and mistakes, as tables and plots."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from florascope.audit.report import AuditReport
from florascope.audit.verdict import Finding, summary
from florascope.data.dataset import ClassName, Photo
from florascope.display import sheet_html, table_html
from florascope.errors import FlorascopeError
from florascope.explanation.explanation import Explanation
from florascope.metrics import COLUMNS, Metrics, confusions_of
from florascope.shapes import Int64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Counts = Int64[np.ndarray, "k k"]
Explain = Callable[[Photo, str, ClassName], Explanation]
INCHES = 2.6  # width of one picture of a sheet of mistakes


def data_frame(rows: Iterable[dict[str, Any]], index: str) -> Any:  # noqa: ANN401 (pandas is optional)
    """Return rows as a pandas DataFrame, indexed by one of their keys.

    Raises:
        FlorascopeError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise FlorascopeError(
            "the package pandas is not installed, which to_pandas() needs",
            fix="Install it with: pip install pandas",
        ) from error
    return pd.DataFrame(list(rows)).set_index(index)


class MetricsTable(dict[str, Metrics]):
    """Figures by subset ("train", "val", "test")."""

    HEADERS = ("", *COLUMNS)

    def rows(self) -> list[tuple[str, ...]]:
        """Write each subset's figures for a table."""
        return [(s, *m.cells(learned=s == "train")) for s, m in self.items()]

    def to_pandas(self) -> Any:  # noqa: ANN401
        """Return a DataFrame with a row a subset.

        Raises:
            FlorascopeError: pandas is not installed.
        """
        return data_frame(({"subset": s, **asdict(m)} for s, m in self.items()), "subset")

    def __repr__(self) -> str:
        rows = [self.HEADERS, *self.rows()]
        widths = [max(8, *map(len, column)) for column in zip(*rows, strict=True)]
        padded = ([f"{cell:>{w}}" for cell, w in zip(row, widths, strict=True)] for row in rows)
        return "\n".join(map("  ".join, padded))

    def _repr_html_(self) -> str:
        return table_html(self.HEADERS, self.rows())


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Photos of one class answered as another.

    Attributes:
        true: name of the photos' class.
        predicted: name of the class they were answered as.
        count: how many.
        share: of the true class's photos.
    """

    true: str
    predicted: str
    count: int
    share: float


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Photos counted by true class (row) and answer (column).

    Attributes:
        counts: (K, K).
        classes: the K classes.
    """

    counts: Counts
    classes: tuple[ClassName, ...]

    def pairs(self, limit: int = 10) -> list[ConfusedPair]:
        """Return the most frequent confusions, most first; see `metrics.confusions_of`."""
        return [
            ConfusedPair(
                self.classes[c.true].name, self.classes[c.predicted].name, c.count, c.share
            )
            for c in confusions_of(self.counts, limit)
        ]

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw the counts on matplotlib axes; None makes a figure of its own.

        A cell's darkness is its share of the row; up to 30 classes are named, their counts written.
        """
        from matplotlib import pyplot as plt

        names = [c.name for c in self.classes]
        side = 2.0 + 0.32 * min(len(names), 30)
        shown = axes or plt.subplots(figsize=(side, side), layout="constrained")[1]
        shares = self.counts / np.maximum(self.counts.sum(1, keepdims=True), 1)
        shown.imshow(shares, cmap="Greens", vmin=0.0, vmax=1.0)
        shown.set(xlabel="answer", ylabel="true class")
        if len(names) <= 30:
            places = range(len(names))
            shown.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
            shown.set_yticks(places, names)
            for row, column in zip(*np.nonzero(self.counts), strict=True):
                ink = "white" if shares[row, column] > 0.6 else "black"
                text = str(self.counts[row, column])
                shown.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)
        return shown

    def to_pandas(self) -> Any:  # noqa: ANN401
        """Return a DataFrame: a row a true class, a column an answer.

        Raises:
            FlorascopeError: pandas is not installed.
        """
        names = [c.name for c in self.classes]
        rows = zip(names, self.counts.tolist(), strict=True)
        return data_frame(
            ({"true": n, **dict(zip(names, r, strict=True))} for n, r in rows), "true"
        )

    def __repr__(self) -> str:
        right, n = int(np.trace(self.counts)), int(self.counts.sum())
        lines = [f"  {c.count:4} of {c.true} answered {c.predicted}" for c in self.pairs()]
        return "\n".join([f"{right:,} of {n:,} photos right", *lines])

    def _repr_html_(self) -> str:
        rows = [(c.true, c.predicted, c.count, f"{c.share:.0%}") for c in self.pairs()]
        return table_html(("true class", "answer", "photos", "share of the class"), rows)


@dataclass(frozen=True, eq=False)
class Mistake:
    """One photo that was answered wrong.

    Attributes:
        photo: the photo.
        true: its class.
        predicted: the answer.
        probability: of the answer, from the softmax.
        true_probability: of the true class.
    """

    photo: Photo
    true: ClassName
    predicted: ClassName
    probability: float
    true_probability: float

    def __str__(self) -> str:
        return (
            f"{self.photo.name}: {self.true.name}, answered {self.predicted.name}"
            f" ({self.probability:.0%}; {self.true.name} {self.true_probability:.0%})"
        )


@dataclass(frozen=True, eq=False)
class Mistakes(Sequence[Mistake]):
    """Photos that were answered wrong, the surest first.

    Attributes:
        items: the mistakes.
        explain: explains a photo's answer by a method's name.
    """

    items: tuple[Mistake, ...]
    explain: Explain

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Mistake: ...
    @overload
    def __getitem__(self, index: slice) -> "Mistakes": ...
    def __getitem__(self, index: int | slice) -> "Mistake | Mistakes":
        if isinstance(index, slice):
            return Mistakes(self.items[index], self.explain)
        return self.items[index]

    def show(self, methods: Sequence[str] = ("cam",)) -> "Figure":
        """Draw each photo in a row with what speaks for its wrong answer, a column a method.

        Args:
            methods: names of explanation methods: "sharp", "cam", "direct", "legrad",
                "gradcam", "layercam", "ig".

        Raises:
            FlorascopeError: there are no mistakes to show.
            ExplanationError: a method is unknown or does not exist for this network.
        """
        from matplotlib import pyplot as plt

        if not self.items:
            raise FlorascopeError(
                "no photo was answered wrong: there is nothing to show",
                expected="at least one mistake (len(mistakes) counts them)",
            )
        rows, columns = len(self.items), 1 + len(methods)
        size = (INCHES * columns, 1.15 * INCHES * rows)
        figure, grid = plt.subplots(
            rows, columns, figsize=size, squeeze=False, layout="constrained"
        )
        for axes, mistake in zip(grid, self.items, strict=True):
            found = [self.explain(mistake.photo, method, mistake.predicted) for method in methods]
            for place, explanation in zip(axes[1:], found, strict=True):
                explanation.plot(place)
                place.set_title(explanation.method, fontsize=9)
            pixels = found[0].crop if found else mistake.photo.read()
            axes[0].imshow(pixels)
            axes[0].set_axis_off()
            title = f"{mistake.true.name}\nanswered {mistake.predicted.name}"
            axes[0].set_title(f"{title} ({mistake.probability:.0%})", fontsize=9)
        return figure

    def to_pandas(self) -> Any:  # noqa: ANN401
        """Return a DataFrame with a row a mistake.

        Raises:
            FlorascopeError: pandas is not installed.
        """
        rows = (
            {
                "photo": m.photo.name,
                "true": m.true.name,
                "predicted": m.predicted.name,
                "probability": m.probability,
                "true_probability": m.true_probability,
            }
            for m in self.items
        )
        return data_frame(rows, "photo")

    def __repr__(self) -> str:
        return "\n".join(map(str, self.items)) or "no photo was answered wrong"

    def _repr_html_(self) -> str:
        pictures = ((m.photo.read(), str(m)) for m in self.items[:30])
        return sheet_html(pictures) if self.items else "<p>No photo was answered wrong.</p>"


@dataclass(frozen=True, eq=False)
class Audit:
    """Whether a network's explanations are true.

    Attributes:
        report: everything that was measured, mean and 95 % interval.
        findings: each criterion of each method, passed or not.
    """

    report: AuditReport
    findings: tuple[Finding, ...]

    @property
    def summary(self) -> tuple[str, ...]:
        """One sentence a method."""
        return tuple(summary(self.findings))

    def to_json(self) -> dict[str, Any]:
        """Return measures, findings and summary as JSON values."""
        found = [finding.to_json() for finding in self.findings]
        return {**self.report.to_json(), "findings": found, "verdict": list(self.summary)}

    def __repr__(self) -> str:
        return "\n".join([*self.summary, *(f"  {finding.text}" for finding in self.findings)])

    def _repr_html_(self) -> str:
        rows = [(f.method, f.criterion, "yes" if f.passed else "no", f.text) for f in self.findings]
        table = table_html(("method", "criterion", "passed", "what was measured"), rows)
        return f"{''.join(f'<p>{escape(line)}.</p>' for line in self.summary)}{table}"
