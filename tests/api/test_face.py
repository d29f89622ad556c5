"""The script of the README, as a user types it: only `import florascope as fs`."""

import pickle
from pathlib import Path

import pytest

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


def test_public_names_complete_and_resolve() -> None:
    assert dir(fs) == sorted(fs.__all__)
    for name in fs.__all__:
        assert getattr(fs, name) is not None


def test_a_name_that_is_not_public() -> None:
    with pytest.raises(AttributeError, match="module 'florascope' has no attribute 'teach'"):
        fs.teach  # noqa: B018
