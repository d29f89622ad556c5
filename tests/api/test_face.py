"""The script of the README, as a user types it: only `import florascope as fs`."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import florascope as fs


def test_the_script(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    new = str(photos / "lawn" / "3.png")
    data = fs.load(str(photos))
    probe = fs.Probe(backbone="test_resnet", weights="random", size=64, views=1)
    run = fs.train(data, probe, seed=3)
    assert run.metrics["test"].top1 >= 1 / 3
    assert len(run.errors) == round((1 - run.metrics["test"].top1) * run.metrics["test"].n)
    why = run.explain(new, against="red rose", method="sharp")
    why.save("why.png")
    assert "pass" in str(run.audit(limit=4))
    assert run.diagnosis.findings
    run.report("report.html", language="es")
    run.save("runs/mine")
    run = fs.open_run("runs/mine")
    model = fs.Model("runs/mine")
    answer = model.identify(new)
    assert answer.statement("es")
    assert pickle.loads(pickle.dumps(model)).identify(new).to_json() == answer.to_json()
    with pytest.raises(fs.FlorascopeError, match=r"runs.mine holds a training run.*open_run"):
        fs.load("runs/mine")
    assert answer.to_json()["candidates"][0]["name"] in {c.name for c in model.classes}
    assert '<html lang="es"' in Path("report.html").read_text(encoding="utf-8")
    assert Path("why.png").read_bytes()[:4] == b"\x89PNG"


def test_a_model_goes_wherever_a_bundle_does() -> None:
    """`fs.map` takes it, too: tests/cluster/test_engines.py."""
    model = fs.Model()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    why, same = fs.explain(model, pixels, method="cam"), fs.explain(SHIPPED, pixels, method="cam")
    assert str(why) == str(same)
    np.testing.assert_array_equal(why.values, same.values)
    assert fs.Model(model).classes == model.classes


def test_public_names_complete_and_resolve() -> None:
    assert dir(fs) == sorted(fs.__all__)
    for name in fs.__all__:
        assert getattr(fs, name) is not None


def test_a_name_that_is_not_public() -> None:
    with pytest.raises(AttributeError, match="module 'florascope' has no attribute 'teach'"):
        fs.teach  # noqa: B018


SHIPPED = "flowers102-mobilenetv2"
NET = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3),
    torch.nn.AdaptiveAvgPool2d(1),
    torch.nn.Flatten(),
    torch.nn.Linear(4, 3),
)
PIXELS = np.zeros((40, 40, 3), np.uint8)
BATCHES = [(torch.zeros(2, 3, 32, 32), torch.tensor([0, 1]))]
TINY = fs.Probe(backbone="test_resnet", weights="random", size=32)
WRONG: dict[str, Any] = {
    "None": None,
    "int": 3,
    "float": 0.5,
    "[]": [],
    "{}": {},
    "text": "nowhere",
    "path": Path("nowhere"),
    "bytes": b"x",
    "class": fs.Probe,
    "recipe": TINY,
}
CALLS: dict[str, tuple[Callable[[Any], object], str]] = {
    "load": (fs.load, ""),
    "load data_dir": (lambda x: fs.load("oxford102", data_dir=x), "None text path"),
    "load progress": (lambda x: fs.load("garden", progress=x), "None class"),
    "train": (lambda x: fs.train(x, TINY), ""),
    "train recipe": (lambda x: fs.train("garden", x), "None recipe"),
    "train split": (lambda x: fs.train("garden", TINY, split=x), "None text"),
    "train seed": (lambda x: fs.train("garden", TINY, seed=x), "None int"),
    "train engine": (lambda x: fs.train("garden", TINY, engine=x), "None"),
    "train force": (lambda x: fs.train("garden", TINY, force=x), "int float"),
    "train checkpoints": (lambda x: fs.train("garden", TINY, checkpoints=x), "None text path"),
    "open_run": (fs.open_run, ""),
    "suggest": (lambda x: fs.suggest(x, "photos"), ""),
    "suggest n": (lambda x: fs.suggest("runs/mine", "photos", n=x), ""),
    "explain": (lambda x: fs.explain(x, PIXELS), ""),
    "explain photo": (lambda x: fs.explain(NET, x), ""),
    "explain method": (lambda x: fs.explain(NET, PIXELS, x), "None"),
    "explain target": (lambda x: fs.explain(NET, PIXELS, target=x), "None"),
    "explain against": (lambda x: fs.explain(NET, PIXELS, against=x), "None"),
    "explain layers": (lambda x: fs.explain(NET, PIXELS, layers=x), "[]"),
    "wrap": (fs.wrap, ""),
    "wrap classes": (lambda x: fs.wrap(NET, x), "None"),
    "wrap preprocessing": (lambda x: fs.wrap(NET, preprocessing=x), "None {}"),
    "diagnose": (lambda x: fs.diagnose(x, BATCHES, BATCHES), ""),
    "diagnose train": (lambda x: fs.diagnose(NET, x, BATCHES), ""),
    "diagnose val": (lambda x: fs.diagnose(NET, BATCHES, x), ""),
    "diagnose optimizer": (lambda x: fs.diagnose(NET, BATCHES, BATCHES, optimizer=x), "None"),
    "diagnose frozen": (lambda x: fs.diagnose(NET, BATCHES, BATCHES, frozen=x), "[]"),
    "diagnose unknown": (lambda x: fs.diagnose(NET, BATCHES, BATCHES, lr=x), ""),
    "watch": (fs.watch, ""),
    "watch optimizer": (lambda x: fs.watch(NET, x), "None"),
    "import_keras": (fs.import_keras, ""),
    "import_onnx": (fs.import_onnx, ""),
    "map": (lambda x: fs.map(x, out="out"), ""),
    "map out": (lambda x: fs.map("nowhere", out=x), ""),
    "map model": (lambda x: fs.map("nowhere", out="out", model=x), ""),
    "map engine": (lambda x: fs.map("nowhere", out="out", engine=x), ""),
    "Model": (fs.Model, ""),
    "Model prior": (lambda x: fs.Model(prior=x), "None text path"),
    "Model threads": (lambda x: fs.Model(threads=x), "int"),
    "Preprocessing": (lambda x: fs.Preprocessing(size=x), "int"),
    "Preprocessing mean": (lambda x: fs.Preprocessing(mean=x), "[]"),
    "Probe": (lambda x: fs.Probe(views=x), "int"),
    "Dataset": (lambda x: fs.Dataset("two", x, np.zeros(0, np.int64), ()), ""),
}
"""Public calls, and what of WRONG each takes."""


@pytest.mark.parametrize("name", CALLS)
def test_arguments_of_another_kind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, taken = CALLS[name]
    for kind in WRONG.keys() - set(taken.split()):
        with pytest.raises(fs.FlorascopeError) as raised:
            call(WRONG[kind])
        assert raised.value.expected or raised.value.fix, kind


RUN_CALLS: dict[str, tuple[Callable[[fs.Run, Any], object], str]] = {
    "evaluate": (lambda run, x: run.evaluate(x), ""),
    "evaluate subset": (lambda run, x: run.evaluate([], subset=x), "None"),
    "evaluate seed": (lambda run, x: run.evaluate([], seed=x), "None int"),
    "confusion": (lambda run, x: run.confusion(x), ""),
    "mistakes": (lambda run, x: run.mistakes(x), "None int"),
    "explain": (lambda run, x: run.explain(x), ""),
    "explain target": (lambda run, x: run.explain(PIXELS, x), "None"),
    "audit": (lambda run, x: run.audit(x), "int"),
    "audit methods": (lambda run, x: run.audit(methods=x), "[]"),
    "report": (lambda run, x: run.report(x), "None text path"),
    "report language": (lambda run, x: run.report(language=x), ""),
    "save": (lambda run, x: run.save(x), "text path"),
    "figure": (lambda run, x: run.explain(PIXELS).save(x), "text path"),
}


@pytest.mark.parametrize("name", RUN_CALLS)
def test_a_run_refuses_arguments_of_another_kind(
    name: str, run: fs.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, taken = RUN_CALLS[name]
    for kind in WRONG.keys() - set(taken.split()):
        with pytest.raises(fs.FlorascopeError) as raised:
            call(run, WRONG[kind])
        assert raised.value.expected or raised.value.fix, kind


def test_every_public_function_is_asked() -> None:
    asked = {name.split()[0] for name in CALLS}
    others = {"Explanation", "Identification", "Run", "FlorascopeError", "__version__"}
    assert asked | others | {"Finetune", "ClassReport"} == set(fs.__all__)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fs.train("garden", fs.Probe),  # type: ignore[arg-type]
            r"train got the class Probe as 'recipe'\. expected a ClassReport, a Probe, a Finetune"
            r" or None\. Make an object of it: Probe\(\)\.",
        ),
        (
            lambda: fs.explain(NET, PIXELS, layers="conv1"),
            r"explain got 'conv1' as 'layers'\. expected a list\. Type help\(florascope.explain\)",
        ),
        (lambda: fs.explain({}, PIXELS), r"a dict is no network.*net\.load_state_dict\(weights\)"),
        (
            lambda: fs.diagnose(fs.Model(), BATCHES, BATCHES),
            r"a Model is no network.*Keras model\. Ask the run.*open_run\(.*mobilenetv2'\)",
        ),
        (
            lambda: fs.diagnose("runs/mine", BATCHES, BATCHES),
            r"'runs/mine' is no network\..*`florascope\.open_run\('runs/mine'\)\.diagnosis`",
        ),
        (lambda: fs.Model(TINY), r"Model got a Probe as 'bundle'\. expected a path\."),  # type: ignore[arg-type]
        (lambda: fs.diagnose(NET), r"diagnose got None as 'train_loader'\. expected batches of"),
        (
            lambda: fs.diagnose(NET, BATCHES, BATCHES, lr=0.1),
            r"diagnose: got an unexpected keyword argument 'lr'\. expected optimizer, loss, ",
        ),
    ],
)
def test_what_was_found_expected_and_to_type(call: Callable[[], object], message: str) -> None:
    with pytest.raises(fs.FlorascopeError, match=message):
        call()
