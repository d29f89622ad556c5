"""Bundles of strangers who mean harm: each is refused with a sentence, and nothing runs."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file

from florascope.errors import BundleError
from florascope.identify.identifier import Identifier
from florascope.nets.saving import load_classifier

Payload = import_module("payload").Payload
PHOTO = np.random.default_rng(0).integers(0, 256, (80, 90, 3), dtype=np.uint8)
Damage = Callable[[Path, Path], object]


def answer(bundle: Path) -> object:
    return Identifier(bundle)(PHOTO)


@pytest.fixture
def bundle(honest: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "bundle"
    shutil.copytree(honest, copy)
    return copy


def test_the_honest_bundle_is_read_by_both(bundle: Path) -> None:
    assert load_classifier(bundle).classes[2].name == "class 2"
    assert Identifier(bundle)(PHOTO).verdict.level in {"species", "unsure"}


def refused(
    readers: list[Callable[[Path], object]], bundle: Path, canary: Path, match: str
) -> None:
    """Refuse with a BundleError that says so; leave everything as it was."""
    before = sorted(bundle.parent.rglob("*"))
    for reader in readers:
        with pytest.raises(BundleError, match=match) as info:
            reader(bundle)
        assert len(str(info.value)) < 2000
        assert not canary.exists()
    assert sorted(bundle.parent.rglob("*")) == before


# --- config.json, which both readers read first ---


def lie(*path: str | int, to: Any) -> Damage:
    """Put another value at a place of the config."""

    def damage(bundle: Path, _: Path) -> None:
        values = json.loads((bundle / "config.json").read_text())
        place = values
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to
        (bundle / "config.json").write_text(json.dumps(values))

    return damage


def raw(text: str) -> Damage:
    return lambda bundle, _: (bundle / "config.json").write_text(text)


def inserted(text: str) -> Damage:
    """Put text at the beginning of the config's object."""

    def damage(bundle: Path, _: Path) -> None:
        path = bundle / "config.json"
        path.write_text("{" + text + "," + path.read_text().lstrip()[1:])

    return damage


def linked(name: str) -> Damage:
    def damage(bundle: Path, canary: Path) -> None:
        secret = bundle.parent / "secret"
        secret.write_bytes((bundle / name).read_bytes())
        (bundle / name).unlink()
        (bundle / name).symlink_to(secret)

    return damage


def replaced(name: str, make: Callable[[Path], object]) -> Damage:
    def damage(bundle: Path, canary: Path) -> None:
        (bundle / name).unlink()
        make(bundle / name)

    return damage


