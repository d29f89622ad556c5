"""A data set with everything wrong, planted: each thing is found, and shown on the page."""

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from florascope.data.dataset import Dataset
from florascope.data.folder import folder
from florascope.errors import DataError
from florascope.garden import garden
from florascope.health.examination import Examination, Inspection, examine, inspect
from florascope.health.quick_probe import Suspect
from florascope.report.health_page import health_html

CLASSES = ("daisy", "rose")


def scene(seed: int) -> Image.Image:
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((120, 90), Image.Resampling.BICUBIC)


@pytest.fixture
def sick(tmp_path: Path) -> Dataset:
    """Six photos a class and subset, and one of each thing that can be wrong."""
    root = tmp_path / "sick"
    for n, side in enumerate(("train", "test")):
        for k, name in enumerate(CLASSES):
            (root / side / name).mkdir(parents=True)
            for i in range(6):
                scene(100 * n + 10 * k + i).save(root / side / name / f"{i}.png")
    train, test = root / "train", root / "test"
    shutil.copy(train / "daisy" / "0.png", train / "rose" / "equal.png")
    scene(1).resize((80, 60)).save(test / "daisy" / "near.jpg", quality=70)
    (train / "daisy" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    Image.new("L", (400, 50), 7).save(train / "rose" / "long.png")
    exif = Image.Exif()
    exif[0x0112] = 3
    scene(55).save(test / "rose" / "turned.jpg", exif=exif)
    return folder(root)


def names(found: Examination, indexes: Any) -> set[str]:
    return {found.dataset.photos[i].name for i in indexes}


def test_everything_planted_is_found(sick: Dataset) -> None:
    found = examine(sick)
    assert names(found, found.broken) == {"train/daisy/broken.jpg"}
    assert [names(found, g) for g in found.groups] == [
        {"train/daisy/0.png", "train/rose/equal.png"}
    ]
    assert [names(found, p) for p in found.near.tolist()] == [
        {"train/daisy/1.png", "test/daisy/near.jpg"}
    ]
    leaks = found.leaks(sick.own_splits["folder"])
    (sides,) = [s for i, j, s in leaks if names(found, (i, j)) == names(found, found.near[0])]
    assert sides in {"train/test", "val/test"}
    assert len(found.conflicts()) == 1
    assert found.modes == {"RGB": 27, "L": 1}
    assert names(found, found.rotated) == {"test/rose/turned.jpg"}
    assert names(found, found.odd) == {"train/rose/long.png", "test/daisy/near.jpg"}
    assert found.small_classes == []
    assert found.imbalance == 15 / 14
    assert found.noise is None


def test_copies_are_near_what_their_first_is_near_to(sick: Dataset) -> None:
    root = Path(sick.photos[0].path).parents[2]  # type: ignore[attr-defined]
    shutil.copy(root / "train" / "daisy" / "1.png", root / "train" / "rose" / "again.png")
    found = examine(folder(root))
    near = {"train/daisy/1.png", "test/daisy/near.jpg"}
    copy = {"train/rose/again.png", "test/daisy/near.jpg"}
    assert [names(found, pair) for pair in found.near.tolist()] == [near]
    leaks = [names(found, pair[:2]) for pair in found.leaks(found.dataset.own_splits["folder"])]
    assert near in leaks
    assert copy in leaks
    assert copy in [names(found, pair) for pair in found.conflicts()]
    assert all(i < j for i, j in found.conflicts())


def test_the_record_names_photos(sick: Dataset) -> None:
    record = inspect(sick)
    assert record.duplicates == [["train/daisy/0.png", "train/rose/equal.png"]]
    assert len(record.near_duplicates) == 1
    assert record.near_duplicates[0] in [leak[:2] for leak in record.leaks["folder"]]
    assert record.suspects == []


def test_planted_wrong_labels_are_suspected(sick: Dataset) -> None:
    draw = np.random.default_rng(0)
    truth = sick.labels.copy()
    swapped = int(np.flatnonzero(truth == 0)[3])
    features = (np.eye(2)[truth] * 4 + draw.normal(0, 0.3, (len(truth), 2))).astype(np.float32)
    sick.labels[swapped] = 1
    readable = np.ones(len(truth), bool)
    found = examine(sick, lambda _: (features, readable))
    assert [s.index for s in found.suspects] == [swapped]
    assert found.noise is not None
    assert found.noise > 0  # how much, 29 photos cannot tell: see test_label_errors


def test_the_page_shows_each_kind(sick: Dataset) -> None:
    found = examine(sick)
    seen = Examination(sick, found.looks, (Suspect(2, 0, 1, 0.8),), 0.04)
    page = health_html(seen)
    assert "labelled daisy; looks like rose (by 80%)" in page
    for title in (
        "Near-duplicates",
        "Leaks across the split folder",
        "Turned by EXIF",
        "Broken files",
    ):
        assert title in page
    assert page.count("data:image/jpeg;base64,") >= 9
    assert "About 4.0%" in page
    assert "http" not in page.replace("http-equiv", "")


def test_a_picture_that_is_gone_leaves_a_gap(sick: Dataset) -> None:
    found = examine(sick)
    for photo in sick.photos:
        Path(photo.path).unlink()  # type: ignore[attr-defined]
    assert 'src=""' in health_html(found)


def test_nothing_readable(tmp_path: Path) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        for i in range(2):
            (tmp_path / name / f"{i}.jpg").write_bytes(io.BytesIO(b"no").getvalue())
    with pytest.raises(DataError, match="none of the 4 photos"):
        examine(folder(tmp_path))


def test_json_values(sick: Dataset) -> None:
    record = Inspection.of(examine(sick))
    assert record.to_json()["photos"] == len(sick)
    assert set(record.to_json()["counts"].values()) == {14, 15}


@pytest.fixture
def cropped(tmp_path: Path) -> Dataset:
    """Garden photos of which one lies in test as a crop, too, and one saved again."""
    root, garden_photos = tmp_path / "cropped", garden(5).photos
    for side, start in (("train", 0), ("test", 2)):
        for k, name in enumerate(CLASSES):
            (root / side / name).mkdir(parents=True)
            for i in range(start, start + 2):
                Image.fromarray(garden_photos[5 * k + i].read()).save(
                    root / side / name / f"{i}.png"
                )
    with Image.open(root / "train" / "daisy" / "0.png") as whole:
        whole.crop((10, 15, 190, 200)).save(root / "test" / "daisy" / "crop.jpg", quality=80)
    with Image.open(root / "train" / "rose" / "0.png") as whole:
        whole.save(root / "test" / "rose" / "again.jpg", quality=80)
    return folder(root)


def test_a_crop_on_the_other_side_is_named_once(cropped: Dataset) -> None:
    found = examine(cropped)
    crop = {"train/daisy/0.png", "test/daisy/crop.jpg"}
    assert [names(found, pair) for pair in found.derived.tolist()] == [crop]
    again = {"train/rose/0.png", "test/rose/again.jpg"}
    assert [names(found, pair) for pair in found.near.tolist()] == [again]
    leaks = [names(found, pair[:2]) for pair in found.leaks(cropped.own_splits["folder"])]
    assert sorted(leaks, key=sorted) == sorted([crop, again], key=sorted)
    assert [set(pair) for pair in inspect(cropped).derived or ()] == [crop]
    assert "Crops and edits" in health_html(found)


def test_crops_are_looked_for_in_few_photos_unless_asked(
    cropped: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("florascope.health.examination.RECORDED", len(cropped) - 1)
    assert Inspection.of(examine(cropped)).derived is None
    assert "Crops and edits" not in health_html(examine(cropped))
    assert len(examine(cropped, keypoints=True).derived) == 1
