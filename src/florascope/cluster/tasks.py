"""What is done with each photo of a job, and the columns that come of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, is_dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa

from florascope.bundle.config import (
    CONFIG,
    FACTS,
    GRAPH,
    MAX_CONFIG,
    MAX_GRAPH,
    MAX_WEIGHTS,
    WEIGHTS,
    find_bundle,
    read_own_file,
)
from florascope.bundle.facts import MAX_FACTS
from florascope.cluster.sources import Listed
from florascope.data.identity import pack_look
from florascope.data.species import Language
from florascope.files import as_utf8
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.images import photo_header, read_photo
from florascope.preprocessing import Crop, Preprocessing

if TYPE_CHECKING:
    from florascope.features.engines import Engine

SHIPPED = "flowers102-mobilenetv2"
BACKBONE = "mobilenetv2_100"
LIMITS = {CONFIG: MAX_CONFIG, GRAPH: MAX_GRAPH, WEIGHTS: MAX_WEIGHTS, FACTS: MAX_FACTS}
"""Bytes that are read of a bundle's files."""

Value = Any
"""What a task makes of a photo's bytes, handed from the threads that read to those that compute."""


@dataclass(frozen=True, eq=False, slots=True)
class Photo:
    """A photo that was read, or could not be.

    Attributes:
        listed: which.
        digest: BLAKE2b of its bytes (16 bytes, in hex), "" where they could not be had.
        value: what the task's `decode` made of them; None where there is a problem.
        problem: why it has no answer, or "".
        unreachable: whether its storage failed, which may pass.
    """

    listed: Listed
    digest: str = ""
    value: Value = None
    problem: str = ""
    unreachable: bool = False


class Worker(Protocol):
    """A task made ready: its model is loaded."""

    @property
    def columns(self) -> pa.Schema:
        """The columns between the photo's own and its problem."""
        ...

    @property
    def batch(self) -> int:
        """Photos a call, as many every time."""
        ...

    def decode(self, data: bytes, name: str) -> Value:
        """Make of a photo's bytes what `answer` needs; called from several threads.

        Raises:
            PhotoError: they are no photo that can be read.
        """
        ...

    def answer(self, values: Sequence[Value]) -> list[dict[str, Any]]:
        """Return a row of columns for each value; called from several threads."""
        ...

    @property
    def counted(self) -> str:
        """The column whose values the job's summary counts; "" for none."""
        ...


@runtime_checkable
class Task(Protocol):
    """What a job does, small enough to be sent to a worker, which makes it ready there."""

    def describe(self) -> dict[str, Any]:
        """Return JSON values that differ where answers could."""
        ...

    def open(self) -> Worker:
        """Load the model."""
        ...


def rows_of(worker: Worker, photos: Sequence[Photo]) -> pa.RecordBatch:
    """Answer for some photos: one row each, in their order, whatever is wrong with them."""
    answers = iter(worker.answer([photo.value for photo in photos if not photo.problem]))
    rows = [{**_own(photo), **({} if photo.problem else next(answers))} for photo in photos]
    return pa.RecordBatch.from_pylist(rows, schema_of(worker))


def schema_of(worker: Worker) -> pa.Schema:
    """Return the columns of a job's results."""
    own = [pa.field(name, pa.string()) for name in ("path", "digest", "label", "split")]
    return pa.schema([*own, *worker.columns, pa.field("problem", pa.string())])


def _own(photo: Photo) -> dict[str, str | None]:
    listed = photo.listed
    return {
        "path": as_utf8(listed.path),
        "digest": photo.digest or None,
        "label": as_utf8(listed.label) or None,
        "split": as_utf8(listed.split) or None,
        "problem": as_utf8(photo.problem) or None,
    }


@dataclass(frozen=True, slots=True)
class Identify:
    """What is in each photo, as `florascope identify` says it.

    Attributes:
        model: a bundle's folder, or the name of a shipped one.
        language: of names and sentences.
        top: candidates.
    """

    model: str = SHIPPED
    language: Language = "en"
    top: int = 5

    def describe(self) -> dict[str, Any]:
        """Name the model by its content, and all else that decides the answers."""
        digest = content_digest(find_bundle(self.model), (CONFIG, GRAPH, FACTS))
        runtime = f"onnxruntime {version('onnxruntime')}"
        asked = {"language": self.language, "top": self.top}
        return {"task": "identify", "model": digest, **asked, **versions(runtime)}

    def open(self) -> "IdentifyWorker":
        """Load the bundle."""
        return IdentifyWorker(self, Identifier(find_bundle(self.model)))


