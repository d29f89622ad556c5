"""The features of painted photos: right, in order, and computed once."""

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.textured import textured

from florascope.augmentation import Augmentation
from florascope.data.dataset import FilePhoto
from florascope.data.identity import PhotoKeys
from florascope.data.local_features import marks_of, no_marks
from florascope.errors import FlorascopeError
from florascope.features import embedding as features
from florascope.features.embedding import FeatureBank, Views, embed
from florascope.features.engines import Engine
from florascope.images import read_photo
from florascope.nets.weights import load_backbone
from florascope.parallel import CPU_BATCH as BATCH

Paint = Callable[[int], list[Any]]
VIEWS = Views(Augmentation(), count=3, seed=5)


def readings(photos: list[Any]) -> list[int]:
    return [len(photo.readings) for photo in photos]


def slowly(read: Callable[[], np.ndarray], delay: float) -> Callable[[], np.ndarray]:
    def wait() -> np.ndarray:
        time.sleep(delay)
        return read()

    return wait


def directly(photos: list[Any], engine: Engine) -> np.ndarray:
    """One photo at a time."""
    rows = [engine(engine.preprocessing(photo.pixels)[None])[0] for photo in photos]
    return np.stack(rows)


def test_a_row_is_the_engines_answer_to_its_photo(paint: Paint, engine: Engine) -> None:
    photos = paint(2 * BATCH + 3)
    bank = embed(photos, engine)
    assert bank.values.shape == (1, len(photos), engine.num_features)
    assert bank.values.dtype == np.float32
    truth = directly(photos, engine)
    assert np.abs(bank.values[0] - truth).max() < 1e-5 * np.abs(truth).max()
    assert np.ptp(truth, axis=0).max() > 100 * 1e-5 * np.abs(truth).max(), "rows must differ"
    assert bank.problems == {}
    assert bank.readable.all()


def test_marks_come_with_the_features_where_they_are_asked_for(
    paint: Paint, engine: Engine
) -> None:
    photos = paint(3)
    photos[0].pixels, photos[2].pixels, photos[1].broken = textured(0), textured(1), True
    assert keys_of(embed(photos, engine)).marks is None
    marks = keys_of(embed(photos, engine, marked=True)).marks
    assert marks is not None
    assert marks.tolist() == [
        marks_of(textured(0)).tolist(),
        no_marks(1)[0].tolist(),
        marks_of(textured(1)).tolist(),
    ]
    before = readings(photos)
    again = keys_of(embed(photos, engine, marked=True)).marks
    assert again is not None
    assert np.array_equal(again, marks)
    embed(photos, engine)
    assert readings(photos) == before


def keys_of(bank: FeatureBank) -> PhotoKeys:
    assert bank.photos is not None
    return bank.photos


