"""What is fed with strangers' bytes, and honest bytes to begin from; shared with the long runs.

A target takes any bytes. It returns what it made of them, raises FlorascopeError where it refuses
them, and raises anything else only where florascope is wrong.
"""

import io
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from florascope.bundle.config import BundleConfig, read_config
from florascope.bundle.onnx_check import check_graph
from florascope.bundle.safetensors_header import read_header
from florascope.data.dataset import ClassName
from florascope.data.manifest import manifest
from florascope.data.splits import split_from_csv
from florascope.errors import FlorascopeError
from florascope.images import read_photo
from florascope.preprocessing import Preprocessing

sys.path.insert(0, str(Path(__file__).parent))
mutations: Any = import_module("mutations")

CONFIG = BundleConfig(
    architecture="test_resnet",
    model_args={"pad_type": "same"},
    classifier="fc",
    num_features=4,
    classes=(ClassName("1", "rose"), ClassName("2", "daisy")),
    preprocessing=Preprocessing(size=8),
    provenance={"data": "planted", "test": {"top1": 0.5}},
)


@dataclass(frozen=True)
class Target:
    """One reader under fire.

    Attributes:
        name: for the command line.
        run: takes the bytes.
        seeds: honest inputs.
        words: what the format is made of, for the mutations of bytes.
        mutate: a change of what the bytes mean.
    """

    name: str
    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    words: tuple[str, ...] = ()
    mutate: Callable[[bytes, random.Random], bytes] | None = None


@cache
def room() -> Path:
    """A folder of this process's own, in memory where that is to be had."""
    shm = Path("/dev/shm")
    parent = shm if os.access(shm, os.W_OK) else None
    return Path(tempfile.mkdtemp(prefix="florascope-fire-", dir=parent))


def photo(data: bytes) -> object:
    rgb = read_photo(data)
    assert rgb.dtype == np.uint8
    assert rgb.ndim == 3
    assert rgb.shape[2] == 3
    return rgb.shape


def photo_seeds() -> list[bytes]:
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (9, 13, 3), dtype=np.uint8))
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 6, "maker"
    seeds = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        for mode in ("RGB", "L", "P", "RGBA", "CMYK", "1", "I;16", "LA", "F"):
            file = io.BytesIO()
            try:
                rgb.convert(mode).save(file, kind, exif=tags)
            except (OSError, ValueError, KeyError):  # a format has not every mode
                continue
            seeds.append(file.getvalue())
    for options in ({"progressive": True}, {"subsampling": 2}, {"icc_profile": b"junk" * 30}):
        file = io.BytesIO()
        rgb.save(file, "JPEG", **options)
        seeds.append(file.getvalue())
    for compression in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg", "tiff_adobe_deflate"):
        file = io.BytesIO()
        rgb.save(file, "TIFF", compression=compression)
        seeds.append(file.getvalue())
    for kind in ("GIF", "WEBP", "PNG"):
        file = io.BytesIO()
        rgb.save(file, kind, save_all=True, append_images=[rgb.rotate(180)])
        seeds.append(file.getvalue())
    return seeds


def _folder_of_photos() -> Path:
    folder = room() / "photos"
    if not folder.is_dir():
        folder.mkdir()
        for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
            Image.new("RGB", (4, 4)).save(folder / name)
    return folder


def table(data: bytes) -> object:
    path = _folder_of_photos() / "list.csv"
    path.write_bytes(data)
    return len(manifest(path))


def table_seeds() -> list[bytes]:
    return [
        b"path,label\na.jpg,rose\nb.jpg,daisy\nc.jpg,rose\nd.jpg,daisy\n",
        b'path,label,split\n"a.jpg",rose,train\r\nb.jpg,daisy,train\nc.jpg,rose,val\nd.jpg,daisy,test\n',
        "﻿Path,Label\n./a.jpg,Gänseblümchen\nb.jpg,10\n".encode(),
    ]


def split(data: bytes) -> object:
    folder = _folder_of_photos()
    listed = folder / "honest.csv"
    if not listed.exists():
        listed.write_bytes(table_seeds()[0])
    path = folder / "split.csv"
    path.write_bytes(data)
    return len(split_from_csv(path, manifest(listed)).train)


