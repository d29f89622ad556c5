"""An identification as the API gives it: the answer, the crop that was looked at, class maps."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from florascope.data.species import Language
from florascope.errors import ExplanationError
from florascope.images import RGB
from florascope.runtime.identification import Identification

QUALITY = 88  # of the crop's JPEG
DIGITS = 5


def answer(found: Identification, language: Language, top: int) -> dict[str, Any]:
    """Return docs/identify-json.md's object of one photo, with its crop and class maps.

    Maps of all classes that are named at all come with it, so that a page can switch between
    them, and subtract one from another, without asking again.
    """
    told = found.to_json(language, top)
    named = {c["class_id"] for part in ("candidates", "lookalikes") for c in told[part]}
    named |= set(told["prediction_set"])
    maps = found.observation.maps
    shown = {} if maps is None else {"maps": _maps(found, sorted(named))}
    return {**told, "crop": _crop(found.observation.crop), **shown}


def evidence_map(found: Identification, class_id: str, against: str | None) -> dict[str, Any]:
    """Return the class activation map of one class, or of the difference of two.

    Raises:
        ExplanationError: the network has no maps, or a class is not its own.
    """
    maps = found.observation.maps
    if maps is None:
        raise ExplanationError("this model's network has no class maps")
    chosen = maps[index_of(found, class_id)]
    if against is not None:
        chosen = chosen - maps[index_of(found, against)]
    rows, columns = chosen.shape
    return {
        "class_id": class_id,
        "against": against,
        "rows": rows,
        "columns": columns,
        "unit": "logit",
        "values": _rounded(chosen),
    }


def index_of(found: Identification, class_id: str) -> int:
    """Return the index of a class.

    Raises:
        ExplanationError: there is none of that id.
    """
    ids = found.catalogue.ids(range(len(found.probabilities)))
    if class_id not in ids:
        raise ExplanationError(
            f"no class {class_id!r}", expected="an id of those at /api/model, such as " + ids[0]
        )
    return ids.index(class_id)


def _maps(found: Identification, ids: Sequence[str]) -> dict[str, Any]:
    whole = {k: evidence_map(found, k, None) for k in ids}
    first = next(iter(whole.values()))
    shape = {key: first[key] for key in ("rows", "columns", "unit")}
    return {**shape, "values": {k: m["values"] for k, m in whole.items()}}


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(v), DIGITS) for v in values.ravel()]


def _crop(pixels: RGB) -> dict[str, Any]:
    """The square that the network saw, as a data URL."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=QUALITY)
    text = base64.b64encode(file.getvalue()).decode()
    return {"size": len(pixels), "image": f"data:image/jpeg;base64,{text}"}
