"""Changes of what bytes mean, which changes of single bytes seldom reach."""

import copy
import json
import random
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 10**18, 0.5, -0.0, 1e-320, 1e308),
    *("", "x", "../../evil", "\x1b[2J", "\u202e", "é" * 300, "hf-hub:evil/model", "/etc/passwd"),
    *([], {}, [[]], [1, 2, 3], [[1], [2], [3]], {"": {}}, ["a", "b", "c"], [None] * 3),
)


def mutate_json(data: bytes, dice: random.Random) -> bytes:
    """Replace, remove, double or move some values of a JSON text."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data
    for _ in range(dice.randint(1, 3)):
        value = _changed(value, dice)
    return json.dumps(value).encode()


def mutate_safetensors(data: bytes, dice: random.Random) -> bytes:
    """Change the header's values and keep its length honest."""
    length = int.from_bytes(data[:8], "little")
    header = mutate_json(data[8 : 8 + length], dice)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def mutate_graph(data: bytes, dice: random.Random) -> bytes:
    """Change nodes, shapes and numbers of an ONNX model, or add a node."""
    import onnx

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
        _change_graph(model.graph, dice)
        return bytes(model.SerializeToString())
    except Exception:  # noqa: BLE001 (protobuf raises kinds of its own; bytes are for the others)
        return data


def _change_graph(graph: Any, dice: random.Random) -> None:
    from onnx import helper

    node, tensor = dice.choice(graph.node), dice.choice(graph.initializer)
    names = [name for n in graph.node for name in (*n.input, *n.output)]
    operators = ("Add", "Conv", "MatMul", "Reshape", "Expand", "Softmax", "If", "Gather", "Pad")
    kind = dice.randrange(7)
    if kind == 0:
        node.op_type = dice.choice(operators)
    elif kind == 1 and node.input:
        node.input[dice.randrange(len(node.input))] = dice.choice(names)
    elif kind == 2 and tensor.dims:
        tensor.dims[dice.randrange(len(tensor.dims))] = dice.choice([0, 1, 2, 2**31, -1])
    elif kind == 3:
        tensor.data_type = dice.randrange(18)
    elif kind == 4 and tensor.raw_data:
        tensor.raw_data = dice.randbytes(len(tensor.raw_data))
    elif kind == 5 and node.attribute:
        node.attribute[0].i = dice.choice([0, -1, 2**40, 7])
    else:
        made = helper.make_node(dice.choice(operators), [dice.choice(names)], ["made"])
        graph.node.insert(dice.randrange(len(graph.node)), made)


def _changed(value: Any, dice: random.Random) -> Any:
    if not isinstance(value, dict | list) or not value or dice.random() < 0.1:
        return copy.deepcopy(dice.choice(ODD))
    inside = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = dice.choice(inside)
    if dice.random() < 0.7:
        value[key] = _changed(value[key], dice)
    elif isinstance(value, dict) and dice.random() < 0.5:
        value[dice.choice(inside)] = value.pop(key)
    elif isinstance(value, list) and dice.random() < 0.5:
        value.append(value[key])
    else:
        del value[key]
    return value
