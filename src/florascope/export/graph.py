"""A bundle as an ONNX graph that says what it takes and gives, and the model card of an export."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from florascope.bundle.config import CARD, CONFIG, GRAPH, BundleConfig, read_config
from florascope.bundle.facts import carry_facts
from florascope.bundle.runtime import open_session
from florascope.errors import BundleError
from florascope.files import new_folder


def card_with(bundle: Path, title: str, lines: list[str]) -> str:
    """Return a bundle's model card with a section of one's own at the end."""
    path = bundle / CARD
    card = path.read_text(encoding="utf-8").rstrip() if path.is_file() else "# Image classifier"
    return "\n".join([card, "", f"## {title}", "", *lines, ""])


def table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Write a Markdown table."""
    return [_row(headers), _row(("---",) * len(headers)), *map(_row, rows)]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


MEANINGS = {
    "image": "RGB photos, resized, cropped and standardised as described below",
    "logits": "one for each class, in the order of `label_names` in config.json",
    "cam": "class activation maps in logit units: a map's sum and the class's bias are its logit",
    "features": "pooled features, which the linear head turns into the logits",
    "similarities": "cosine of the features to each class's mean: low for what was never trained",
    "ratios": "log-likelihood ratio of each class to one that was never shown",
}
TOLERANCE = 1e-4  # of the largest logit: runtimes may add in another order


def export_onnx(bundle: Path, out: Path) -> list[str]:
    """Write model.onnx, which says what it takes and gives, with config.json and the card.

    The folder is a bundle still: `florascope identify --model OUT` answers from it.

    Args:
        bundle: the bundle's folder.
        out: the folder to write, wholly or not at all.

    Returns:
        The names of the files.

    Raises:
        BundleError: the folder is no bundle, or the graph does not run as its config says.
    """
    config = read_config(bundle)
    described = describe(onnx.load(bundle / GRAPH), config)
    check(described, (bundle / GRAPH).read_bytes(), config)
    with new_folder(out) as draft:
        (draft / CONFIG).write_bytes((bundle / CONFIG).read_bytes())
        (draft / GRAPH).write_bytes(described.SerializeToString())
        text = card_with(bundle, "The ONNX graph", graph_lines(described, config))
        (draft / CARD).write_text(text, encoding="utf-8")
        carried = carry_facts(bundle, draft)
    return [CARD, CONFIG, GRAPH, *carried]


def describe(model: onnx.ModelProto, config: BundleConfig) -> onnx.ModelProto:
    """Return a graph that carries its classes, preprocessing and calibration as metadata."""
    own = onnx.ModelProto()
    own.CopyFrom(model)
    for value in [*own.graph.input, *own.graph.output]:
        value.doc_string = MEANINGS.get(value.name, "")
    figures = config.calibration
    told = {
        "classes": [asdict(c) for c in config.classes],
        "preprocessing": config.preprocessing.to_json(),
        **({"calibration": figures.to_json()} if figures else {}),
    }
    kept = {p.key: p.value for p in own.metadata_props}
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in told.items()}
    onnx.helper.set_model_props(own, {**kept, **texts})
    return own


def check(model: onnx.ModelProto, original: bytes, config: BundleConfig) -> None:
    """Run a graph on one and on two images beside the bundle's own.

    Raises:
        BundleError: it is no valid ONNX, or an output is missing, misshapen or another.
    """
    try:
        onnx.checker.check_model(model)
        sessions = [open_session(data) for data in (model.SerializeToString(), original)]
        size = config.preprocessing.size
        for photos in (1, 2):
            image = np.random.default_rng(photos).normal(size=(photos, 3, size, size))
            found, truth = (_run(one, image.astype(np.float32)) for one in sessions)
            _compare(found, truth, (photos, len(config.classes)))
    except BundleError:
        raise
    except Exception as error:  # ONNX and its runtime raise many kinds
        reason = str(error).splitlines()[0]
        raise BundleError(
            f"the bundle's graph cannot be run ({reason})",
            fix="Copy the bundle anew, or train it again",
        ) from error


def graph_lines(model: onnx.ModelProto, config: BundleConfig) -> list[str]:
    """Describe a graph's opset, inputs, outputs and preprocessing in Markdown."""
    values = [(v, "in") for v in model.graph.input] + [(v, "out") for v in model.graph.output]
    rows = [(f"`{v.name}`", way, _shape(v), MEANINGS.get(v.name, "")) for v, way in values]
    opsets = ", ".join(f"{o.domain or 'ai.onnx'} {o.version}" for o in model.opset_import)
    pre = config.preprocessing
    resized = "both sides" if pre.crop_mode == "squash" else "the shorter side"
    return [
        f"Operator sets: {opsets}. IR version {model.ir_version}. All values are float32.",
        "",
        *table(("name", "", "shape", "meaning"), rows),
        "",
        f"Preprocessing: apply the EXIF orientation; resize {resized} to {pre.shorter} pixels with"
        f" antialiased {pre.interpolation} interpolation, as Pillow does; cut out the middle"
        f" {pre.size} x {pre.size}; divide by 255; subtract {list(pre.mean)} and divide by"
        f" {list(pre.std)}, one a channel, channels first, {pre.channel_order.upper()}. A"
        " probability is softmax(logits / temperature), the temperature being that of"
        " `calibration`. The same is in the graph's metadata, as JSON.",
    ]


def _run(session: Any, image: np.ndarray) -> dict[str, np.ndarray]:  # noqa: ANN401
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"image": image}), strict=True))


def _compare(
    found: dict[str, np.ndarray], truth: dict[str, np.ndarray], shape: tuple[int, int]
) -> None:
    if found["logits"].shape != shape:
        raise BundleError(
            f"the bundle's graph gives logits of shape {found['logits'].shape}",
            expected=f"{shape}, as its config.json says",
        )
    bound = TOLERANCE * max(1.0, float(np.abs(truth["logits"]).max()))
    gaps = {name: float(np.abs(found[name] - values).max()) for name, values in truth.items()}
    if max(gaps.values()) > bound:
        raise BundleError(
            f"the exported graph differs from the bundle's by {gaps}",
            fix="Nothing was written; use the bundle's own model.onnx",
        )


def _shape(value: Any) -> str:  # noqa: ANN401 (protobuf)
    sides = value.type.tensor_type.shape.dim
    return " x ".join(d.dim_param or str(d.dim_value) for d in sides)
