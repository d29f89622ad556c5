"""Let the shipped bundle tell strangers.

    python benchmarks/shipped/calibrate.py SPLIT.csv OUT [--data-dir DIR]

SPLIT.csv is the 80/10/10 split that the model was trained with (see README.md here). Class means
and likelihood ratio rest on the training photos, every figure on the validation photos; no test
photo is looked at. Weights, temperature and the outputs that were there stay as they are, so that
no probability moves: OUT is the bundle with one output more in model.onnx, and with the familiarity
and the shares that go with it in config.json.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from florascope.bundle.config import CONFIG, GRAPH, find_bundle, read_config
from florascope.bundle.onnx_check import check_graph
from florascope.calibration.calibration import DOUBTED_TOO, Calibrated, Calibration
from florascope.calibration.fitting import calibrate, lower_quantile
from florascope.data.oxford102 import oxford102
from florascope.data.splits import split_from_csv
from florascope.features.embedding import embed
from florascope.features.engines import Engine
from florascope.files import json_text
from florascope.metrics import softmax
from florascope.nets.onnx_graph import add_ratios
from florascope.nets.saving import load_classifier
from florascope.progress import progress_bars

BUNDLE = "flowers102-mobilenetv2"


def main() -> None:
    """Write the bundle that tells strangers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("split", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    shutil.copytree(find_bundle(BUNDLE), options.out)
    figures, means, ratio = _calibrated(options.out, options.split, options.data_dir)
    if ratio is None:
        raise ValueError("no likelihood ratio")
    model = onnx.load(options.out / GRAPH)
    known = {tensor.name: tensor for tensor in model.graph.initializer}
    # thresholds on cosines hold for the means that the graph has
    np.testing.assert_allclose(numpy_helper.to_array(known["means"]), means, atol=1e-3)
    add_ratios(model.graph, ratio)
    _write(options.out, model, figures)
    print(figures.alike, figures.sure, figures.familiarity)


def _calibrated(bundle: Path, split_file: Path, data_dir: Path | None) -> Calibrated:
    """Fit everything, and keep what does not concern strangers as it was."""
    classifier, old = load_classifier(bundle), read_config(bundle).calibration
    if old is None:
        raise ValueError("no calibration")
    with progress_bars() as progress:
        dataset = oxford102(data_dir, progress)
        features = embed(dataset.photos, Engine(classifier.backbone), progress=progress).values[0]
    head = classifier.head
    logits = features @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    split = split_from_csv(split_file, dataset)
    new, means, ratio = calibrate(np.asarray(features), logits, dataset.labels, split)
    shares = softmax(logits[split.val] / old.temperature).max(1)
    sure = lower_quantile(shares, DOUBTED_TOO)
    figures = replace(old, alike=new.alike, sure=sure, familiarity=new.familiarity)
    return Calibrated(figures, means, ratio)


def _write(bundle: Path, model: onnx.ModelProto, figures: Calibration) -> None:
    onnx.checker.check_model(model)
    config = replace(read_config(bundle), calibration=figures)
    graph = model.SerializeToString()
    check_graph(graph, config, str(bundle / GRAPH))
    (bundle / GRAPH).write_bytes(graph)
    (bundle / CONFIG).write_text(json_text(config.to_json(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