def sparse(size: int) -> Callable[[Path], object]:
    """A file as large as one likes that takes no room."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(size)

    return make


own = ("florascope", "preprocessing")
CONFIGS: dict[str, tuple[Damage, str]] = {
    "more classes": (lie("num_classes", to=4), "names 3 classes and num_classes 4"),
    "no classes": (lie("florascope", "classes", to=[]), "names 0 classes|thresholds"),
    "one id twice": (lie("florascope", "classes", 1, "id", to="0"), "3 classes with 2 ids"),
    "an id of another kind": (lie("florascope", "classes", 1, "id", to=1), "no text"),
    "a terminal's command": (lie("florascope", "classes", 0, "name", to="\x1b[2J"), "the name"),
    "a turned name": (lie("florascope", "classes", 0, "name", to="x\u202egpj"), "the name"),
    "an endless name": (lie("florascope", "classes", 0, "name", to="x" * 10**6), "the name"),
    "half a character": (lie("florascope", "classes", 0, "name", to="\ud800"), "the name"),
    "a size of 10^9": (lie(*own, "size", to=10**9), "out of range"),
    "a size of text": (lie(*own, "size", to="64"), "do not fit|out of range"),
    "no crop": (lie(*own, "crop_pct", to=1e-9), "out of range"),
    "another resampling": (lie(*own, "interpolation", to="__class__"), "do not fit"),
    "an unknown setting": (lie(*own, "run", to="touch x"), "do not fit"),
    "lists for means": (lie(*own, "mean", to=[[1], [2], [3]]), "out of range"),
    "a deviation of 0": (lie(*own, "std", to=[0, 1, 1]), "out of range"),
    "a tiny deviation": (lie(*own, "std", to=[1e-300, 1, 1]), "out of range"),
    "no temperature": (lie("florascope", "calibration", "temperature", to=1e-300), "temperature"),
    "text for a figure": (lie("florascope", "calibration", "level", to="all"), "garbles"),
    "another schema": (lie("florascope", "schema", to="florascope-bundle/9"), "schema"),
    "a fraction of features": (lie("num_features", to=96.5), "no count"),
    "arguments of a list": (lie("model_args", to=["pad_type"]), "model_args"),
    "an enormous argument": (lie("model_args", to={"img_size": 10**9}), "model_args with"),
    "countless arguments": (lie("model_args", to={"layers": [1] * 9999}), "more than 200"),
    "a key twice": (inserted('"architecture": "evil"'), "'architecture' twice"),
    "no number": (inserted('"x": NaN'), "NaN is no number"),
    "infinity in disguise": (inserted('"x": 1e999'), "too large for a number"),
    "too many digits": (inserted('"x": ' + "9" * 5000), "a number of 5000 digits"),
    "deep nesting": (inserted('"x": ' + "[" * 100_000 + "]" * 100_000), "nested deeper than 32"),
    "some nesting": (inserted('"x": ' + "[" * 50 + "]" * 50), "nested deeper than 32"),
    "no object": (raw("[]"), "schema None"),
    "no JSON": (raw("{"), "cannot be read"),
    "nothing": (raw(""), "cannot be read"),
    "a link": (linked("config.json"), "is a link"),
    "a giant": (replaced("config.json", sparse(2**34)), "has 17,179,869,184 bytes"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_a_config_that_lies(case: str, bundle: Path, canary: Path) -> None:
    damage, match = CONFIGS[case]
    damage(bundle, canary)
    refused([answer, load_classifier], bundle, canary, match)


CLAIMS: dict[str, tuple[Damage, str]] = {
    "a network from a hub": (lie("architecture", to="hf-hub:evil/model"), "timm has no backbone"),
    "a network from a folder": (lie("architecture", to="local-dir:/tmp"), "timm has no backbone"),
    "a network from above": (lie("architecture", to="../../evil"), "timm has no backbone"),
    "another network": (lie("architecture", to="resnet18"), "does not fit resnet18"),
    "a checkpoint": (lie("model_args", to={"checkpoint_path": "evil.pth"}), "not the network's"),
    "a download": (lie("model_args", to={"pretrained": True}), "not the network's own"),
    "an unknown argument": (lie("model_args", to={"evil": 1}), "timm cannot make"),
    "more features": (lie("num_features", to=97), "claims 97 features"),
    "another classifier": (lie("pretrained_cfg", "classifier", to="conv1"), "classifier 'conv1'"),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_a_config_that_lies_about_the_network(case: str, bundle: Path, canary: Path) -> None:
    damage, match = CLAIMS[case]
    damage(bundle, canary)
    refused([load_classifier], bundle, canary, match)


# --- model.safetensors ---


def packed(header: Any, body: bytes = b"") -> Callable[[Path], object]:
    """Write a safetensors file by hand."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return lambda path: path.write_bytes(len(text).to_bytes(8, "little") + text + body)


