"""Suggestions on a folder where the answer is known."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import florascope as fs
from florascope.api.suggesting import suggest


@pytest.fixture(scope="module")
def unlabelled(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos of a known colour, six of one never seen, one that is cut short."""
    root, rng = tmp_path_factory.mktemp("unlabelled"), np.random.default_rng(7)
    (root / "new").mkdir()
    for number in range(6):
        shutil.copy(photos / "lawn" / f"{number}.png", root / f"lawn-{number}.png")
        pixels = np.array((230, 220, 40)) + rng.normal(0, 45, (60, 70, 3))
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        image.save(root / "new" / f"{number}.png")
    (root / "broken.png").write_bytes((root / "lawn-0.png").read_bytes()[:300])
    return root


def test_what_was_never_seen_comes_first(run: fs.Run, unlabelled: Path) -> None:
    found = suggest(run, unlabelled, 3)
    assert found.label[0].photo.startswith("new/")
    assert len(found.label) == 3
    names = {one.name for one in run.classes}
    assert all(one.looks_like in names and 0 <= one.probability <= 1 for one in found.label)
    assert len(found.unreadable) == 1
    assert "broken.png" in found.unreadable[0]


def test_photos_themselves_will_do_and_all_are_ranked(run: fs.Run) -> None:
    some = run.data.photos[:5]
    found = suggest(run, some, 9)
    assert sorted(one.photo for one in found.label) == sorted(photo.name for photo in some)
    assert set(found.to_json()) == {"review", "label", "unreadable"}


def test_a_wrong_label_is_to_be_looked_at(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    moved = tmp_path / "photos" / "lawn" / "moved.png"
    shutil.move(tmp_path / "photos" / "red rose" / "3.png", moved)
    recipe = fs.Probe(backbone="test_resnet", weights="random", size=64, l2_steps=2)
    split = fs.train(str(tmp_path / "photos"), recipe, seed=3)
    held = {split.data.photos[k].name for k in split.experiment.split.test}
    found = suggest(split, photos / "lawn", 1)
    assert "lawn/moved.png" in held or found.review[0].photo == "lawn/moved.png"
    assert "lawn/moved.png" in held or found.review[0].looks_like == "red rose"


@pytest.mark.parametrize(
    ("place", "n", "told"),
    [("nowhere", 3, "nowhere is no folder"), (".", 0, "0 photos to suggest.*at least 1")],
)
def test_what_cannot_be_is_said(run: fs.Run, place: str, n: int, told: str) -> None:
    with pytest.raises(fs.FlorascopeError, match=told):
        suggest(run, place, n)


def test_without_a_readable_photo_there_is_nothing_to_label(run: fs.Run, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"no photo")
    with pytest.raises(fs.FlorascopeError, match="none of 1 photos can be read"):
        suggest(run, tmp_path)
