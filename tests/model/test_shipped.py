"""The bundle that ships, read by plain timm, plain safetensors and plain ONNX Runtime."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import timm
import torch
from safetensors.torch import load_file

from florascope.data.garden.collection import garden
from florascope.data.oxford102 import oxford102, oxford102_classes
from florascope.data.splits import choose_split
from florascope.model.bundle import find_bundle, read_config, shipped_bundles
from florascope.runtime.identifier import Identifier

NAME = "flowers102-mobilenetv2"
MOST_BYTES = 16 * 2**20
CSV = "split_80_10_10_udacity.csv"


@pytest.fixture(scope="module")
def bundle() -> Path:
    return find_bundle(NAME)


@pytest.fixture(scope="module")
def inputs(bundle: Path) -> Any:
    """Drawn flowers and noise, as the network gets them, (5, 3, size, size)."""
    contract = read_config(bundle).preprocessing
    drawn = [contract(photo.read()) for photo in garden(per_class=10).photos[::25]]
    noise = np.random.default_rng(0).normal(0, 1, (1, *drawn[0].shape))
    return np.concatenate([np.stack(drawn[:4]), noise]).astype(np.float32)


def test_it_is_there_and_small(bundle: Path) -> None:
    assert shipped_bundles() == (NAME,)
    assert sum(file.stat().st_size for file in bundle.iterdir()) <= MOST_BYTES
    assert read_config(bundle).classes == oxford102_classes()


def test_timm_and_onnx_runtime_give_the_same_logits(bundle: Path, inputs: Any) -> None:
    told = json.loads((bundle / "config.json").read_text())
    net = timm.create_model(told["architecture"], num_classes=told["num_classes"])
    net.load_state_dict({k: v.float() for k, v in load_file(bundle / "model.safetensors").items()})
    with torch.no_grad():
        expected = net.eval()(torch.from_numpy(inputs)).numpy()
    session = ort.InferenceSession(str(bundle / "model.onnx"))
    (found,) = session.run(["logits"], {"image": inputs})
    assert abs(found - expected).max() <= 1e-3


def test_the_map_plus_the_bias_is_the_logit(bundle: Path, inputs: Any) -> None:
    session = ort.InferenceSession(str(bundle / "model.onnx"))
    logits, maps = session.run(["logits", "cam"], {"image": inputs})
    bias = load_file(bundle / "model.safetensors")["classifier.bias"].float().numpy()
    np.testing.assert_allclose(maps.sum((2, 3)) + bias, logits, atol=1e-3)


@pytest.mark.real_data
def test_its_card_tells_the_truth_of_every_tenth_test_photo(bundle: Path, real_data: Path) -> None:
    dataset = oxford102(real_data)
    split = choose_split(dataset, str(real_data / "flowers-102" / CSV))
    chosen = split.test[::10]
    identify = Identifier(bundle)
    right = [
        identify(dataset.photos[i].read()).candidates(top=1)[0].index == dataset.labels[i]
        for i in chosen
    ]
    told = read_config(bundle).provenance["test"]
    assert told["n"] == len(split.test)
    missing = round((1 - told["top1"]) * told["n"])  # no sample can hold more errors than there are
    assert len(chosen) - sum(right) <= missing
    assert np.mean(right) == pytest.approx(told["top1"], abs=0.04)