def tensor(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


def changed(**tensors: torch.Tensor) -> Damage:
    def damage(bundle: Path, _: Path) -> None:
        path = bundle / "model.safetensors"
        save_file({**load_file(path), **tensors}, path)

    return damage


def pickled(name: str) -> Damage:
    return lambda bundle, canary: (bundle / name).write_bytes(pickle.dumps(Payload(canary)))


def torch_saved(name: str) -> Damage:
    return lambda bundle, canary: torch.save({"w": Payload(canary)}, bundle / name)


def weights(make: Callable[[Path], object]) -> Damage:
    return replaced("model.safetensors", make)


DUPLICATE = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{}}'
BAD = torch.zeros(32)
SAFETENSORS: dict[str, tuple[Damage, str]] = {
    "a pickle": (pickled("model.safetensors"), "it is pickled"),
    "a torch file": (torch_saved("model.safetensors"), "it is pickled"),
    "a header of 2^63 bytes": (
        weights(lambda p: p.write_bytes(b"\0" * 7 + b"\x80" + b"{}")),
        "a header of 9,223,372,036,854,775,808 bytes",
    ),
    "a header of 20 MB": (weights(packed(b" " * 20_000_000 + b"{}")), "a header of 20,000,002"),
    "a header cut short": (weights(packed(b'{"a":')), "not a safetensors file"),
    "a header of a list": (weights(packed([])), "the header is no object"),
    "a name twice": (weights(packed(DUPLICATE, bytes(8))), "key 'a' twice"),
    "deep nesting": (weights(packed(b"[" * 99_999)), "nested deeper"),
    "notes of numbers": (weights(packed({"__metadata__": {"a": 1}})), "other than texts"),
    "an overlap": (
        weights(packed({"a": tensor(), "b": tensor(data_offsets=[4, 12])}, bytes(12))),
        "'b' begins at 4, not at 8",
    ),
    "a hole": (weights(packed({"a": tensor(data_offsets=[4, 12])}, bytes(12))), "begins at 4"),
    "beyond the end": (weights(packed({"a": tensor()}, bytes(4))), "8 bytes of tensors, and 4"),
    "more than it says": (weights(packed({"a": tensor()}, bytes(9))), "and 9 are there"),
    "backwards": (weights(packed({"a": tensor(data_offsets=[8, 0])}, bytes(8))), "lies at"),
    "negative": (weights(packed({"a": tensor(data_offsets=[-8, 0])}, b"")), "lies at"),
    "an enormous shape": (weights(packed({"a": tensor(shape=[2**40] * 3)}, bytes(8))), "of shape"),
    "a shape of fractions": (weights(packed({"a": tensor(shape=[2.0])}, bytes(8))), "the shape"),
    "an unknown dtype": (weights(packed({"a": tensor(dtype="OBJ")}, bytes(8))), "dtype 'OBJ'"),
    "a path for a name": (changed(**{"../../evil": BAD}), "1 left over.*evil"),
    "no numbers": (changed(**{"bn1.bias": BAD + float("nan")}), "not finite numbers .bn1.bias"),
    "infinity": (changed(**{"bn1.bias": BAD + float("inf")}), "not finite numbers"),
    "another shape": (changed(**{"bn1.bias": torch.zeros(33)}), "1 of another shape"),
    "another head": (changed(**{"fc.bias": torch.zeros(9)}), "classifier of shapes"),
    "nothing": (weights(lambda p: p.touch()), "not a safetensors file"),
    "a link": (linked("model.safetensors"), "is a link"),
    "a pipe": (weights(os.mkfifo), "is no plain file"),
    "a folder": (weights(Path.mkdir), "is no plain file"),
}


@pytest.mark.parametrize("case", SAFETENSORS)
def test_weights_that_harm(case: str, bundle: Path, canary: Path) -> None:
    damage, match = SAFETENSORS[case]
    damage(bundle, canary)
    refused([load_classifier], bundle, canary, match)


# --- model.onnx ---


def graph(change: Callable[[Any], object]) -> Damage:
    """Change the honest graph with the onnx package."""

    def damage(bundle: Path, _: Path) -> None:
        path = bundle / "model.onnx"
        model = onnx.load(path)
        change(model)
        path.write_bytes(model.SerializeToString())

    return damage


def weight(change: Callable[[Any], object]) -> Damage:
    """Change the classifier's weights in the graph."""
    return graph(lambda m: change(next(t for t in m.graph.initializer if t.name == "head.weight")))


def outside(tensor: Any, location: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


def filled(number: float, where: Any = 5) -> Callable[[Any], object]:
    def change(tensor: Any) -> None:
        values = numpy_helper.to_array(tensor).copy()
        values.flat[where] = number
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))

    return change


def operator(name: str, domain: str = "", **attributes: Any) -> Damage:
    """Let another operator make the logits."""

    def change(model: Any) -> None:
        head = next(n for n in model.graph.node if n.output[0] == "logits")
        head.output[0] = "before"
        node = helper.make_node(name, ["before"], ["logits"], domain=domain, **attributes)
        model.graph.node.append(node)

    return graph(change)


def branch() -> Any:
    made = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    node = helper.make_node("Constant", [], ["x"], value_float=1.0)
    return helper.make_graph([node], "branch", [], [made])


def expanded(model: Any) -> None:
    """Make a hundred billion numbers of one."""
    sizes = numpy_helper.from_array(np.array([10**4, 10**4, 10**3]), "sizes")
    model.graph.initializer.append(sizes)
    model.graph.node.append(helper.make_node("Expand", ["head.bias", "sizes"], ["much"]))


def output_shape(name: str, place: int, size: int) -> Damage:
    def change(model: Any) -> None:
        entries = [*model.graph.input, *model.graph.output]
        entry = next(e for e in entries if e.name == name)
        entry.type.tensor_type.shape.dim[place].dim_value = size

    return graph(change)


