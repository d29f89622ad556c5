"""What in each photo of a job speaks for its class: a map, as evidence and as a picture."""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from PIL import Image

from florascope.bundle.config import CONFIG, GRAPH, WEIGHTS, find_bundle
from florascope.cluster.tasks import content_digest, cropped, versions
from florascope.preprocessing import Crop

if TYPE_CHECKING:
    from florascope.audit.card import Trust
    from florascope.audit.photo_by_photo import CropExplainer
    from florascope.explanation.explanation import Explanation

QUALITY = 85  # of the JPEG pictures: some 10 kB each
FIGURES = ("logit", "probability", "completeness_gap", "left_out")
TRUST = ("deletion", "random_deletion", "half_area")


@dataclass(frozen=True, slots=True)
class Explain:
    """Why a bundle answers as it does, as `florascope explain` draws it.

    Attributes:
        model: a bundle's folder, or the name of a shipped one.
        method: see `florascope.explain`; None for what suits the network best.
        target: a class's id or name; None for the answer.
        against: the class to compare it with, or "nearest"; None for none.
        trusted: measure how far each map may be trusted, too.
        arrays: keep the evidence of each pixel beside the picture: 100 kB a photo at 224 pixels.
    """

    model: str
    method: str | None = None
    target: str | None = None
    against: str | None = None
    trusted: bool = True
    arrays: bool = False

    def describe(self) -> dict[str, Any]:
        """Name the model by its content, and all else that decides the maps."""
        bundle = find_bundle(self.model)
        digest = content_digest(bundle, (CONFIG, WEIGHTS, GRAPH))
        asked = {key: value for key, value in asdict(self).items() if key != "model"}
        runtime = f"torch {version('torch')}, onnxruntime {version('onnxruntime')}"
        return {"task": "explain", "model": digest, **asked, **versions(runtime)}

    def open(self) -> "ExplainWorker":
        """Load the bundle, and keep PyTorch to the core of the thread that calls it.

        Raises:
            ExplanationError: the method does not exist, or not for this network; or a class is
                unknown.
        """
        import torch

        from florascope.audit.photo_by_photo import CropExplainer
        from florascope.explanation.explanation import Question
        from florascope.nets.saving import load_classifier

        torch.set_num_threads(1)
        classifier = load_classifier(find_bundle(self.model))
        question = Question.of(classifier, self.method, self.target, self.against)
        explainer = CropExplainer.of(classifier, question, trusted=self.trusted)
        return ExplainWorker(explainer, arrays=self.arrays)


class ExplainWorker:
    """Explains by a bundle's network."""

    counted = "name"

    def __init__(self, explainer: "CropExplainer", *, arrays: bool = False) -> None:
        from florascope.explanation.inference import PAIR

        self._explainer, self._arrays, self.batch = explainer, arrays, PAIR
        side = explainer.classifier.preprocessing.size
        evidence = [("evidence", pa.list_(pa.float32(), side * side))] if arrays else []
        self.columns = pa.schema(
            [
                *((name, pa.string()) for name in ("class_id", "name", "against", "method")),
                *((name, pa.float64()) for name in (*FIGURES, *TRUST)),
                *evidence,
                ("picture", pa.binary()),
            ]
        )

    def decode(self, data: bytes, name: str) -> Crop:
        """Cut out what the network sees."""
        return cropped(self._explainer.classifier.preprocessing, data, name)

    def answer(self, values: Sequence[Crop]) -> list[dict[str, Any]]:
        """Explain the photos as one batch."""
        return [self._row(*pair) for pair in self._explainer(values)]

    def _row(self, found: "Explanation", trust: "Trust | None") -> dict[str, Any]:
        told = found.to_json()
        return {
            "class_id": found.target.id,
            "name": found.target.name,
            "against": None if found.against is None else found.against.id,
            "method": found.method,
            **{name: told.get(name) for name in FIGURES},
            **({} if trust is None else trust.to_json()),
            **({"evidence": found.values.ravel()} if self._arrays else {}),
            "picture": _jpeg(found),
        }


def _jpeg(found: "Explanation") -> bytes:
    packed = io.BytesIO()
    Image.fromarray(found.picture()).save(packed, "JPEG", quality=QUALITY)
    return packed.getvalue()
