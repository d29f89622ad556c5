"""ONNX Runtime against PyTorch."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from florascope.model.backbone import Backbone
from florascope.model.weights import load_backbone
from florascope.training import engine as engine_module
from florascope.training.engine import Engine


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
    backbone.preprocessing = replace(backbone.preprocessing, mean=(0.0, 0.0, 0.0))
    digests.append(Engine(backbone).digest())
    monkeypatch.setattr(onnxruntime, "__version__", "0.0")
    digests.append(Engine(backbone).digest())
    with torch.no_grad():
        next(backbone.parameters()).add_(1e-3)
    monkeypatch.setattr(engine_module, "backbone_graph", lambda b: _named(b.digest()))
    monkeypatch.setattr(engine_module, "_session", lambda _: None)
    digests.append(Engine(backbone).digest())
    assert len(set(digests)) == 4


def _named(digest: str) -> Path:
    return Path(f"{digest}.onnx")