def function(model: Any) -> None:
    model.functions.add(name="evil", domain="evil")


def sparse_tensor(model: Any) -> None:
    model.graph.sparse_initializer.add().dims.append(3)


def graph_bytes(data: bytes) -> Damage:
    return lambda bundle, _: (bundle / "model.onnx").write_bytes(data)


MAY_NOT = r"model\.onnx is not a graph that may be run: .*"
GRAPHS: dict[str, tuple[Damage, str]] = {
    "a pickle": (pickled("model.onnx"), MAY_NOT),
    "a torch file": (torch_saved("model.onnx"), MAY_NOT),
    "nothing": (graph_bytes(b""), MAY_NOT + "no graph"),
    "text": (graph_bytes(b"<!doctype html>"), MAY_NOT),
    "onnxruntime's own format": (graph_bytes(b"\x12\x10xxORTM" + bytes(12)), "own format"),
    "cut short": (
        lambda b, _: (b / "model.onnx").write_bytes((b / "model.onnx").read_bytes()[:-9]),
        MAY_NOT + "cut short",
    ),
    "data in /etc": (weight(lambda t: outside(t, "/etc/passwd")), "another file .external data"),
    "data above": (weight(lambda t: outside(t, "../../secret")), "another file .external data"),
    "data beside": (weight(lambda t: outside(t, "model.safetensors")), "external data"),
    "data nowhere": (weight(lambda t: setattr(t, "data_location", 1)), "lies in another file"),
    "an unknown operator": (operator("Evil"), "operator 'Evil' is not one of those allowed"),
    "an operator of others": (operator("Relu", "evil.ops"), "operator 'evil.ops.Relu'"),
    "an operator of Microsoft": (operator("Gelu", "com.microsoft"), "com.microsoft.Gelu"),
    "a branch": (operator("If", then_branch=branch(), else_branch=branch()), "a graph inside"),
    "a loop": (operator("Loop", body=branch()), "a graph inside an operator"),
    "a hidden graph": (operator("Relu", body=branch()), "a graph inside an operator"),
    "a function": (graph(function), MAY_NOT + "functions"),
    "a sparse tensor": (graph(sparse_tensor), "sparse tensors"),
    "an enormous pad": (operator("Relu", pads=[10**9]), "Relu has pads 1000000000"),
    "an enormous tensor": (graph(expanded), "Expand makes 1e.11 numbers"),
    "no numbers": (weight(filled(float("nan"))), "'head.weight' holds what is not finite"),
    "infinity": (weight(filled(float("inf"))), "'head.weight' holds what is not finite"),
    "overflow": (weight(filled(3e38, slice(None))), "not all finite numbers"),
    "fewer numbers": (weight(lambda t: t.dims.append(7)), "of 2,016 numbers"),
    "a negative side": (weight(lambda t: t.dims.append(-1)), "has the shape"),
    "numbers twice": (weight(lambda t: t.float_data.append(1)), "has its numbers twice"),
    "texts for numbers": (weight(lambda t: setattr(t, "data_type", 8)), "has the type 8"),
    "other classes": (output_shape("logits", 1, 9), "its logits has the shape .None, 9"),
    "another input": (output_shape("image", 2, 65), "its image has the shape"),
    "grey input": (output_shape("image", 1, 1), "its image has the shape"),
    "other features": (output_shape("features", 1, 95), "its features has the shape|cannot be run"),
    "no logits": (
        graph(lambda m: m.graph.output.remove(m.graph.output[0])),
        "not image to logits",
    ),
    "a side's name in no encoding": (
        lambda b, _: (b / "model.onnx").write_bytes(
            (b / "model.onnx").read_bytes().replace(b"\x12\x05batch", b"\x12\x05b\xfctch")
        ),
        MAY_NOT + "utf-8",
    ),
    "a second input": (
        graph(lambda m: m.graph.input.append(helper.make_tensor_value_info("secret", 1, [1]))),
        "not image to logits",
    ),
    "a link": (linked("model.onnx"), "is a link"),
    "a pipe": (replaced("model.onnx", os.mkfifo), "is no plain file"),
    "more than protobuf holds": (replaced("model.onnx", sparse(2**32)), "has 4,294,967,296 bytes"),
}


@pytest.mark.parametrize("case", GRAPHS)
def test_graphs_that_harm(case: str, bundle: Path, canary: Path) -> None:
    damage, match = GRAPHS[case]
    damage(bundle, canary)
    refused([answer], bundle, canary, match)
