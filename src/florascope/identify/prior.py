"""Where and when a photo was taken, as a weight on each class: off unless somebody asks for it.

What a plant looks like is in the photo; how likely it is to stand there at that time is not. A
prior multiplies the calibrated probabilities by a weight a class (Bayes' rule, up to what the
training photos say of frequencies), under rules that keep it from doing harm; see `weigh`.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from florascope.calibration.calibration import Calibration
from florascope.data.dataset import ClassName
from florascope.data.names import match_classes
from florascope.data.table import Row, Table, read_table
from florascope.errors import DataError, FlorascopeError
from florascope.identify.verdict import Judgement, Verdict, ordered, plausible, unsure
from florascope.shapes import Float

LEAST = 0.01  # of the largest weight: no class is ever ruled out
CELL = re.compile(r"[NS]\d{2}[EW]\d{3}")
COLUMNS = "class,month,cell,weight"


@dataclass(frozen=True, slots=True)
class Occasion:
    """When and where, each None where it is not known.

    Attributes:
        month: 1 to 12.
        cell: of one degree, by its south-western corner: "N52E013", "S34W059".
    """

    month: int | None = None
    cell: str | None = None

    @classmethod
    def of(cls, month: int | None = None, place: tuple[float, float] | None = None) -> "Occasion":
        """Make one from a month and a place, (latitude, longitude) in degrees.

        Raises:
            FlorascopeError: there is no such month or place.
        """
        if month is not None and not 1 <= month <= 12:
            raise FlorascopeError(f"month {month}", expected="1 to 12")
        return cls(month, None if place is None else _cell(*place))


def _cell(latitude: float, longitude: float) -> str:
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise FlorascopeError(
            f"the place {latitude:g},{longitude:g}",
            expected="a latitude of -90 to 90 and a longitude of -180 to 180 degrees",
        )
    south, west = math.floor(min(latitude, 89)), math.floor(longitude) if longitude < 180 else -180
    north, east = "S" if south < 0 else "N", "W" if west < 0 else "E"
    return f"{north}{abs(south):02}{east}{abs(west):03}"


@runtime_checkable
class Prior(Protocol):
    """Any function that tells how much likelier than usual a class is there and then."""

    def __call__(self, class_id: str, month: int | None, cell: str | None) -> float:
        """Return a weight >= 0; 1 says nothing. Only their proportions count."""
        ...


@dataclass(frozen=True)
class TablePrior:
    """Weights of a table.

    Attributes:
        weights: by (class id, month or None for all, cell or None for everywhere).
    """

    weights: Mapping[tuple[str, int | None, str | None], float]

    def __call__(self, class_id: str, month: int | None, cell: str | None) -> float:
        """Return the most particular line's weight; 1 where there is none."""
        keys = ((class_id, m, c) for m, c in ((month, cell), (month, None), (None, cell)))
        for key in (*keys, (class_id, None, None)):
            if key in self.weights:
                return self.weights[key]
        return 1.0


def read_prior(path: Path, classes: Sequence[ClassName]) -> TablePrior:
    """Read a CSV with the columns class, month, cell and weight; docs/prior.md describes it.

    Raises:
        DataError: a line names no class of the model, no month, no cell or no weight, or says
            again what an earlier one said.
    """
    table = read_table(path)
    named = "class_id" if "class_id" in table.columns else "label"  # what "class" is read as
    if named not in table.columns or "weight" not in table.columns:
        raise DataError(
            f"{path} has the columns {', '.join(table.columns)}", expected=f"those of {COLUMNS}"
        )
    weights: dict[tuple[str, int | None, str | None], float] = {}
    for row in table.rows:
        key = (_class(table, row, named, classes), _month(table, row), _place(table, row))
        if key in weights:
            raise table.problem(row, "the same class, month and cell again", "one line for each")
        weights[key] = _weight(table, row)
    return TablePrior(weights)


def _class(table: Table, row: Row, column: str, classes: Sequence[ClassName]) -> str:
    text = row.cells[column]
    (index,) = match_classes([ClassName(text, text)], classes)
    if index < 0:
        known = ", ".join(c.id for c in classes[:5])
        raise table.problem(row, f"no class {text!r}", f"one of the model's: {known}, ...")
    return classes[index].id


def _month(table: Table, row: Row) -> int | None:
    text = row.cells.get("month", "")
    if text and not (text.isdecimal() and 1 <= int(text) <= 12):
        raise table.problem(row, f"month {text!r}", "1 to 12, or nothing for all")
    return int(text) if text else None


def _place(table: Table, row: Row) -> str | None:
    text = row.cells.get("cell", "").upper()
    if text and not CELL.fullmatch(text):
        raise table.problem(row, f"cell {text!r}", "one such as N52E013, or nothing for all")
    return text or None


def _weight(table: Table, row: Row) -> float:
    text = row.cells["weight"]
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise table.problem(row, f"weight {text!r}", "a number of at least 0; 1 says nothing")
    return weight


def weights(
    prior: Prior, classes: Sequence[ClassName], occasion: Occasion
) -> Float[np.ndarray, "k"]:
    """Return each class's weight, (K,), from LEAST to 1.

    Raises:
        FlorascopeError: a weight is negative or no number.
    """
    told = np.array([prior(c.id, occasion.month, occasion.cell) for c in classes], np.float64)
    wrong = np.flatnonzero(~(np.isfinite(told) & (told >= 0)))
    if len(wrong):
        raise FlorascopeError(
            f"the prior's weight of class {classes[int(wrong[0])].id} is {told[wrong[0]]}",
            expected="a number of at least 0; 1 says nothing",
        )
    highest = told.max()
    return np.clip(told / highest, LEAST, 1.0) if highest > 0 else np.ones_like(told)


def weigh(
    judged: Judgement, weight: Float[np.ndarray, "k"], calibration: Calibration | None
) -> Judgement:
    """Weigh a judgement's probabilities, so that it says no more than before and warns no less.

    - A refused photo stays refused, and nothing is named that was not named before.
    - What was named stays named, no more surely, while it is still as probable as naming needs.
    - The prediction set, whose promise rests on the photo alone, keeps its members.
    - The harm of every class is told that was told before.

    Args:
        judged: by the photo alone.
        weight: (K,) of `weights`.
        calibration: the bundle's.
    """
    if judged.verdict.level == "none":
        return judged
    shares = judged.probabilities * weight
    shares = shares / shares.sum()
    likely = plausible(shares, judged.prediction_set, "unsure")
    named = ordered(tuple({*judged.plausible, *judged.verdict.members, *likely}), shares)
    verdict = _tempered(judged.verdict, shares, calibration) or unsure(named, shares)
    return Judgement(shares, ordered(judged.prediction_set, shares), named, verdict)


def _tempered(
    verdict: Verdict, shares: Float[np.ndarray, "k"], calibration: Calibration | None
) -> Verdict | None:
    """Return what may still be named; None where nothing may."""
    together = float(shares[list(verdict.members)].sum())
    if verdict.level == "unsure" or calibration is None or together < calibration.sure:
        return None
    members = ordered(verdict.members, shares)
    return replace(verdict, members=members, probability=min(verdict.probability, together))


@dataclass(frozen=True, eq=False)
class Weighting:
    """What a prior did to an answer.

    Attributes:
        occasion: when and where.
        alone: (K,) probabilities by the photo alone.
    """

    occasion: Occasion
    alone: Float[np.ndarray, "k"]
