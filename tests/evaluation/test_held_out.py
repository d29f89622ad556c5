"""Which photos may measure: planted roles of twelve photos, found again wherever they lie."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support.textured import textured

from florascope.bundle.config import find_bundle
from florascope.bundle.participation import Participation
from florascope.data.dataset import SUBSETS, Dataset, Split
from florascope.data.folder import folder
from florascope.data.identity import PhotoKeys, content_keys, looks_of
from florascope.data.local_features import marks_of
from florascope.data.manifest import manifest
from florascope.data.oxford102_features import embedded_oxford102
from florascope.data.splits import stratified
from florascope.errors import DataError
from florascope.evaluation.held_out import (
    Asked,
    Origin,
    choose_division,
    choose_photos,
)
from florascope.preprocessing import Preprocessing

SMALL = Preprocessing(size=64)
TRAIN, VAL, TEST = [0, 1, 2, 6, 7, 8], [3, 9], [4, 5, 10, 11]


def paint(path: Path, seed: int, size: tuple[int, int] = (120, 90)) -> None:
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six photos of each of two classes."""
    for seed in range(12):
        paint(tmp_path / "photos" / "ab"[seed // 6] / f"{seed:02}.png", seed)
    return tmp_path / "photos"


@pytest.fixture
def origin(root: Path) -> Origin:
    """A training of the planted split."""
    data = folder(root)
    split = Split("80-10-10", *(np.array(part, dtype=np.int64) for part in (TRAIN, VAL, TEST)))
    keys = PhotoKeys(content_keys(data), looks_of(data.photos, SMALL))
    return Origin(Participation.of(data, split, 3, keys), SMALL, "80-10-10", 3)


def names(data: Dataset, indexes: np.ndarray) -> list[str]:
    return [data.photos[i].name.rpartition("/")[2] for i in indexes.tolist()]


def test_the_runs_own_test_photos(root: Path, origin: Origin) -> None:
    chosen = choose_photos(origin, folder(root))
    assert chosen.indexes.tolist() == TEST
    assert chosen.subset == "test"
    assert chosen.statement == (
        "the run's own 4 test photos; the 8 that trained or selected settings are left out"
    )
    assert chosen.counts == {"trained": 0, "selected": 0, "measured": 4, "new": 0}


@pytest.mark.parametrize(("subset", "own"), [("train", TRAIN), ("val", VAL), ("test", TEST)])
def test_a_subset_is_that_of_the_training(
    root: Path, origin: Origin, subset: str, own: list[int]
) -> None:
    chosen = choose_photos(origin, folder(root), Asked(subset))  # type: ignore[arg-type]
    assert (chosen.subset, chosen.indexes.tolist()) == (subset, own)


def test_moved_and_renamed(root: Path, origin: Origin, tmp_path: Path) -> None:
    other = shutil.copytree(root, tmp_path / "elsewhere")
    for path in sorted(other.glob("*/*.png")):
        path.rename(path.with_name(f"{99 - int(path.stem)}.png"))
    data = folder(other)
    assert sorted(names(data, choose_photos(origin, data).indexes)) == [
        f"{99 - i}.png" for i in sorted(TEST, reverse=True)
    ]


def test_saved_again_in_another_size(root: Path, origin: Origin, tmp_path: Path) -> None:
    for path in root.glob("*/*.png"):
        target = tmp_path / "small" / path.parent.name / f"{path.stem}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).resize((96, 72)).save(target, quality=70)
    data = folder(tmp_path / "small")
    assert names(data, choose_photos(origin, data).indexes) == [f"{i:02}.jpg" for i in TEST]


def test_a_folder_that_grew(root: Path, origin: Origin) -> None:
    paint(root / "a" / "new.png", 100)
    data = folder(root)
    chosen = choose_photos(origin, data)
    assert names(data, chosen.indexes) == ["04.png", "05.png", "new.png", "10.png", "11.png"]
    assert chosen.statement.startswith(
        "the run's own 4 test photos and 1 photo not found in the training"
        " (crops would not be); the 8"
    )
    assert chosen.counts["new"] == 1


def test_what_is_there_twice_never_counts_as_test(root: Path, origin: Origin) -> None:
    shutil.copy(root / "a" / "00.png", root / "a" / "04 copy.png")  # it trained
    shutil.copy(root / "a" / "04.png", root / "b" / "04 again.png")
    data = folder(root)
    found = names(data, choose_photos(origin, data).indexes)
    assert found == ["04.png", "05.png", "04 again.png", "10.png", "11.png"]


@pytest.mark.parametrize("marked", [True, False])
def test_crops_did_what_their_photos_did_where_the_record_has_marks(
    tmp_path: Path, *, marked: bool
) -> None:
    """Photo 0 trained, 1 selected and 2 measured; 3 is new. Shown are the middles, mirrored."""
    whole, parts = tmp_path / "whole" / "a", tmp_path / "parts" / "a"
    for folder_of in (whole, parts):
        folder_of.mkdir(parents=True)
    for seed in range(4):
        pixels = textured(seed)
        Image.fromarray(pixels[15:185, 222:18:-1].copy()).save(parts / f"{seed}.jpg")
        if seed < 3:
            Image.fromarray(pixels).save(whole / f"{seed}.png")
    data = folder(tmp_path / "whole")
    marks = np.stack([marks_of(photo.read()) for photo in data.photos]) if marked else None
    keys = PhotoKeys(content_keys(data), looks_of(data.photos, SMALL), marks)
    split = Split("mine", *(np.array([i], dtype=np.int64) for i in range(3)))
    made = Origin(Participation.of(data, split, 0, keys), SMALL, "mine")
    crops = folder(tmp_path / "parts")
    roles = made.roles(crops)
    assert roles is not None
    assert roles.tolist() == ([0, 1, 2, 3] if marked else [3, 3, 3, 3])
    told = choose_photos(made, crops).statement
    if marked:
        assert told == (
            "the run's own 1 test photos and 1 photo not found in the training, neither whole nor"
            " as crops or edits; the 2 that trained or selected settings are left out"
        )
    else:
        assert told == "4 photos not found in the training (crops would not be)"


def fresh(root: Path, *stems: str) -> Path:
    for number, stem in enumerate(stems):
        paint(root / f"{stem}.png", 200 + number)
    return root


@pytest.mark.parametrize("asked", [None, Asked("all"), Asked("test")])
def test_where_nothing_took_part_everything_is_measured(
    tmp_path: Path, origin: Origin, asked: Asked | None
) -> None:
    data = folder(fresh(tmp_path / "new", *(f"{c}/{i}" for c in "ab" for i in range(20))))
    if asked == Asked("test"):  # it is drawn then, as nothing else says which those are
        assert len(choose_photos(origin, data, asked).indexes) == 4
        return
    chosen = choose_photos(origin, data, asked)
    assert (len(chosen.indexes), chosen.subset) == (40, "all")
    assert chosen.statement == "40 photos not found in the training (crops would not be)"


def test_one_photo_of_one_class_is_measured(tmp_path: Path, origin: Origin) -> None:
    assert len(choose_photos(origin, folder(fresh(tmp_path / "new", "b/1"))).indexes) == 1


def test_another_seed_is_refused_with_counts_and_a_cure(root: Path, origin: Origin) -> None:
    data = folder(root)
    seeds = (s for s in range(20) if set(stratified(data.labels, s).test.tolist()) <= set(TRAIN))
    with pytest.raises(DataError) as info:
        choose_photos(origin, data, Asked(seed=next(seeds)))
    assert info.value.found == (
        "split 80-10-10 of photos calls 2 photos test, but 2 trained in the training of this"
        " classifier"
    )
    assert info.value.fix.startswith("Leave out split and seed to measure the 4 that are left")


def listed(root: Path, path: Path, subset: Callable[[int], str]) -> Dataset:
    lines = [f"{p},{p.parent.name},{subset(int(p.stem))}" for p in sorted(root.glob("*/*.png"))]
    path.write_text("\n".join(["path,label,split", *lines]))
    return manifest(path)


def test_a_source_that_calls_everything_test_is_refused(
    root: Path, origin: Origin, tmp_path: Path
) -> None:
    data = listed(root, tmp_path / "all.csv", lambda _: "test")
    message = "calls 12 photos test, but 6 trained, 2 selected settings in the training"
    with pytest.raises(DataError, match=message):
        choose_photos(origin, data)


def test_a_source_with_its_own_split_is_measured_by_what_the_photos_did(
    root: Path, origin: Origin, tmp_path: Path
) -> None:
    data = listed(root, tmp_path / "other.csv", lambda i: ("train", "val", "test")[i % 3])
    assert choose_photos(origin, data).indexes.tolist() == TEST
    with pytest.raises(DataError, match=r"split csv of other.csv calls 4 photos test, but"):
        choose_photos(origin, data, Asked(split="csv"))


def test_val_must_not_have_trained(root: Path, origin: Origin, tmp_path: Path) -> None:
    data = listed(
        root,
        tmp_path / "val.csv",
        lambda i: "test" if i in TEST else "val" if i in (0, 3) else "train",
    )
    with pytest.raises(DataError, match="calls 2 photos val, but 1 trained in the training"):
        choose_division(origin, data, Asked(split="csv"))


def test_all_of_the_runs_photos_says_what_they_did(root: Path, origin: Origin) -> None:
    chosen = choose_photos(origin, folder(root), Asked("all"))
    assert len(chosen.indexes) == 12
    assert chosen.statement == (
        "12 photos: 6 trained, 2 selected settings, 4 measured in the training; figures of"
        " photos that trained say nothing about new ones"
    )


def test_nothing_but_trained_photos_is_refused(root: Path, origin: Origin, tmp_path: Path) -> None:
    for index in TRAIN[:4] + VAL[:1]:
        (tmp_path / "some" / "a").mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "ab"[index // 6] / f"{index:02}.png", tmp_path / "some" / "a")
    message = (
        "none of the 5 photos of some can be test: 4 trained, 1 selected settings in the"
        " training.*or new photos.*Take other photos"
    )
    with pytest.raises(DataError, match=message):
        choose_photos(origin, folder(tmp_path / "some"))


def test_the_division_is_that_of_the_training_with_new_photos_in_test(
    root: Path, origin: Origin
) -> None:
    paint(root / "b" / "new.png", 101)
    data = folder(root)
    split = choose_division(origin, data)
    assert [len(part) for _, part in split.items()] == [6, 2, 5]
    assert names(data, split.test)[-1] == "new.png"


def test_a_division_of_new_photos_is_drawn(tmp_path: Path, origin: Origin) -> None:
    data = folder(fresh(tmp_path / "new", *(f"{c}/{i}" for c in "ab" for i in range(10))))
    assert [len(part) for _, part in choose_division(origin, data).items()] == [16, 2, 2]


def test_an_empty_subset_of_a_division_is_named(root: Path, origin: Origin, tmp_path: Path) -> None:
    shutil.copytree(root / "b", tmp_path / "half" / "b")
    (tmp_path / "half" / "b" / "09.png").unlink()  # the only one that selected
    with pytest.raises(DataError, match="none of the 5 photos of half can be val: 3 trained,"):
        choose_division(origin, folder(tmp_path / "half"))
    data = listed(root, tmp_path / "all.csv", lambda i: "train" if i in TRAIN else "test")
    with pytest.raises(DataError, match="but 2 selected settings"):
        choose_division(origin, data, Asked(split="csv"))


def test_without_a_record_the_recorded_split_and_seed_are_drawn_again(root: Path) -> None:
    data, old = folder(root), Origin(None, SMALL, "80-10-10", 5)
    chosen = choose_photos(old, data)
    assert chosen.indexes.tolist() == stratified(data.labels, 5).test.tolist()
    assert "keeps no record of the photos that trained it" in chosen.statement
    assert chosen.counts == {}
    assert len(choose_photos(old, data, Asked("all")).indexes) == 12


def test_the_shipped_model_knows_its_photos_by_name() -> None:
    known = embedded_oxford102().dataset
    origin = Origin.read(find_bundle("flowers102-mobilenetv2"))
    roles = origin.roles(known)
    assert roles is not None
    for role, part in enumerate(known.own_splits["6552-818-819"][s] for s in SUBSETS):
        assert np.flatnonzero(roles == role).tolist() == part.tolist()
    chosen = choose_photos(origin, known)
    assert chosen.counts == {"trained": 0, "selected": 0, "measured": 819, "new": 0}
    with pytest.raises(DataError, match=r"calls 6149 photos test, but \d+ trained"):
        choose_photos(origin, known, Asked(split="official"))
