"""Every engine against PyTorch, and the fast ones against ONNX Runtime."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from florascope.model.backbone import Backbone
from florascope.model.weights import load_backbone
from florascope.training import engine as engine_module
from florascope.training.engine import Engine
from florascope.training.engine_choice import Machine, choose

MACHINE = Machine(gpu="", bfloat16=True, openvino=True)


def batch_of(photos: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (photos, 3, 160, 160)).astype(np.float32)


@pytest.mark.parametrize("photos", [1, 2, 5])
def test_features_are_pytorchs(photos: int, engine: Engine, backbone: Backbone) -> None:
    batch = batch_of(photos)
    found = engine(batch)
    with torch.no_grad():
        truth = backbone(torch.from_numpy(batch)).features.numpy()
    assert found.shape == (photos, engine.num_features)
    assert np.abs(found - truth).max() < 1e-4 * np.abs(truth).max()


def test_threads_do_not_disturb_each_other(engine: Engine) -> None:
    batches = [batch_of(1 + i % 3, seed=i) for i in range(12)]
    alone = [engine(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(engine, batches))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_digest_names_all_that_decides_the_features(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [Engine(backbone).digest()]
    assert Engine(load_backbone(backbone.name, "random")).digest() == digests[0]
    digests.append(Engine(backbone, choose(MACHINE, "openvino")).digest())
    digests.append(Engine(backbone, choose(MACHINE, "openvino-bf16")).digest())
    backbone.preprocessing = replace(backbone.preprocessing, mean=(0.0, 0.0, 0.0))
    digests.append(Engine(backbone).digest())
    monkeypatch.setattr(engine_module, "_version", lambda _: "0.0")
    digests.append(Engine(backbone).digest())
    with torch.no_grad():
        next(backbone.parameters()).add_(1e-3)
    digests.append(Engine(backbone).digest())
    assert len(set(digests)) == 6


def test_nothing_is_exported_before_it_is_needed(backbone: Backbone, cache: Path) -> None:
    with torch.no_grad():
        next(backbone.parameters()).mul_(0.5)  # weights whose graph no other test has made
    engine = Engine(backbone)
    graph = cache / "graphs" / f"{backbone.digest()}-{engine.preprocessing.size}.onnx"
    engine.digest()
    assert not graph.exists()
    engine(batch_of(1))
    assert graph.is_file()


@pytest.mark.parametrize(
    ("name", "worst"),
    [
        ("openvino", 1 - 1e-6),
        ("openvino-bf16", 0.99),
        ("torch", 1 - 1e-6),
        ("torch-bf16", 0.99),
    ],
)
def test_every_fast_engine_against_the_plain_one(
    name: str, worst: float, backbone: Backbone
) -> None:
    if name.startswith("openvino"):
        pytest.importorskip("openvino")
    batch = batch_of(6)
    plain, fast = Engine(backbone)(batch), Engine(backbone, choose(MACHINE, name))(batch)
    assert fast.dtype == np.float32
    lengths = np.linalg.norm(plain, axis=1) * np.linalg.norm(fast, axis=1)
    cosines = (plain * fast).sum(1) / lengths
    assert cosines.min() > worst
    assert np.abs(np.linalg.norm(fast, axis=1) / np.linalg.norm(plain, axis=1) - 1).max() < 0.02
    others = plain @ plain.T / np.outer(*[np.linalg.norm(plain, axis=1)] * 2)
    assert others[~np.eye(6, dtype=bool)].max() < cosines.min(), "photos must differ more"


@pytest.mark.parametrize("name", ["openvino", "torch"])
def test_fast_engines_serve_several_threads(name: str, backbone: Backbone) -> None:
    if name == "openvino":
        pytest.importorskip("openvino")
    engine = Engine(backbone, choose(MACHINE, name))
    batches = [batch_of(1 + i % 3, seed=i) for i in range(12)]
    alone = [engine(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine, batches))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
