"""A graph's convolutions in 8-bit integers, with ranges measured on photos."""

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from florascope.bundle.runtime import open_session, quiet_options
from florascope.errors import FlorascopeError
from florascope.shapes import Float32

RATIO = ("ratio.place", "ratio.squared", "ratio.curved", "ratios")
HEAD = ("head", "cam", "similarity", *RATIO)
"""The linear head, its maps and the similarities stay in float32: they are small, and a map then
still sums to its logit exactly. The names are those that model.onnx_graph gives."""

WAY: dict[str, Any] = {
    "quant_format": QuantFormat.QDQ,
    "calibrate_method": CalibrationMethod.MinMax,
    "activation_type": QuantType.QUInt8,
    "weight_type": QuantType.QInt8,
    "per_channel": True,
    "reduce_range": True,
}
"""How to quantise, chosen by measurement: see benchmarks/export. Weights take 7 of the 8 bits: x86
CPUs without VNNI add two products of a signed and an unsigned byte in 16 bits, and what 8 bits
would make larger is silently cut off there, 2 x 255 x 127 > 32,767 >= 2 x 255 x 64."""

Images = Iterable[Float32[np.ndarray, "1 3 size size"]]


class _Images(CalibrationDataReader):  # type: ignore[misc] # onnxruntime has no types
    """Feeds images one by one, as ONNX Runtime asks for them."""

    def __init__(self, images: Images) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, Any] | None:
        """Return the next input, None after the last."""
        image = next(self._images, None)
        return None if image is None else {"image": image}


def quantise(
    graph: Path, images: Images, way: Mapping[str, Any] = MappingProxyType(WAY)
) -> onnx.ModelProto:
    """Quantise a bundle's graph statically: weights to 8 bits a channel, activations to 8 bits.

    The graph stays standard ONNX (QuantizeLinear and DequantizeLinear around float operators,
    which runtimes fuse), and each activation's range is the smallest and largest value seen.

    Args:
        graph: the bundle's model.onnx.
        images: normalised training photos.
        way: settings of ONNX Runtime's `quantize_static`.

    Raises:
        FlorascopeError: ONNX Runtime cannot quantise this network.
    """
    with tempfile.TemporaryDirectory(prefix="florascope-int8-") as folder, _quiet():
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        with _refused(graph):
            _fold(graph, plain)
            quantize_static(
                str(plain),
                str(small),
                _Images(images),
                nodes_to_exclude=list(HEAD),
                **way,
            )
            return _trimmed(onnx.load(small))


def folded_graph(graph: Path) -> onnx.ModelProto:
    """Read a bundle's graph with all that is constant computed, so that weights are weights.

    Raises:
        FlorascopeError: ONNX Runtime cannot read it.
    """
    with tempfile.TemporaryDirectory(prefix="florascope-fold-") as folder, _refused(graph):
        _fold(graph, Path(folder) / "plain.onnx")
        return _trimmed(onnx.load(Path(folder) / "plain.onnx"))


@contextmanager
def _refused(graph: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # ONNX Runtime raises many kinds
        raise FlorascopeError(
            f"{graph} cannot be quantised ({type(error).__name__}:"
            f" {str(error).splitlines()[0] if str(error) else 'no reason given'})",
            fix="Export it as it is, as onnx",
        ) from error


def _fold(graph: Path, plain: Path) -> None:
    """Fold what is constant, such as the casts of half precision, so that weights are weights."""
    options = quiet_options()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(plain)
    open_session(str(graph), options)


def _trimmed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Leave out the operator sets that no node uses; ONNX Runtime names all that it knows."""
    used = {node.domain for node in model.graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser from advising on the root logger."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
