"""Plain folders, subsets and masks, picked evenly."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image

from florascope.audit.localisation import MaskFolder, MaskIds
from florascope.audit.selection import Selection
from florascope.errors import DataError
from florascope.evaluation.held_out import Asked, Origin, Subset
from florascope.nets.classifier import Classifier
from florascope.preprocessing import Preprocessing


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Twelve photos of 40 x 40 in one folder, with a hidden file and a note beside."""
    folder = tmp_path / "plain"
    folder.mkdir()
    for number in range(12):
        Image.fromarray(np.full((40, 40, 3), 20 * number, np.uint8)).save(folder / f"{number}.png")
    for name in (".hidden.png", "note.txt"):
        (folder / name).write_text("no photo")
    return folder


def marked(folder: Path, stems: list[str]) -> MaskFolder:
    folder.mkdir()
    mask = np.full((40, 40), 3, np.uint8)
    mask[:20] = 1
    for stem in stems:
        Image.fromarray(mask).save(folder / f"{stem}.png")
    return MaskFolder(folder)


UNKNOWN = Origin(None, Preprocessing())
"""Of a bundle that keeps no record of its photos."""


def selection(source: Path, subset: Subset | None = None, **more: Any) -> Selection:
    return Selection(str(source), UNKNOWN, Asked(subset), **more)


def names(selection: Selection) -> list[str]:
    return [photo.name for photo in selection.photos()[0]]


def test_a_plain_folder_is_taken_whole_in_natural_order(plain: Path) -> None:
    assert names(selection(plain)) == [f"{number}.png" for number in range(12)]
    assert names(selection(plain, limit=3)) == ["0.png", "6.png", "11.png"]


def test_only_photos_with_masks_are_taken(plain: Path, tmp_path: Path) -> None:
    masks = marked(tmp_path / "masks", ["2", "10", "77"])
    assert names(selection(plain, masks=masks)) == ["2.png", "10.png"]


def test_class_folders_are_taken_by_subset(photo_folder: Path) -> None:
    parts = {s: names(selection(photo_folder, s)) for s in get_args(Subset)}
    assert len(parts["all"]) == 30
    assert sorted(parts["train"] + parts["val"] + parts["test"]) == sorted(parts["all"])
    assert len(parts["test"]) == 3


def test_photos_that_would_share_a_mask_are_refused(photo_folder: Path, tmp_path: Path) -> None:
    masks = marked(tmp_path / "masks", ["1"])
    words = r"3 photos share a mask with another \(first: daisy/1\.jpg\).*differ in more than"
    with pytest.raises(DataError, match=words):
        selection(photo_folder, "all", masks=masks).photos()


def test_no_masks_at_all(plain: Path, tmp_path: Path) -> None:
    masks = marked(tmp_path / "masks", [])
    with pytest.raises(DataError, match=r"none of the 12 photos has a mask.*such as 0\.png"):
        selection(plain, masks=masks).photos()


def test_exhibits_have_their_masks(
    patch_classifier: Classifier, plain: Path, tmp_path: Path
) -> None:
    masks = marked(tmp_path / "masks", ["1", "5"])
    found = selection(plain, masks=masks).prepare_photos(patch_classifier)
    assert [np.unique(mask).tolist() for mask in found.masks if mask is not None] == [[1, 3]] * 2
    assert found.crops[:, 0, 0, 0].tolist() == [20, 100]
    other = MaskFolder(masks.path, MaskIds(flower=9))
    words = r"none of the 2 masks .* shows both kinds.*pixels of 9 \(flower\) and of 3"
    with pytest.raises(DataError, match=words):
        selection(plain, masks=other).prepare_photos(patch_classifier)
