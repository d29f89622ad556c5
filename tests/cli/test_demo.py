"""florascope demo: the class report's experiment and the whole way, small."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from florascope.api.run import Run
from florascope.api.training import train
from florascope.cli import demo as module
from florascope.data.dataset import ClassName, Dataset
from florascope.data.oxford102_features import (
    CSV_SPLIT,
    AbsentPhoto,
    EmbeddedOxford102,
    QuantisedFeatures,
)
from florascope.data.splits import stratified
from florascope.garden import garden
from florascope.training.recipes import Probe


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with nothing at hand."""
    for name in ("FLORASCOPE_DATA", "FLORASCOPE_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def on_photos(cache: Path) -> Run:
    """A small network's run on few photos of the garden."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("florascope.garden.garden", lambda: garden(5, size=48))
        return train("garden", Probe(backbone="test_resnet", weights="random"))


@pytest.fixture
def small(bare: None, on_photos: Run, monkeypatch: pytest.MonkeyPatch) -> EmbeddedOxford102:
    """Few features, few photos and a small network in place of the package's."""
    labels = np.arange(90) % 6
    classes = tuple(ClassName(str(k + 1), f"flower {k + 1}") for k in range(6))
    splits = {name: stratified(labels, 0, name=name) for name in ("official", CSV_SPLIT)}
    photos = [AbsentPhoto(f"{n}.jpg") for n in range(90)]
    dataset = Dataset("small", photos, labels, classes, splits)
    features = np.eye(6, dtype=np.float32)[labels] + 0.5
    quantised = QuantisedFeatures.of(features, 16)
    stored = {name: quantised for name in ("google", "torchvision")}  # noqa: C420 (typed)
    embedded = EmbeddedOxford102(dataset, stored, {})
    monkeypatch.setattr("florascope.data.oxford102_features.embedded_oxford102", lambda: embedded)
    monkeypatch.setattr(module, "_on_photos", lambda _: on_photos)
    return embedded


def test_prints_the_rerun_beside_the_report_and_the_guess(
    run: Any, small: EmbeddedOxford102, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the test below reads the page itself
    monkeypatch.setattr("florascope.report.page.report_html", lambda *_, **__: "the page")
    ended = run("demo", "--out", tmp_path / "run", "--split", "official")
    assert ended.code == 0
    lines = [[c.strip() for c in line.split("│")[1:-1]] for line in ended.out.splitlines()]
    assert ["class report", "80/10/10", "~14 %", "~5 %", "5.20 %", "4.6937"] in lines
    guess = f"{math.log(102):.4f}"
    assert ["uniform guess", "any", "0.98 %", "0.98 %", "0.98 %", guess] in lines
    (probe,) = [cells for cells in lines if cells[:2] == ["linear probe", "official"]]
    assert probe[2:5] == ["100.00 %"] * 3  # the planted features tell the classes apart
    assert [c[1] for c in lines if c[:1] == ["the report's head"]] == ["official"]
    assert "freezing was not what went wrong" in ended.out
    assert f"Report: {tmp_path / 'run' / 'report.html'}" in ended.out
    assert (tmp_path / "run" / "report.html").read_text(encoding="utf-8") == "the page"


def test_json_and_the_report_hold_every_fit(
    run: Any, small: EmbeddedOxford102, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("florascope.report.audited.PHOTOS", 2)
    found = run("demo", "--out", tmp_path / "run", "--json").json
    assert found["schema"] == "florascope/1"
    assert found["data"] == "garden"
    assert found["rerun"]["class_report"]["test_loss"] == 4.6937
    assert found["rerun"]["uniform_guess"] == {"top1": 1 / 102, "loss": math.log(102)}
    fits = [(fit["recipe"], fit["split"]) for fit in found["rerun"]["fits"]]
    splits = ("80-10-10", CSV_SPLIT, "official")
    assert fits == [(recipe, split) for recipe in ("class-report", "probe") for split in splits]
    page = Path(found["files"]["report"]).read_text(encoding="utf-8")
    for split in splits:
        assert f"Oxford 102, probe, {split}" in page


def test_a_split_that_is_not_there_writes_nothing(run: Any, bare: None, tmp_path: Path) -> None:
    ended = run("demo", "--out", tmp_path / "run", "--split", "mine")
    assert ended.code == 1
    assert "Oxford Flowers 102 has no split 'mine'" in ended.err
    assert not (tmp_path / "run").exists()


def test_a_precious_folder_is_refused_before_any_work(run: Any, bare: None, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    ended = run("demo", "--out", tmp_path)
    assert ended.code == 1
    assert "holds other files and no earlier run" in ended.err
    assert ended.out == ""


def place(monkeypatch: pytest.MonkeyPatch, home: Path, *, photos: bool, weights: bool) -> None:
    """Put Oxford's layout, or ImageNet weights, at hand."""
    if photos:
        (home / "flowers-102" / "jpg").mkdir(parents=True)
        for name in ("imagelabels.mat", "setid.mat"):
            (home / "flowers-102" / name).touch()
        monkeypatch.setenv("FLORASCOPE_DATA", str(home))
    if weights:
        (home / "mobilenetv2_100.torchvision_folded.safetensors").touch()
        monkeypatch.setenv("FLORASCOPE_WEIGHTS", str(home))


@pytest.mark.parametrize(
    ("photos", "weights", "source", "chosen", "split"),
    [
        (False, False, "garden", "flowers", None),
        (False, True, "garden", "torchvision", None),
        (True, True, "oxford102", "torchvision", "80-10-10"),
        # The embedded weights were trained on Oxford's photos: they never meet.
        (True, False, "garden", "flowers", None),
    ],
)
def test_what_is_at_hand_decides(
    bare: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    photos: bool,
    weights: bool,
    source: str,
    chosen: str,
    split: str | None,
) -> None:
    place(monkeypatch, tmp_path, photos=photos, weights=weights)
    asked: list[Any] = []
    monkeypatch.setattr(
        "florascope.api.training.train", lambda *given, **named: asked.append((given, named))
    )
    module._on_photos(7)
    assert asked == [((source, Probe(weights=chosen, seed=7)), {"split": split})]
