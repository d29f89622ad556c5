"""florascope evaluate."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from florascope.data.folder import folder
from florascope.evaluation.held_out import Origin, choose_photos


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


def test_the_runs_own_test_photos_without_any_option(run: Any, seeded: Path, photos: Path) -> None:
    expected = json.loads((seeded / "metrics.json").read_text())["test"]
    found = run("evaluate", seeded, photos, "--json").json
    assert (found["subset"], found["n"], found["top1"]) == ("test", expected["n"], expected["top1"])
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-4)
    assert found["took_part"] == {"trained": 0, "selected": 0, "measured": 3, "new": 1}  # broken
    assert found["skipped"] == 1


def test_anseeded_would_measure_photos_that_trained(run: Any, seeded: Path, photos: Path) -> None:
    ended = run("evaluate", seeded, photos, "--seed", "0")
    assert ended.code == 1
    assert "photos test, but" in ended.err
    assert "Leave out split and seed" in ended.err


def test_one_new_photo_is_measured(run: Any, seeded: Path, tmp_path: Path) -> None:
    (tmp_path / "new" / "10").mkdir(parents=True)
    pixels = np.random.default_rng(9).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "new" / "10" / "x.jpg")
    ended = run("evaluate", seeded, tmp_path / "new")
    assert "not found in the training, neither whole nor as crops or edits." in ended.out
    old = shutil.copytree(seeded / "bundle", tmp_path / "old")
    (old / "photos.safetensors").unlink()
    told = choose_photos(Origin.read(old), folder(tmp_path / "new")).statement
    assert told == "1 photo not found in the training (crops would not be)"


def test_a_bundle_of_version_0_1_still_measures(
    run: Any, seeded: Path, photos: Path, tmp_path: Path
) -> None:
    old = shutil.copytree(seeded / "bundle", tmp_path / "old")
    (old / "photos.json").unlink()
    expected = json.loads((seeded / "metrics.json").read_text())["test"]
    found = run("evaluate", old, photos, "--json").json
    assert (found["n"], found["top1"]) == (expected["n"], expected["top1"])
    assert "keeps no record" in found["statement"]
