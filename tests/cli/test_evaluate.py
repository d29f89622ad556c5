"""florascope evaluate."""

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("subset", ["train", "val", "test"])
def test_agrees_with_what_training_measured(
    run: Any, trained: Path, photos: Path, subset: str
) -> None:
    ended = run("evaluate", trained, photos, "--split", "80-10-10", "--subset", subset, "--json")
    expected = json.loads((trained / "metrics.json").read_text())[subset]
    found = ended.json
    assert found["subset"] == subset
    assert {k: found[k] for k in ("n", "top1", "top5", "mean_class")} == {
        k: expected[k] for k in ("n", "top1", "top5", "mean_class")
    }
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)


def test_unknown_classes_are_named(run: Any, trained: Path, photos: Path, tmp_path: Path) -> None:
    for label in ("1", "strange"):
        (tmp_path / label).mkdir()
        for number in range(4):
            source = photos / "1" / f"photo-1-{number}.jpg"
            (tmp_path / label / source.name).write_bytes(source.read_bytes())
    ended = run("evaluate", trained, tmp_path, "--subset", "all")
    assert ended.code == 1
    assert "unknown to the classifier (first: strange)" in ended.err


def test_a_folder_that_is_no_bundle(run: Any, photos: Path) -> None:
    ended = run("evaluate", photos, photos)
    assert ended.code == 1
    assert "is not a bundle (no config.json in it)" in ended.err


def test_a_table_for_people(run: Any, trained: Path, photos: Path) -> None:
    ended = run("evaluate", trained, photos, "--split", "80-10-10")
    assert ended.code == 0
    assert "mean per class" in ended.out
    assert "Classes with the lowest recall" in ended.out