def test_rows_keep_their_order_whoever_finishes_first(
    paint: Paint, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = paint(4 * BATCH)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    for photo, delay in zip(photos[::BATCH], (0.2, 0.1, 0.0, 0.15), strict=True):
        monkeypatch.setattr(photo, "read", slowly(photo.read, delay))
    together = embed(photos, engine)
    truth = directly(photos, engine)
    assert np.abs(together.values[0] - truth).max() < 1e-5 * np.abs(truth).max()


def test_the_same_photos_are_not_read_again(paint: Paint, engine: Engine) -> None:
    photos = paint(BATCH + 1)
    first = embed(photos, engine)
    assert set(readings(photos)) == {1}
    again = paint(BATCH + 1)
    second = embed(again, engine)
    assert set(readings(again)) == {0}
    assert np.array_equal(first.values, second.values)
    assert second.problems == first.problems


def test_a_changed_photo_is_computed_anew(paint: Paint, engine: Engine) -> None:
    photos = paint(4)
    first = embed(photos, engine)
    photos[2].pixels = 255 - photos[2].pixels
    second = embed(photos, engine)
    assert readings(photos) == [2, 2, 2, 2]
    same = np.isclose(first.values[0], second.values[0]).all(1)
    assert same.tolist() == [True, True, False, True]


def test_photos_in_another_order_have_another_key(paint: Paint, engine: Engine) -> None:
    photos = paint(4)
    first, turned = embed(photos, engine), embed(photos[::-1], engine)
    assert np.allclose(first.values[0], turned.values[0, ::-1], atol=1e-5)
    assert readings(photos) == [2, 2, 2, 2]


@pytest.mark.parametrize(
    "other",
    [
        None,
        Views(Augmentation(), count=2, seed=5),
        Views(Augmentation(), count=3, seed=6),
        Views(Augmentation(flip=False), count=3, seed=5),
    ],
)
def test_other_views_have_another_key(other: Views | None, paint: Paint, engine: Engine) -> None:
    photos = paint(2)
    embed(photos, engine, views=VIEWS)
    embed(photos, engine, views=other)
    assert readings(photos) == [2, 2]


def test_another_engine_has_another_key(
    paint: Paint, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = paint(2)
    embed(photos, engine)
    monkeypatch.setattr(Engine, "digest", lambda _: "another")
    embed(photos, engine)
    assert readings(photos) == [2, 2]


def test_views_are_the_augmented_crops(paint: Paint, engine: Engine) -> None:
    photos = paint(BATCH + 3)
    bank = embed(photos, engine, views=VIEWS)
    assert bank.values.shape == (3, len(photos), engine.num_features)
    pre = engine.preprocessing
    for view, index in [(0, 0), (1, 5), (2, BATCH + 2), (0, BATCH + 2)]:
        crop = pre.crop(photos[index].pixels)[None]
        augmented = VIEWS.augmentation(crop, seed=5, epoch=view, indexes=[index])
        truth = engine(pre.normalise(augmented))[0]
        assert np.abs(bank.values[view, index] - truth).max() < 1e-5 * np.abs(truth).max()
    assert not np.allclose(bank.values[0], bank.values[1], rtol=1e-3)
    assert set(readings(photos)) == {1}


def test_still_views_are_the_plain_photo(paint: Paint, engine: Engine) -> None:
    photos = paint(3)
    still = Augmentation(rotation=0, zoom=0, translate_x=0, translate_y=0, flip=False)
    views = embed(photos, engine, views=Views(still, count=2, seed=0))
    plain = embed(photos, engine)
    assert np.array_equal(views.values[0], plain.values[0])
    assert np.array_equal(views.values[1], plain.values[0])


@pytest.mark.parametrize("views", [None, VIEWS])
def test_unreadable_photos_are_named_and_left_zero(
    views: Views | None, paint: Paint, engine: Engine
) -> None:
    photos = paint(2 * BATCH + 2)
    whole = embed(photos, engine, views=views)
    broken = [1, *range(BATCH, 2 * BATCH), 2 * BATCH + 1]  # among them a whole batch
    for index in broken:
        photos[index].broken = True
    for _ in range(2):  # computed, then from the cache
        bank = embed(photos, engine, views=views)
        assert list(bank.problems) == broken
        assert bank.problems[1] == "photo 1 is damaged. expected a complete photo."
        assert np.flatnonzero(~bank.readable).tolist() == broken
        assert not bank.values[:, broken].any()
        kept = bank.readable
        assert np.allclose(bank.values[:, kept], whole.values[:, kept], atol=1e-4)


def test_a_missing_file_is_a_problem_too(tmp_path: Path, engine: Engine) -> None:
    bank = embed([FilePhoto(tmp_path / "gone.jpg")], engine)
    assert list(bank.problems) == [0]
    assert "gone.jpg cannot be read (No such file or directory)" in bank.problems[0]
    assert not bank.readable.any()


def test_progress_counts_batches(paint: Paint, engine: Engine) -> None:
    reports: list[tuple[str, int, int]] = []
    embed(paint(BATCH + 1), engine, progress=lambda *report: reports.append(report))
    assert reports == [("Embedding photos", done, 2) for done in range(3)]


def test_a_failure_leaves_nothing_in_the_cache(
    paint: Paint, engine: Engine, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = paint(3)
    with monkeypatch.context() as patch:
        patch.setattr(features, "pack_look", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            embed(photos, engine)
    assert list((cache / "features").iterdir()) == []
    assert embed(photos, engine).readable.all()


def test_a_full_disk_is_an_error_and_no_crash(
    paint: Paint, engine: Engine, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(FlorascopeError, match=r"cannot be written \(No space left on device\)"):
        embed(paint(3), engine)
    assert list((cache / "features").iterdir()) == []


def test_the_cache_holds_plain_arrays(paint: Paint, engine: Engine, cache: Path) -> None:
    photos = paint(3)
    photos[1].broken = True
    bank = embed(photos, engine)
    (folder,) = (cache / "features").iterdir()
    values = np.load(folder / "values.npy", allow_pickle=False)
    assert np.array_equal(values, bank.values)
    assert json.loads((folder / "problems.json").read_text("utf-8")) == {"1": bank.problems[1]}


@pytest.mark.real_data
@pytest.mark.real_weights
def test_photos_decoded_small_give_the_features_of_whole_ones(
    real_data: Path, real_weights: Path
) -> None:
    """A phone's photo is decoded at a half or quarter of its size."""
    backbone = load_backbone("mobilenetv2_100", "torchvision")
    engine, pre = Engine(backbone), backbone.preprocessing
    paths = sorted((real_data / "flowers-102-originals").rglob("*.jpg"))[:24]
    small = embed([FilePhoto(path) for path in paths], engine).values[0]
    whole = np.concatenate([engine(pre(read_photo(path))[None]) for path in paths])
    cosines = (small * whole).sum(1) / np.linalg.norm(small, axis=1) / np.linalg.norm(whole, axis=1)
    assert cosines.min() > 0.98
    assert cosines.mean() > 0.995


def test_blocks_are_the_rows(paint: Paint, engine: Engine) -> None:
    photos = paint(7)
    photos[4].broken = True
    bank = embed(photos, engine)
    for held in (bank, FeatureBank(np.array(bank.values), bank.problems)):
        blocks = list(held.blocks(size=3))
        assert [(at.start, at.stop) for at, _, _ in blocks] == [(0, 3), (3, 6), (6, 7)]
        assert np.array_equal(np.concatenate([rows for _, rows, _ in blocks]), bank.values[0])
        assert np.array_equal(np.concatenate([kept for _, _, kept in blocks]), bank.readable)


def test_readable_by_hand() -> None:
    bank = FeatureBank(np.zeros((1, 4, 2), np.float32), {0: "empty", 2: "gone"})
    assert bank.readable.tolist() == [False, True, False, True]
