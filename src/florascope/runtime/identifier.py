"""Answers from a bundle with NumPy and ONNX Runtime alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from jaxtyping import Float32

from florascope.data.dataset import ClassName
from florascope.errors import BundleError
from florascope.evaluation.metrics import softmax
from florascope.images import RGB
from florascope.model.bundle import GRAPH, read_config


@dataclass(frozen=True, slots=True)
class Candidate:
    """One class as an answer.

    Attributes:
        index: of the class in the logits.
        name: the class's id and name.
        probability: softmax of the logits, 0 to 1.
    """

    index: int
    name: ClassName
    probability: float


class Identifier:
    """Names what is in a photo.

    Args:
        bundle: the bundle's folder.

    Raises:
        BundleError: the folder is no bundle, or its graph does not do what its config says.
    """

    def __init__(self, bundle: Path) -> None:
        self.config = read_config(bundle)
        self._session = _open(bundle / GRAPH)
        _check(self._session, len(self.config.classes), bundle)

    def logits(self, rgb: RGB) -> Float32[np.ndarray, " k"]:
        """Logits of one photo of any size, (K,)."""
        image = self.config.preprocessing(rgb)[None]
        (rows,) = self._session.run(["logits"], {"image": image})
        return np.asarray(rows[0])

    def candidates(self, rgb: RGB, limit: int = 5) -> list[Candidate]:
        """Return the most probable classes, most first."""
        probabilities = softmax(self.logits(rgb)[None])[0]
        best = np.argsort(-probabilities, kind="stable")[:limit]
        return [Candidate(int(k), self.config.classes[k], float(probabilities[k])) for k in best]


def _open(graph: Path) -> Any:  # noqa: ANN401 (onnxruntime has no types)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises many kinds
        raise BundleError(
            f"{graph} cannot be run ({str(error).splitlines()[0]})", expected="an ONNX model"
        ) from error


def _check(session: Any, classes: int, bundle: Path) -> None:  # noqa: ANN401
    inputs = [i.name for i in session.get_inputs()]
    widths = {o.name: o.shape[1] for o in session.get_outputs()}
    if inputs != ["image"] or widths.get("logits") != classes:
        raise BundleError(
            f"{bundle / GRAPH} takes {inputs} and gives {widths}",
            expected=f"image in, logits of {classes} classes out, as its config.json says",
        )
