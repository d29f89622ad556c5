"""Which way of quantising keeps most? Measured on validation photos, one row a way.

    python benchmarks/export/ways.py BUNDLE --split FILE.csv

Needs FLORASCOPE_DATA with flowers-102. Test photos are not looked at. Operators that
work on integers (QOperator) are none of those that a bundle may have. Writes results/ways.csv
beside this file, a row as soon as it is measured. What signed 8-bit weights keep depends on the
CPU: run it on one without VNNI, too.
"""

import argparse
import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationMethod, QuantType

from florascope.bundle.config import CONFIG, GRAPH, read_config
from florascope.data.oxford102 import oxford102
from florascope.data.splits import choose_split
from florascope.export.int8 import PHOTOS, fidelity
from florascope.export.quantisation import WAY, quantise
from florascope.identify.identifier import Identifier

WAYS: dict[str, dict[str, Any]] = {
    "chosen": {},
    "one scale a tensor": {"per_channel": False},
    "8-bit weights": {"reduce_range": False},
    "unsigned 8-bit weights": {"reduce_range": False, "weight_type": QuantType.QUInt8},
    "signed activations": {"activation_type": QuantType.QInt8},
    "ranges of 99.99 %": {
        "calibrate_method": CalibrationMethod.Percentile,
        "extra_options": {"CalibPercentile": 99.99},
    },
}


def main() -> None:
    """Measure every way and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--split", type=Path, required=True)
    options = parser.parse_args()
    with (Path(__file__).parent / "results" / "ways.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["way", "bytes", *HEADERS])
        for row in rows(options.bundle, options.split):
            print(*row)
            writer.writerow(row)
            file.flush()


HEADERS = (
    *("top1_before", "top1_after", "agreement", "logit_gap"),
    *("mean_logit_gap", "map_correlation", "least_map_correlation"),
)


def rows(bundle: Path, split_file: Path) -> Iterator[list[str]]:
    """Yield each way's figures on the validation photos."""
    preprocessing, dataset = read_config(bundle).preprocessing, oxford102()
    split = choose_split(dataset, str(split_file), 0)
    train = np.random.default_rng(0).permutation(split.train)[:PHOTOS]
    ranges = [preprocessing.crop(dataset.photos[i].read()) for i in train]
    photos = [dataset.photos[i].read() for i in split.val]
    plain = Identifier(bundle)
    before = [plain.observe(photo) for photo in photos]
    for name, change in WAYS.items():
        images = (preprocessing.normalise(crop[None]) for crop in ranges)
        graph = quantise(bundle / GRAPH, images, {**WAY, **change})
        after = observed(graph, bundle, photos)
        cost = fidelity(before, after, dataset.labels[split.val]).to_json()
        yield [name, str(graph.ByteSize()), *(f"{cost[header]:.4f}" for header in HEADERS)]


def observed(graph: onnx.ModelProto, bundle: Path, photos: list[np.ndarray]) -> list[Any]:
    """Run a graph in the bundle's place."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / GRAPH).write_bytes(graph.SerializeToString())
        (Path(folder) / CONFIG).write_bytes((bundle / CONFIG).read_bytes())
        other = Identifier(Path(folder))
        return [other.observe(photo) for photo in photos]


if __name__ == "__main__":
    main()
