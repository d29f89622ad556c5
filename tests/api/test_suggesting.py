"""Suggestions on a folder where the answer is known."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import florascope as fs
from florascope.api import suggesting
from florascope.api.suggesting import suggest, worth_labelling


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


def test_a_runs_folder_will_do(run: fs.Run, unlabelled: Path, tmp_path: Path) -> None:
    run.save(str(tmp_path / "run"))
    again = suggest(str(tmp_path / "run"), unlabelled, 3)
    assert [one.photo for one in again.label] == [
        one.photo for one in suggest(run, unlabelled, 3).label
    ]


def test_photos_themselves_will_do_and_all_are_ranked(run: fs.Run) -> None:
    some = run.data.photos[:5]
    found = suggest(run, some, 9)
    assert sorted(one.photo for one in found.label) == sorted(photo.name for photo in some)
    assert set(found.to_json()) == {"review", "label", "unreadable"}


def test_paths_of_photos_will_do(run: fs.Run, unlabelled: Path) -> None:
    paths = sorted(unlabelled.glob("lawn-*.png"))[:3]
    found = fs.suggest(run, [str(paths[0]), *paths[1:], 7], n=9)
    assert {one.photo for one in found.label} == {path.name for path in paths}
    assert len(found.unreadable) == 1


def test_a_wrong_label_is_to_be_looked_at(photos: Path, tmp_path: Path) -> None:
    shutil.copytree(photos, tmp_path / "photos")
    moved = tmp_path / "photos" / "lawn" / "moved.png"
    shutil.move(tmp_path / "photos" / "red rose" / "3.png", moved)
    recipe = fs.Probe(backbone="test_resnet", weights="random", size=64, max_iterations=20)
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


def clusters(sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Photos around axes of their own, by cluster."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.eye(len(sizes), 8)[labels] + rng.normal(0, 0.05, (len(labels), 8)), labels


def value(features: np.ndarray, doubts: np.ndarray, chosen: tuple[int, ...]) -> float:
    centred = features - features.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return float((0.2 + 0.8 * doubts) @ (unit @ unit[list(chosen)].T).max(1))


def test_each_cluster_gets_a_label_the_largest_first() -> None:
    features, labels = clusters((30, 20, 10, 5))
    chosen = worth_labelling(features, np.ones(65), np.empty((0, 8)), 4)
    assert labels[chosen].tolist() == [0, 1, 2, 3]


def test_what_is_labelled_or_certain_needs_none() -> None:
    features, labels = clusters((30, 20, 10))
    assert labels[worth_labelling(features, np.ones(60), features[:1], 1)] == [1]
    assert labels[worth_labelling(features, (labels == 2).astype(float), features[:1], 1)] == [2]


def test_it_is_the_plain_greedy_choice_and_near_the_best() -> None:
    rng = np.random.default_rng(1)
    features, doubts = rng.normal(size=(24, 5)), rng.random(24)
    chosen = worth_labelling(features, doubts, np.empty((0, 5)), 3)
    plain: tuple[int, ...] = ()
    for _ in range(3):
        rest = (k for k in range(24) if k not in plain)
        plain = (*plain, max(rest, key=lambda k: value(features, doubts, (*plain, k))))
    assert tuple(chosen.tolist()) == plain
    best = max(value(features, doubts, c) for c in itertools.combinations(range(24), 3))
    assert value(features, doubts, plain) > 0.9 * best


def test_there_are_never_more_than_photos_nor_the_same_twice() -> None:
    features, _ = clusters((3, 2))
    assert sorted(worth_labelling(features, np.ones(5), features[:0], 9).tolist()) == [*range(5)]
    assert len(worth_labelling(features[:0], np.ones(0), features[:0], 9)) == 0


def test_of_many_photos_a_sample_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggesting, "MOST", 20)
    features, labels = clusters((40, 40))
    chosen = worth_labelling(features, np.ones(80), features[:0], 2, seed=3)
    assert set(labels[chosen].tolist()) == {0, 1}
