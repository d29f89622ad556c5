"""Bad input ends in one clear line, status 1, and nothing half-written."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from florascope import files

TRAIN = ("--backbone", "test_resnet", "--weights", "random")
Spoil = Callable[[Path], Path]


def missing(root: Path) -> Path:
    return root / "nowhere"


def empty(root: Path) -> Path:
    (root / "empty").mkdir()
    return root / "empty"


def empty_class(root: Path) -> Path:
    (root / "photos" / "30").mkdir()
    return root / "photos"


def one_class(root: Path) -> Path:
    for name in ("2", "10"):
        shutil.rmtree(root / "photos" / name)
    return root / "photos"


def single_photo(root: Path) -> Path:
    for path in sorted((root / "photos" / "10").iterdir())[1:]:
        path.unlink()
    return root / "photos"


def two_photos(root: Path) -> Path:
    for path in sorted((root / "photos" / "10").iterdir())[2:]:
        path.unlink()
    return root / "photos"


def no_class_folders(root: Path) -> Path:
    return root / "photos" / "2"


def unlabelled(root: Path) -> Path:
    (root / "photos.csv").write_text("path,label\nphotos/1/photo-1-0.jpg,\n")
    return root / "photos.csv"


def lost_photos(root: Path) -> Path:
    (root / "photos.csv").write_text("path,label\nphotos/1/photo-1-0.jpg,1\ngone.jpg,2\n")
    return root / "photos.csv"


def no_csv(root: Path) -> Path:
    (root / "photos.csv").write_bytes(b"\xff\xd8\xff\xe0\x00 a photo by another name")
    return root / "photos.csv"


@pytest.fixture
def own(photos: Path, tmp_path: Path) -> Path:
    """A folder whose photos/ may be spoilt."""
    shutil.copytree(photos, tmp_path / "photos")
    return tmp_path


@pytest.mark.parametrize(
    ("spoil", "found", "expected"),
    [
        (missing, "is no file or folder", "a folder with one folder of photos a class"),
        (empty, "holds no folders and no photos", "a folder of class folders"),
        (empty_class, "30 holds no photos", "Fill the folder or remove it"),
        (one_class, "photos has 1 class (1)", "at least two classes"),
        (single_photo, "too few photos of class 10 (1)", "at least 3 photos of every class"),
        (two_photos, "too few photos of class 10 (2)", "at least 3 photos of every class"),
        (no_class_folders, "10 photos lie directly in", "Move each into the folder of its class"),
        (unlabelled, "line 2: no label", "a label in every line"),
        (lost_photos, "1 of 2 photos in", "gone.jpg (line 3)"),
        (no_csv, "is not UTF-8 text", "Save it as CSV UTF-8"),
    ],
)
def test_data_that_cannot_train(
    run: Any, own: Path, spoil: Spoil, found: str, expected: str
) -> None:
    source = spoil(own)
    before = sorted(own.rglob("*"))
    ended = run("train", source, *TRAIN, "--out", own / "run")
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert line.startswith("Error: ")
    assert found in line
    assert expected in line
    assert sorted(own.rglob("*")) == before


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("photo-1-0.jpg,103,train", "label '103' for 1/photo-1-0.jpg. expected '1', its class"),
        ("photo-1-0.jpg,1,later", "split 'later'. expected one of train, val"),
        ("photo-9-9.jpg,1,train", "path 'photo-9-9.jpg' fits 0 photos of"),
    ],
)
def test_a_split_outside_the_data(run: Any, own: Path, row: str, found: str) -> None:
    (own / "split.csv").write_text(f"path,label,split\n{row}\n")
    ended = run("train", own / "photos", *TRAIN, "--split", own / "split.csv", "--out", own / "run")
    assert ended.code == 1
    assert f"split.csv, line 2: {found}" in ended.err
    assert not (own / "run").exists()


@pytest.mark.parametrize("command", ["evaluate", "explain", "identify"])
def test_a_folder_that_is_no_bundle(run: Any, own: Path, command: str) -> None:
    photo = own / "photos" / "1" / "photo-1-0.jpg"
    arguments = {
        "evaluate": (own / "photos", own / "photos"),
        "explain": (own / "photos", photo, "--out", own / "pictures"),
        "identify": (photo, "--model", own / "photos"),
    }
    ended = run(command, *arguments[command])
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    assert "photos" in line
    assert "config.json" in line
    assert not (own / "pictures").exists()


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the disk be full from the n-th file on that is to reach it."""

    def fill(n: int) -> None:
        synced: list[Path] = []
        sync = files._sync

        def full(path: Path) -> None:
            synced.append(path)
            if len(synced) > n:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(path)

        monkeypatch.setattr(files, "_sync", full)

    return fill


@pytest.mark.parametrize("n", [0, 3, 7, 10])
def test_a_full_disk_leaves_nothing_half_written(
    run: Any,
    trained: Path,
    own: Path,
    full_disk: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
    n: int,
) -> None:
    monkeypatch.setattr("florascope.report.page.report_html", lambda *_, **__: "the page")
    # trained has filled the cache, so that only the run itself is to be written: the bundle's six
    # files, history.csv, metrics.json, the folder and the one that it lies in; then report.html.
    full_disk(n)
    ended = run("train", own / "photos", *TRAIN, "--split", "80-10-10", "--out", own / "run")
    assert ended.code == 1
    assert "cannot be written (No space left on device). Free some space" in ended.err
    assert "Traceback" not in ended.err
    left = sorted(p.relative_to(own / "run") for p in (own / "run").rglob("*") if p.is_file())
    bundle = ("README.md", "config.json", "model.onnx", "model.safetensors")
    names = (*bundle, "photos.json", "photos.safetensors")
    whole = [*(Path("bundle", name) for name in names), Path("history.csv"), Path("metrics.json")]
    assert left == (whole if n == 10 else [])
    assert ("The run in" in ended.err) == (n == 10)


def test_a_full_cache_says_where(
    run: Any,
    own: Path,
    full_disk: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(own / "cache"))
    full_disk(0)
    ended = run("train", own / "photos", *TRAIN, "--split", "80-10-10", "--out", own / "run")
    assert ended.code == 1
    assert "FLORASCOPE_CACHE" in ended.err
    assert not (own / "run").exists()
    assert [p for p in (own / "cache").rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(
    ("arguments", "option", "kind"),
    [
        (("audit", "nowhere", "nowhere"), "--out", "file"),
        (("data", "inspect", "nowhere"), "--report", "file"),
        (("identify", "nowhere.jpg"), "--overlay", "file"),
        (("explain", "nowhere", "nowhere.jpg"), "--out", "folder"),
        (("embed", "nowhere"), "--out", "folder"),
        (("identify", "nowhere"), "--out", "folder"),
        (("fit", "nowhere"), "--out", "folder"),
        (("export", "nowhere", "--to", "onnx"), "--out", "folder"),
        (("import", "nowhere.onnx"), "--out", "folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_said_before_any_work(
    run: Any, tmp_path: Path, arguments: tuple[str, ...], option: str, kind: str
) -> None:
    """Even before what is to be worked on is missed."""
    taken = tmp_path / "taken.png"
    taken.mkdir() if kind == "file" else taken.touch()
    for place in (taken, taken / "x.png") if kind == "folder" else (taken,):
        ended = run(*arguments, option, place)
        assert ended.code == 1
        found = f"{taken} is a {'folder' if kind == 'file' else 'file'}"
        assert found in ended.err or f"{place} exists" in ended.err
