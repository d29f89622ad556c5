"""Headers held against the safetensors library; what harms is in tests/fire."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from florascope.bundle.safetensors_header import Stored, read_header
from florascope.errors import WeightsError

DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@given(
    st.lists(st.tuples(st.sampled_from(sorted(DTYPES)), st.lists(st.integers(0, 4), max_size=3)))
)
def test_what_the_library_writes(tensors: list[tuple[str, list[int]]]) -> None:
    import tempfile

    made = {f"t{k}": torch.zeros(s, dtype=DTYPES[d]) for k, (d, s) in enumerate(tensors)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "w.safetensors"
        save_file(made, path, metadata={"format": "pt"})
        header = read_header(path)
    assert {name: (s.dtype, list(s.shape)) for name, s in header.items()} == {
        f"t{k}": (d, s) for k, (d, s) in enumerate(tensors)
    }


def test_places_follow_one_another(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2), "b": torch.zeros(3, 2)}, tmp_path / "w")
    assert read_header(tmp_path / "w") == {
        "a": Stored("F32", (2,), 0, 8),
        "b": Stored("F32", (3, 2), 8, 32),
    }


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone cannot be read \(No such file"):
        read_header(tmp_path / "gone")


def test_a_short_file_is_told_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"abc")
    with pytest.raises(WeightsError) as info:
        read_header(tmp_path / "w")
    assert info.value.expected == "safetensors (pickled weights are never loaded)"