def split_seeds() -> list[bytes]:
    return [
        b"path,split\na.jpg,train\nb.jpg,val\nc.jpg,test\n",
        b"image_id,split,label\n1,train,rose\n2,valid,daisy\n",
    ]


def config(data: bytes) -> object:
    bundle = room() / "bundle"
    bundle.mkdir(exist_ok=True)
    (bundle / "config.json").write_bytes(data)
    read = read_config(bundle)
    json.dumps(read.to_json(), allow_nan=False).encode()
    return read.classes


def config_seeds() -> list[bytes]:
    plain = CONFIG.to_json()
    calibrated = json.loads(json.dumps(plain))
    calibrated["florascope"]["calibration"] = {
        "photos": 9,
        "temperature": 1.5,
        "ece_before": 0.1,
        "ece_after": 0.02,
        "level": 0.9,
        "thresholds": [0.4, 0.6],
        "alike": 0.5,
        "sure": 0.7,
    }
    return [json.dumps(value).encode() for value in (plain, calibrated)]


def graph(data: bytes) -> object:
    check_graph(data, CONFIG, "model.onnx")
    return True


def graph_run(data: bytes) -> object:
    """What the check lets through must load and answer, or be refused, without a crash."""
    from florascope.identify.identifier import Identifier

    bundle = room() / "bundle"
    bundle.mkdir(exist_ok=True)
    (bundle / "config.json").write_bytes(config_seeds()[0])
    (bundle / "model.onnx").write_bytes(data)
    return Identifier(bundle)(np.zeros((9, 9, 3), np.uint8)).verdict.level


def graph_seeds() -> list[bytes]:
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {
        "kernel": rng.normal(0, 1, (4, 3, 3, 3)),
        "head": rng.normal(0, 1, (2, 4)),
        "bias": np.zeros(2),
        "low": np.array(0.0),
    }
    tensors = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    tensors.append(helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]))
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["map"], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["map", "low"], ["positive"]),
        helper.make_node("ReduceMean", ["positive", "axes"], ["features"], keepdims=0),
        helper.make_node("Gemm", ["features", "head", "bias"], ["logits"], transB=1),
    ]

    def end(name: str, *shape: object) -> object:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    outputs = [end("logits", 2), end("features", 4)]
    made = helper.make_graph(nodes, "g", [end("image", 3, 8, 8)], outputs, tensors)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    return [bytes(model.SerializeToString())]


def header(data: bytes) -> object:
    """What the check lets through, the library must read as well, to the same shapes."""
    from safetensors.numpy import load_file

    path = room() / "weights.safetensors"
    path.write_bytes(data)
    stored = read_header(path)
    if any(tensor.dtype == "BF16" for tensor in stored.values()):  # NumPy has none
        return len(stored)
    found = {name: array.shape for name, array in load_file(path).items()}
    assert found == {name: tensor.shape for name, tensor in stored.items()}
    return len(stored)


def header_seeds() -> list[bytes]:
    from safetensors.numpy import save

    tensors: dict[str, Any] = {
        "a.weight": np.zeros((2, 3), np.float32),
        "b": np.zeros((), np.int64),
    }
    return [save(tensors), save(tensors, metadata={"format": "pt"}), save({})]


JSON_WORDS = ("null", "true", "1e999", "NaN", "-1", "[]", "{}", '""', "1e308", "99999999999")
TARGETS = {
    target.name: target
    for target in (
        Target("photo", photo, photo_seeds, ("Exif", "ICC_PROFILE", "IHDR", "acTL", "VP8X")),
        Target("manifest", table, table_seeds, ("path", "label", "split", "train", "..", "a.jpg")),
        Target("split", split, split_seeds, ("path", "image_id", "split", "label", "val")),
        Target("config", config, config_seeds, JSON_WORDS, mutations.mutate_json),
        Target(
            "graph",
            graph,
            graph_seeds,
            ("Conv", "If", "ai.onnx", "location"),
            mutations.mutate_graph,
        ),
        Target(
            "graph_run",
            graph_run,
            graph_seeds,
            ("Add", "Conv", "Relu", "MatMul"),
            mutations.mutate_graph,
        ),
        Target(
            "safetensors",
            header,
            header_seeds,
            (*JSON_WORDS, "dtype", "F32", "shape"),
            mutations.mutate_safetensors,
        ),
    )
}

__all__ = ["CONFIG", "TARGETS", "FlorascopeError", "Target", "room"]
