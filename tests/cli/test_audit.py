"""florascope audit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from florascope.garden import garden


@pytest.fixture(scope="module")
def plain(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three photos without classes, one of them broken, and their masks beside."""
    root = tmp_path_factory.mktemp("plain")
    (root / "photos").mkdir()
    (root / "masks").mkdir()
    for label in ("1", "2"):
        source = photos / label / f"photo-{label}-3.jpg"
        (root / "photos" / source.name).write_bytes(source.read_bytes())
    broken = (photos / "1" / "broken.jpg").read_bytes()
    (root / "photos" / "broken.jpg").write_bytes(broken)
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 20:50] = 255
    for stem in ("photo-1-3", "photo-2-3", "broken"):
        Image.fromarray(mask).save(root / "masks" / f"{stem}.png")
    return root


def test_the_gardens_own_masks_and_one_json_object(
    run: Any, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("florascope.garden.garden", lambda: garden(6, size=96))
    out = tmp_path / "audit.json"
    ended = run("audit", trained, "garden", "--limit", 3, "--method", "cam", "--out", out, "--json")
    values = ended.json
    assert ended.code == 0
    assert values == json.loads(out.read_text())
    assert values["schema"] == "florascope/1"
    assert (values["photos"], values["masked"], values["skipped"]) == (3, 3, 0)
    assert list(values["methods"]) == ["cam", "random", "centre"]
    auroc = values["methods"]["cam"]["measures"]["auroc"]
    assert 0 <= auroc["low"] <= auroc["mean"] <= auroc["high"] <= 1
    assert values["methods"]["cam"]["measures"]["gap"]["mean"] < 1e-4
    assert [f["criterion"] for f in values["findings"]] == [
        *("faithful", "informative", "localised", "learned"),
        *("stable", "mirrored", "complete"),
    ]
    assert values["verdict"][0].startswith("cam passes")


def test_a_plain_folder_with_masks_of_other_numbers(run: Any, trained: Path, plain: Path) -> None:
    masks = ("--masks", plain / "masks", "--flower", 255, "--background", 0)
    ended = run("audit", trained, plain / "photos", *masks)
    assert ended.code == 0
    assert "Skipped: " in ended.err
    assert "broken.jpg" in ended.err
    assert "2 photos, 2 with a mask" in ended.out
    for word in ("cam", "random", "centre", "AUROC", "cam, faithful: deletion AUC", "criteria"):
        assert word in ended.out
    assert "gradcam" not in ended.out  # the same map once more


def test_masks_of_other_numbers_are_an_error(run: Any, trained: Path, plain: Path) -> None:
    ended = run("audit", trained, plain / "photos", "--masks", plain / "masks")
    assert ended.code == 1
    assert "none of the 2 masks" in ended.err
    assert "pixels of 1 (flower) and of 3 (background)" in ended.err
    assert "--flower and --background" in ended.err


def test_errors_name_what_is_missing(run: Any, trained: Path, plain: Path, photos: Path) -> None:
    for arguments, words in (
        ((trained, plain / "photos", "--masks", plain / "nowhere"), "nowhere is not a folder"),
        ((trained, plain / "photos", "--masks", plain / "photos"), "none of the 3 photos has a"),
        ((trained, plain / "photos", "--method", "guess"), "no method 'guess'"),
        ((plain, plain / "photos"), "is not a bundle"),
        ((trained, plain / "elsewhere"), "is no file or folder"),
    ):
        ended = run("audit", *arguments)
        assert ended.code == 1
        assert words in ended.err


def test_the_runs_own_test_photos_whatever_the_seed(run: Any, seeded: Path, photos: Path) -> None:
    asked = ("audit", seeded, photos, "--method", "cam", "--json")
    own, drawn = run(*asked).json, run(*asked, "--seed", 5).json
    assert own["photos"] == drawn["photos"] == 3
    assert own["statement"].startswith(
        "the run's own 3 test photos and 1 photo not found"
    )  # broken
    refused = run(*asked, "--split", "80-10-10")  # with the audit's seed, 0
    assert refused.code == 1
    assert "photos test, but" in refused.err
    assert "12 trained" not in run(*asked, "--subset", "val").json["statement"]
