"""What a safetensors file holds, read without torch and believed only where it adds up.

https://huggingface.co/docs/safetensors: 8 bytes with the header's length, little-endian; the
header, JSON; the tensors' bytes, one after another.
"""

import math
from pathlib import Path
from typing import IO, Any, NamedTuple

from florascope.errors import WeightsError
from florascope.strict_json import parse_json

MAX_HEADER = 16 * 2**20
MAX_DIMENSIONS = 8
PICKLED = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2}
SIZES |= {"I8": 1, "U8": 1, "BOOL": 1}
"""Bytes of a number, by the dtypes that weights may have."""


class Stored(NamedTuple):
    """One tensor: its dtype in safetensors' words, its shape, and where its bytes lie."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(path: Path) -> dict[str, Stored]:
    """Read which tensors a safetensors file holds.

    Returns:
        The tensors by name. Together they are the whole file, none over another.

    Raises:
        WeightsError: the file is missing, pickled, cut short or does not add up.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            entries, used = _read(file, size)
        return _tensors(entries, size - used)
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read ({error.strerror or error})",
            expected="a file that you may read",
        ) from error
    except ValueError as error:
        raise WeightsError(
            f"{path} is not a safetensors file ({error})",
            expected="safetensors (pickled weights are never loaded)",
        ) from error


def _read(file: IO[bytes], size: int) -> tuple[Any, int]:
    """Return the header and how many bytes lie before the tensors."""
    begin = file.read(8)
    length = int.from_bytes(begin, "little")
    if begin.startswith(PICKLED):
        raise ValueError("it is pickled")
    if length > min(MAX_HEADER, size - 8):
        raise ValueError(
            f"a header of {length:,} bytes in a file of {size:,}, at most {MAX_HEADER:,}"
        )
    return parse_json(file.read(length)), 8 + length


def _tensors(entries: Any, size: int) -> dict[str, Stored]:  # noqa: ANN401 (any JSON value)
    if not isinstance(entries, dict):
        raise ValueError("the header is no object")  # noqa: TRY004 (the caller reports it)
    note = entries.pop("__metadata__", {})
    if not isinstance(note, dict) or not all(isinstance(text, str) for text in note.values()):
        raise ValueError("__metadata__ holds other than texts")
    stored = {name: _stored(name, entry) for name, entry in entries.items()}
    end = 0
    for name, tensor in sorted(stored.items(), key=lambda item: item[1][2:]):
        if tensor.start != end:
            raise ValueError(f"{name[:60]!r} begins at {tensor.start}, not at {end}")
        end = tensor.stop
    if end != size:
        raise ValueError(f"{end:,} bytes of tensors, and {size:,} are there")
    return stored


def _stored(name: str, entry: Any) -> Stored:  # noqa: ANN401 (any JSON value)
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name[:60]!r} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise ValueError(f"{name[:60]!r} has dtype {str(dtype)[:60]!r}")
    if not (_whole_numbers(shape) and len(shape) <= MAX_DIMENSIONS):
        raise ValueError(f"{name[:60]!r} has the shape {str(shape)[:60]}")
    if not (_whole_numbers(offsets) and len(offsets) == 2):
        raise ValueError(f"{name[:60]!r} lies at {str(offsets)[:60]}")
    if offsets[1] - offsets[0] != math.prod(shape) * SIZES[dtype]:
        raise ValueError(f"{name[:60]!r} of shape {shape} lies at {offsets}")
    return Stored(dtype, tuple(shape), *offsets)


def _whole_numbers(values: Any) -> bool:  # noqa: ANN401 (any JSON value)
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)
