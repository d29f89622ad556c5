"""florascope doctor."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded weights serve where none are at hand."""
    monkeypatch.delenv("FLORASCOPE_WEIGHTS", raising=False)


def test_a_data_set(run: Any, photos: Path) -> None:
    found = run("doctor", photos, "--quick", "--json").json
    assert found["schema"] == "florascope/1"
    causes = [f["cause"] for f in found["findings"]]
    assert causes == ["split is tiny"]  # three val photos
    assert set(found["findings"][0]) >= {"check", "severity", "found", "expected", "fix"}


def test_leaks_between_folders(run: Any, photos: Path, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for side in ("train", "val", "test"):
        shutil.copytree(photos, root / side, ignore=shutil.ignore_patterns("broken*"))
    found = run("doctor", root, "--quick", "--json").json["findings"]
    assert found[0]["cause"] == "train and validation share photos (equal bytes)"
    assert "30 of 30" in found[0]["found"]


# Painted photos of one number share their noise: in grey they are the same photo.
ALIKE = [f"train and {other} share photos (near-duplicates)" for other in ("validation", "test")]


def test_a_run_with_its_photos(run: Any, trained: Path, photos: Path) -> None:
    ended = run("doctor", trained, "--data", photos, "--json")
    causes = {f["cause"] for f in ended.json["findings"] if f["severity"] == "error"}
    assert causes == {"split is tiny", *ALIKE}


def test_a_run_alone_knows_its_photos(run: Any, trained: Path, tmp_path: Path) -> None:
    found = run("doctor", trained, "--json").json["findings"]
    assert {f["cause"] for f in found} == {"split is tiny", *ALIKE}
    old = shutil.copytree(trained, tmp_path / "old")
    (old / "bundle" / "photos.json").unlink()  # as version 0.1 wrote it
    ended = run("doctor", old)
    assert ended.code == 0
    assert "Nothing wrong was found" in ended.out


def test_a_split_that_calls_trained_photos_val_is_a_leak(
    run: Any, seeded: Path, photos: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(photos, tmp_path / "photos", ignore=shutil.ignore_patterns("broken*"))
    rows = [f"{p.parent.name}/{p.name}" for p in sorted(moved.glob("*/*.jpg"))]
    parts = [["train", "train", "train", "val", "test"][i % 5] for i in range(len(rows))]
    lines = [f"{row},{part}" for row, part in zip(rows, parts, strict=True)]
    (tmp_path / "other.csv").write_text("\n".join(["path,split", *lines]))
    asked = ("doctor", seeded, "--data", moved, "--split", tmp_path / "other.csv", "--json")
    found = {f["cause"]: f["found"] for f in run(*asked).json["findings"]}
    for side in ("validation", "test"):
        assert "of 6" in found[f"train and {side} share photos (equal bytes)"]


def test_a_run_whose_loss_is_above_a_uniform_guess(run: Any, trained: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(trained, bad)
    figures = json.loads((bad / "metrics.json").read_text())
    figures["val"]["loss"] = 4.69
    (bad / "metrics.json").write_text(json.dumps(figures))
    out = run("doctor", bad).out
    assert ": loss above that of a uniform guess" in out
    assert "validation loss 4.69" in out


def test_neither_run_nor_data(run: Any) -> None:
    ended = run("doctor", "nowhere")
    assert ended.code == 1
    assert "'nowhere' is no file or folder" in ended.err


def test_a_model_without_photos(run: Any, tmp_path: Path) -> None:
    ended = run("doctor", tmp_path / "model.keras")
    assert ended.code == 1
    assert "holds a model without photos. Name them: florascope doctor" in ended.err
