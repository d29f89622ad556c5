"""Which engine a machine gets, by what it has."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from florascope.errors import FlorascopeError
from florascope.features import engines as engine_module
from florascope.features.engines import (
    EXACT,
    NAMED,
    VARIABLE,
    Engine,
    Machine,
    RuntimeChoice,
    choose_runtime,
)
from florascope.nets.backbone import Backbone
from florascope.nets.weights import load_backbone


@pytest.mark.parametrize(
    ("machine", "name", "reason"),
    [
        (Machine("Some GPU", bfloat16=True, openvino=True), "torch-bf16", "Some GPU"),
        (Machine("", bfloat16=True, openvino=True), "openvino-bf16", "bfloat16 in hardware"),
        (Machine("", bfloat16=True, openvino=False), "onnxruntime", "pip install florascope"),
        (Machine("", bfloat16=False, openvino=True), "onnxruntime", "no bfloat16 in this CPU"),
        (Machine("", bfloat16=False, openvino=False), "onnxruntime", "no GPU"),
    ],
)
def test_the_machine_decides_what_is_fastest(
    machine: Machine, name: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = choose_runtime(machine, "fast")
    assert choice.name == name
    assert reason in choice.reason
    monkeypatch.delenv(VARIABLE, raising=False)
    assert (
        choose_runtime(machine) == EXACT
    )  # speed at the price of exactness is never taken unasked


def test_the_variable_overrules(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine("", bfloat16=True, openvino=True)
    for name, (runtime, precision) in NAMED.items():
        monkeypatch.setenv(VARIABLE, name)
        assert choose_runtime(machine) == RuntimeChoice(
            runtime, precision, "FLORASCOPE_ENGINE asks for it"
        )
        assert choose_runtime(machine).name == name
    monkeypatch.setenv(VARIABLE, "auto")
    assert choose_runtime(machine).name == "openvino-bf16"


def test_an_unknown_engine_is_named_with_the_known() -> None:
    message = (
        "no engine is called 'abacus'. expected fast or one of onnxruntime, openvino, openvino-"
    )
    with pytest.raises(FlorascopeError, match=message):
        choose_runtime(Machine("", bfloat16=False, openvino=False), "abacus")


def test_an_engine_that_is_not_installed_says_how_to_install_it() -> None:
    with pytest.raises(FlorascopeError, match=r"not installed.*pip install florascope\[fast\]"):
        choose_runtime(Machine("", bfloat16=False, openvino=False), "openvino")


def test_training_needs_no_openvino_and_imports_nothing_that_a_probe_leaves_out() -> None:
    left_out = ("openvino", "lightning_fabric", "matplotlib", "scipy.stats", "onnxscript")
    code = (
        "import sys; sys.modules['openvino'] = None\n"
        "import florascope.api.training\n"
        f"print([name for name in {left_out} if sys.modules.get(name)])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_this_machine_can_be_looked_at() -> None:
    machine = Machine.here()
    asked = choose_runtime(machine, "onnxruntime")
    assert asked.name == EXACT.name == "onnxruntime"
    assert asked.reason == "it was asked for"
    assert machine.gpu == "" or choose_runtime(machine, "auto").runtime == "torch"


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
    digests.append(Engine(backbone, choose_runtime(MACHINE, "openvino")).digest())
    digests.append(Engine(backbone, choose_runtime(MACHINE, "openvino-bf16")).digest())
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
    plain, fast = Engine(backbone)(batch), Engine(backbone, choose_runtime(MACHINE, name))(batch)
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
    engine = Engine(backbone, choose_runtime(MACHINE, name))
    batches = [batch_of(1 + i % 3, seed=i) for i in range(12)]
    alone = [engine(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(engine, batches))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


SCRIPT = """
import os, signal, sys
import numpy as np
from florascope.nets.backbone import Backbone
from florascope.preprocessing import Preprocessing
from florascope.features.engines import OpenVino

batch = np.zeros((2, 3, 64, 64), np.float32)
first, second = (OpenVino(Backbone("test_resnet", Preprocessing(size=64)), "bf16") for _ in "ab")
first(batch), second(batch)
del first
del second
signal.signal(signal.SIGUSR1, lambda *_: print("handled"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


def test_signals_are_handled_after_engines_that_went_in_the_order_they_came() -> None:
    pytest.importorskip("openvino")
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ended.returncode, ended.stdout) == (0, "handled\n"), ended.stderr
