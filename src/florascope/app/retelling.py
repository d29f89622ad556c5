"""An answer said again from what its address carries: the verdict, without photo and candidates.

The address holds ids alone. Names, harm and sentences are the bundle's own, so that nobody can
write an address that says of a plant what the bundle does not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import Depends, FastAPI, Query, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from florascope.app.answer import spoken
from florascope.app.problem import REFUSALS
from florascope.app.schema import SCHEMA, RetoldShape
from florascope.calibration.calibration import Calibration
from florascope.data.species import Language
from florascope.errors import DataError
from florascope.identify.catalogue import Catalogue
from florascope.identify.conclusion import Conclusion
from florascope.identify.verdict import RANKS, Level, Verdict
from florascope.shapes import Float

Ids = Annotated[list[str], Field(max_length=1000)]


class Told(BaseModel):
    """What an address carries.

    Attributes:
        level: of the verdict.
        member: ids of the classes that it speaks of, most probable first.
        probability: of them together, where something is named.
        caution: ids of the classes whose harm was told.
        lookalike: ids of the look-alikes.
        nearest: id of the class that a refused photo resembles the most.
        similarity: how much.
    """

    level: Level
    member: Ids = []
    probability: float | None = None
    caution: Ids = []
    lookalike: Ids = []
    nearest: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, eq=False)
class Retold(Conclusion):
    """An answer without its photo; see `Conclusion`.

    Attributes:
        named: look-alikes that the answer named.
        resembled: the nearest class of a refused photo, and how much it resembles that.
    """

    catalogue: Catalogue
    probabilities: Float[np.ndarray, "k"]
    plausible: tuple[int, ...]
    verdict: Verdict
    calibration: Calibration | None
    named: tuple[int, ...]
    resembled: tuple[int, float]
    prediction_set: tuple[int, ...] = ()
    weighting: None = None

    @property
    def alike(self) -> float:
        """See `Conclusion`."""
        return self.resembled[1]

    @property
    def nearest(self) -> int:
        """See `Conclusion`."""
        return self.resembled[0]

    def lookalikes(self) -> tuple[int, ...]:
        """Return those that the answer named, and every one of what it speaks of."""
        own = self.catalogue.lookalikes(self.verdict.members)
        return tuple(sorted({*own, *self.named}))


def retell(told: Told, catalogue: Catalogue, calibration: Calibration | None) -> Retold:
    """Make an answer of what its address carries, where a bundle can have said so.

    Raises:
        DataError: a class is not the bundle's, or the bundle never says such a thing.
    """
    members, feared, alike = (
        _indexes(ids, catalogue) for ids in (told.member, told.caution, told.lookalike)
    )
    (nearest,) = _indexes([told.nearest], catalogue) if told.nearest is not None else (0,)
    objection = _objection(told, members, catalogue, calibration)
    if objection:
        raise DataError(objection, expected="the address of one of this model's answers")
    first = [*dict.fromkeys([*members, *feared])]
    shares = np.zeros(len(catalogue.classes))
    shares[first] = 1 / np.arange(2, len(first) + 2)  # keeps their order, and means nothing else
    group = getattr(catalogue.species[members[0]], told.level) if told.level in RANKS else ""
    verdict = Verdict(told.level, members, group, told.probability or 0.0)
    resembled = (nearest, math.nan if told.similarity is None else told.similarity)
    return Retold(catalogue, shares, tuple(first), verdict, calibration, alike, resembled)


def _indexes(ids: Sequence[str], catalogue: Catalogue) -> tuple[int, ...]:
    places = {c.id: k for k, c in enumerate(catalogue.classes)}
    strange = next((name for name in ids if name not in places), None)
    if strange is not None:
        raise DataError(f"no class {strange[:60]!r}", expected="ids of those at /api/model")
    return tuple(dict.fromkeys(places[name] for name in ids))


def _objection(
    told: Told, members: tuple[int, ...], catalogue: Catalogue, calibration: Calibration | None
) -> str:
    """Say why no answer of the bundle can be so; empty where one can."""
    if told.level == "none":
        known = told.similarity or 0.0
        refused = calibration is not None and not known >= calibration.alike
        fits = refused and not members and told.nearest is not None
        return "" if fits else "a refusal that names something, or of what is known"
    if told.level == "unsure":
        return "" if members else "an answer that speaks of nothing"
    kin = members[:1]
    for rank in RANKS:
        if told.level == rank and members:
            kin = catalogue.kin(members[0], rank)
    if not members or set(members) != set(kin) or (told.level in RANKS and len(kin) < 2):
        return f"a {told.level} of {len(members)} classes"
    sure = calibration is not None and calibration.sure <= (told.probability or 0) <= 1
    return "" if sure else "something is named that is not sure enough"


def retell_verdicts(app: FastAPI, catalogue: Catalogue, calibration: Calibration | None) -> None:
    """Let an app answer GET /api/verdict."""

    @app.get("/api/verdict", responses=REFUSALS, response_model=RetoldShape)
    async def verdict(
        told: Annotated[Told, Query()], language: Annotated[Language, Depends(spoken)]
    ) -> Response:
        """Say an answer again from its ids, in a language; no photo is needed."""
        answer: dict[str, Any] = retell(told, catalogue, calibration).to_json(language, top=0)
        return JSONResponse({"schema": SCHEMA, "result": answer})