class IdentifyWorker:
    """Answers by a bundle.

    One photo after the other, though several are handed over: a photo's answer must not depend on
    its neighbours, and the last bits of a product of matrices can depend on their number.
    """

    batch = 16
    counted = "verdict"

    def __init__(self, task: Identify, identifier: Identifier) -> None:
        self._task, self._identifier = task, identifier
        self._preprocessing = identifier.config.preprocessing
        candidate = pa.struct(
            [
                ("class_id", pa.string()),
                ("name", pa.string()),
                ("scientific_name", pa.string()),
                ("probability", pa.float64()),
            ]
        )
        self.columns = pa.schema(
            [
                ("verdict", pa.string()),
                ("statement", pa.string()),
                ("probability", pa.float64()),
                ("candidates", pa.list_(candidate)),
                ("prediction_set", pa.list_(pa.string())),
                ("cautions", pa.list_(pa.string())),
                ("features", pa.list_(pa.float32(), identifier.config.num_features)),
            ]
        )

    def decode(self, data: bytes, name: str) -> Crop:
        """Cut out what the network sees."""
        return cropped(self._preprocessing, data, name)

    def answer(self, values: Sequence[Crop]) -> list[dict[str, Any]]:
        """Answer as `Identifier` does."""
        seen = (self._identifier.observe_crop(crop) for crop in values)
        return [self._row(self._identifier.conclude(observation)) for observation in seen]

    def _row(self, found: Identification) -> dict[str, Any]:
        language, top = self._task.language, self._task.top
        told = found.to_json(language, top)
        return {
            "verdict": told["verdict"]["level"],
            "statement": told["verdict"]["statement"],
            "probability": told["verdict"]["probability"],
            "candidates": [
                {
                    "class_id": c.class_id,
                    "name": c.name,
                    "scientific_name": c.scientific_name,
                    "probability": c.probability,
                }
                for c in found.candidates(language, top)
            ],
            "prediction_set": list(told["prediction_set"]),
            "cautions": [caution.text for caution in found.cautions(language)],
            "features": found.observation.features,
        }


@dataclass(frozen=True, slots=True)
class Embed:
    """The pooled features of each photo, as training computes them.

    Attributes:
        backbone: timm's name.
        weights: see `florascope.nets.weights.load_backbone`; "" for what is at hand.
    """

    backbone: str = BACKBONE
    weights: str = ""

    def describe(self) -> dict[str, Any]:
        """Name the network by its content, and the runtime."""
        engine = self._engine()
        named = {"backbone": self.backbone, "weights": self.weights}
        return {"task": "embed", "model": engine.digest(), **named, **versions(engine.choice.name)}

    def open(self) -> "EmbedWorker":
        """Load the network."""
        return EmbedWorker(self._engine())

    def _engine(self) -> "Engine":
        from florascope.features.engines import Engine, choose_runtime
        from florascope.nets.weights import load_backbone

        return Engine(load_backbone(self.backbone, self.weights or None), choose_runtime())


class EmbedWorker:
    """Embeds by a backbone; a photo's look (`florascope.data.identity.pack_look`) comes with it."""

    counted = ""

    def __init__(self, engine: "Engine") -> None:
        self._engine, self.batch = engine, engine.batch
        self.columns = pa.schema(
            [
                ("look", pa.binary(32)),
                ("features", pa.list_(pa.float32(), engine.num_features)),
            ]
        )

    def decode(self, data: bytes, name: str) -> Crop:
        """Cut out what the network sees."""
        return cropped(self._engine.preprocessing, data, name)

    def answer(self, values: Sequence[Crop]) -> list[dict[str, Any]]:
        """Embed the photos as one batch."""
        if not values:
            return []
        features = self._engine(self._engine.preprocessing.normalise(np.stack(values)))
        pairs = zip(values, features, strict=True)
        return [{"look": pack_look(crop).tobytes(), "features": row} for crop, row in pairs]


@dataclass(frozen=True, slots=True)
class Inspect:
    """What each photo is, as `florascope data inspect` needs it: size, mode, rotation and look."""

    batch, counted = 64, "mode"
    columns = pa.schema(
        [
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("mode", pa.string()),
            ("orientation", pa.int8()),
            ("look", pa.binary(32)),
        ]
    )

    def describe(self) -> dict[str, Any]:
        """Name what decides the looks."""
        return {"task": "inspect", **versions("numpy")}

    def open(self) -> "Inspect":
        """Return itself: there is no model."""
        return self

    def decode(self, data: bytes, name: str) -> dict[str, Any]:
        """Look at every pixel once."""
        rgb = read_photo(data, name=name)
        mode, orientation = photo_header(data)
        height, width = rgb.shape[:2]
        size = {"width": width, "height": height}
        return {**size, "mode": mode, "orientation": orientation, "look": pack_look(rgb).tobytes()}

    def answer(self, values: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what the readers saw."""
        return list(values)


def content_digest(bundle: Path, names: Sequence[str]) -> str:
    """Return one BLAKE2b (16 bytes, in hex) of those files of a bundle that are there."""
    digest = hashlib.blake2b(digest_size=16)
    for name in names:
        if (bundle / name).exists():
            digest.update(read_own_file(bundle, name, LIMITS[name]))
    return digest.hexdigest()


def cropped(preprocessing: Preprocessing, data: bytes, name: str) -> Crop:
    """Cut out of a photo's bytes what a network sees.

    Raises:
        PhotoError: they are no photo that can be read.
    """
    return preprocessing.crop(read_photo(data, shorter=preprocessing.shorter, name=name))


def versions(runtime: str) -> dict[str, str]:
    """Name what computes: answers of two versions may differ in their last bits."""
    pillow = f"pillow {version('pillow')}"
    return {"runtime": f"{runtime}, {pillow}", "florascope": version("florascope")}


def resolved(task: Task) -> Task:
    """Return a task whose model is named by a path that holds wherever a worker starts."""
    model = getattr(task, "model", "")
    if not (model and Path(model).exists() and is_dataclass(task)):
        return task
    absolute: Task = replace(task, model=str(find_bundle(model).absolute()))
    return absolute
