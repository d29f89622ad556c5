"""The shapes of the API's answers, as OpenAPI describes them; docs/api.md says what they mean.

Answers are written by `answer`, in worker threads and without these models; the tests hold real
answers against them.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from florascope.data.species import Harm, Language
from florascope.identify.verdict import Level
from florascope.identify.words import Subject

SCHEMA = "florascope/1"
Share = Field(ge=0, le=1)


class Shape(BaseModel):
    """What every answer has in common: no field that is not described."""

    model_config = ConfigDict(extra="forbid")


class VerdictShape(Shape):
    """How much is said."""

    level: Level
    statement: str
    probability: float | None = Share
    members: list[str]


class ClassShape(Shape):
    """A class as every list names it; without harm where nothing is known of it."""

    class_id: str
    name: str
    scientific_name: str | None
    people: Harm | None = None
    pets: Harm | None = None


class CandidateShape(ClassShape):
    """A class with its calibrated probability."""

    probability: float = Share


class CautionShape(Shape):
    """What is harmful about a plausible class."""

    class_id: str
    name: str
    people: Harm
    pets: Harm
    text: str
    source: str


class RefusalShape(Shape):
    """What a refused photo resembles, and why that is not enough."""

    nearest: ClassShape
    similarity: float | None
    needed: float
    reason: str


class CropShape(Shape):
    """The square that was looked at, as a data URL."""

    size: int
    image: str


class MapsShape(Shape):
    """Class activation maps, row by row, in logit units."""

    rows: int
    columns: int
    unit: Literal["logit"]
    values: dict[str, list[float]]
    bias: dict[str, float]


class BasisShape(Shape):
    """How many photos probabilities rest on; a sentence where they are few."""

    photos: int
    folds: int
    remark: str | None


class PriorShape(Shape):
    """What a prior did: when and where, in words, and what the photo alone gives."""

    month: int | None
    cell: str | None
    remark: str
    alone: list[CandidateShape]


class ConclusionShape(Shape):
    """What is said of a photo, or of several together."""

    verdict: VerdictShape
    candidates: list[CandidateShape]
    prediction_set: list[str]
    cautions: list[CautionShape]
    lookalikes: list[ClassShape]
    calibration: BasisShape | None
    advice: str
    refusal: RefusalShape | None = None
    prior: PriorShape | None = None


class ResultShape(ConclusionShape):
    """One photo's answer."""

    file: str
    crop: CropShape
    maps: MapsShape | None = None
    similar: dict[str, list[str]] | None = None


class AnswerShape(Shape):
    """What POST /api/identify answers."""

    schema_: Literal["florascope/1"] = Field(alias="schema")
    results: list[ResultShape]


class FailureShape(Shape):
    """A file that could not be answered, and why."""

    file: str
    error: str
    candidates: list[CandidateShape] = Field(max_length=0)


class TogetherShape(ConclusionShape):
    """One answer for several photos of one thing, and how many of them had a say."""

    photos: int
    counted: int
    disagreeing: bool


class SeveralShape(Shape):
    """What POST /api/identify/several answers."""

    schema_: Literal["florascope/1"] = Field(alias="schema")
    results: list[ResultShape | FailureShape]
    together: TogetherShape | None = None


class RetoldShape(Shape):
    """What GET /api/verdict answers: a verdict said again, without photo and percentages."""

    schema_: Literal["florascope/1"] = Field(alias="schema")
    result: ConclusionShape


class KeptShape(Shape):
    """What POST /api/collect kept: under which name, and whether that is sure."""

    name: str
    sure: bool


class MapShape(Shape):
    """What POST /api/explain answers."""

    class_id: str
    against: str | None
    rows: int
    columns: int
    unit: Literal["logit"]
    values: list[float]
    bias: float


class KnownClassShape(Shape):
    """A class in both languages."""

    class_id: str
    name: str
    nombre: str
    scientific_name: str | None


class ModelBasisShape(Shape):
    """The same in both languages."""

    photos: int
    folds: int
    remark: dict[Language, str | None]


class ModelShape(Shape):
    """What GET /api/model answers."""

    architecture: str
    size: int
    shorter: int
    subject: Subject
    calibrated: bool
    calibration: ModelBasisShape | None
    named_from: float | None = Share
    prior: bool
    collects: bool
    classes: list[KnownClassShape]


class HealthShape(Shape):
    """What GET /healthz answers."""

    status: Literal["ok"]


class ProblemShape(Shape):
    """An error (RFC 9457)."""

    type: Literal["about:blank"]
    title: str
    status: int
    detail: str
