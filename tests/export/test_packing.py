"""Weights in few bits: by hand, against ONNX Runtime's own arithmetic, and within a size."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from florascope.errors import FlorascopeError
from florascope.export.packing import METADATA, pack, quantise_rows
from florascope.identify.identifier import Identifier


def values(path: Path | onnx.ModelProto) -> dict[str, np.ndarray]:
    model = onnx.load(path) if isinstance(path, Path) else path
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def gemm(path: Path, weight: np.ndarray, bias: np.ndarray) -> Path:
    """A graph of one matrix: x -> y = x W^T + b."""
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=1)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", side])
        for name, side in (("x", weight.shape[1]), ("y", weight.shape[0]))
    ]
    held = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], held)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def test_rows_by_hand() -> None:
    rows = np.array([[127.0, -127.0, 1.0, 0.4], [0.0, 0.0, 0.0, 0.0]], np.float32)
    scales, numbers = quantise_rows(rows, 8)
    assert scales[0] == 1.0
    assert numbers.tolist() == [[127, -127, 1, 0], [0, 0, 0, 0]]


def test_numbers_stay_within_their_bits_and_errors_within_half_a_step() -> None:
    rows = np.random.default_rng(0).normal(size=(20, 50)).astype(np.float32)
    for bits, top in ((8, 127), (4, 7)):
        scales, numbers = quantise_rows(rows, bits)
        assert np.abs(numbers.astype(int)).max() <= top
        errors = np.abs(numbers * scales[:, None] - rows)
        inside = np.abs(rows) <= top * scales[:, None]
        assert (errors <= scales[:, None] * 0.5001)[inside].all()


def test_few_bits_cut_off_what_stands_out_where_that_is_better() -> None:
    rows = np.random.default_rng(0).normal(size=(1, 400)).astype(np.float32)
    scales, numbers = quantise_rows(rows, 4)
    plain = np.abs(rows).max() / 7
    found, naive = (
        np.square(np.clip(np.rint(rows / s), -7, 7) * s - rows).sum() for s in (scales[0], plain)
    )
    assert scales[0] < plain
    assert found < naive
    assert np.square(numbers * scales[:, None] - rows).sum() == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("bits", [8, 4])
def test_the_graph_computes_with_numbers_times_scales(tmp_path: Path, bits: int) -> None:
    draw = np.random.default_rng(1)
    weight = draw.normal(size=(64, 3000)).astype(np.float32)
    bias = draw.normal(size=64).astype(np.float32)
    path = gemm(tmp_path / "model.onnx", weight, bias)
    packed = pack(path, megabytes=None if bits == 8 else 0.13)
    assert packed.ByteSize() < 64 * 3000 * bits / 8 + 3000
    scales, numbers = quantise_rows(weight, bits)
    x = draw.normal(size=(5, 3000)).astype(np.float32)
    truth = x @ (numbers * scales[:, None]).T + bias.astype(np.float16)
    np.testing.assert_allclose(run(packed, x), truth, rtol=1e-4, atol=1e-3)


def test_the_largest_tensor_is_the_first_to_have_four_bits(bundle: Path) -> None:
    whole = values(pack(bundle / "model.onnx"))
    sizes = {n: v.size for n, v in whole.items() if n.endswith(".packed")}
    assert all(whole[name].dtype == np.int8 for name in sizes)
    smaller = (pack(bundle / "model.onnx").ByteSize() + METADATA - 1) / 1e6
    once = values(pack(bundle / "model.onnx", smaller))
    (low,) = (n for n, v in once.items() if v.dtype == np.uint8)
    even = [n for n in sizes if len(whole[n]) % 2 == 0]
    assert sizes[low] == max(sizes[n] for n in even)
    assert once[low].size == sizes[low] // 2


def test_maps_still_sum_to_their_logits_and_the_head_is_there_once(
    bundle: Path, tmp_path: Path
) -> None:
    packed = pack(bundle / "model.onnx")
    assert not [name for name in values(packed) if name.startswith("cam.weight")]
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((bundle / name).read_bytes())
    onnx.save(packed, tmp_path / "model.onnx")
    photo = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    seen, before = (Identifier(path).observe(photo) for path in (tmp_path, bundle))
    bias = values(packed)["head.bias.half"].astype(np.float32)
    assert seen.maps is not None
    np.testing.assert_allclose(seen.maps.sum((1, 2)) + bias, seen.logits, rtol=1e-3, atol=1e-3)
    spread = np.ptp(before.logits)
    assert 0 < np.abs(seen.logits - before.logits).max() < 0.05 * spread


def test_without_maps_there_is_nothing_to_share(unmapped: Path) -> None:
    assert pack(unmapped / "model.onnx").ByteSize() < 0.4 * (unmapped / "model.onnx").stat().st_size


def test_a_size_that_cannot_be_reached(bundle: Path) -> None:
    with pytest.raises(FlorascopeError, match=r"at the least.*at most 0.01 MB.*megabytes=0\.\d\d"):
        pack(bundle / "model.onnx", 0.01)


def test_a_graph_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(FlorascopeError, match="cannot be quantised .* as onnx"):
        pack(tmp_path / "model.onnx")
