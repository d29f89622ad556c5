"""A tensor inside an ONNX file: its numbers, and whether they are what weights and sizes can be."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from florascope.model.onnx_message import Message, text

MAX_WHOLE = 2**24  # of a size in a graph, but for the sentinels that mean "to the end"
SENTINEL = 2**31 - 1
NUMPY = {1: "<f4", 2: "u1", 3: "i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "u1", 10: "<f2"}
NUMPY |= {11: "<f8", 12: "<u4", 13: "<u8"}
"""NumPy's types by ONNX's numbers of them."""

_TYPED = {"float_data": "<f4", "double_data": "<f8", "int32_data": None, "int64_data": None}
"""Where numbers may lie unless they are raw; None: decoded already."""


def check_tensor(tensor: Message) -> None:
    """Check that a tensor is all there, in this file, finite, and no size in it enormous.

    Raises:
        ValueError: it is not so.
    """
    name = text(tensor, "name")[:80]
    if tensor.get("data_type") not in NUMPY:
        raise ValueError(f"tensor {name!r} has the type {tensor.get('data_type')}")
    if tensor.get("data_location", 0) != 0:
        raise ValueError(f"tensor {name!r} lies in another file")
    if any(d < 0 for d in tensor["dims"]):
        raise ValueError(f"tensor {name!r} has the shape {tensor['dims'][:8]}")
    values, count = numbers(tensor), math.prod(tensor["dims"])
    if len(values) != count:
        raise ValueError(f"tensor {name!r} has {len(values):,} of {count:,} numbers")
    if not _sound(values):
        raise ValueError(f"tensor {name!r} holds what is not finite, or no size")


def numbers(tensor: Message) -> NDArray[Any]:
    """Return a tensor's numbers, (n,); those of float16 in 32-bit fields as whole numbers.

    Raises:
        ValueError: they are there twice, or cut short.
    """
    typed = [name for name in _TYPED if tensor[name]]
    raw, dtype = tensor.get("raw_data", b""), np.dtype(NUMPY[tensor["data_type"]])
    if len(typed) + (len(raw) > 0) > 1:
        raise ValueError(f"tensor {text(tensor, 'name')[:80]!r} has its numbers twice")
    if not typed:
        if len(raw) % dtype.itemsize:
            raise ValueError(f"tensor {text(tensor, 'name')[:80]!r} is cut short")
        return np.frombuffer(raw, dtype)
    kind, values = _TYPED[typed[0]], tensor[typed[0]]
    return np.array(values, np.int64) if kind is None else np.frombuffer(b"".join(values), kind)


def sentinel(number: int) -> bool:
    """Whether a number is so large that it means "to the end"."""
    return abs(number) >= SENTINEL


def _sound(values: NDArray[Any]) -> bool:
    """Whether floats are finite (a lone infinity is a bound) and 64-bit numbers are sizes."""
    if values.dtype.kind == "f":
        return bool(np.isfinite(values).all()) or (len(values) == 1 and not np.isnan(values[0]))
    if values.dtype.itemsize < 8:
        return True
    over = (values > MAX_WHOLE) & (values < SENTINEL)
    under = (values < -MAX_WHOLE) & (values > -SENTINEL)
    return not bool((over | under).any())
