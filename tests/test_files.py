"""Files and folders that are wholly there or not at all, also where the disk gives out."""

import errno
import json
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from florascope.errors import FlorascopeError
from florascope.files import cache_dir, new_file, new_folder, reserve, write_json, write_text


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """Let no file grow past the limit, as a full disk would not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def cut_short(place: AbstractContextManager[Path], failure: BaseException) -> Iterator[Path]:
    """Fail after the body, inside the place."""
    with place as draft:
        yield draft
        raise failure


def tree(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_text_is_utf_8_and_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "note.txt"
    write_text(path, "Gänseblümchen\n")
    assert path.read_bytes() == "Gänseblümchen\n".encode()
    assert path.stat().st_mode & 0o777 == 0o644
    write_text(path, "new")
    assert tree(tmp_path) == {"a/b/note.txt": "new"}


def test_json_is_read_back(tmp_path: Path) -> None:
    value = {"name": "Gänseblümchen", "top1": 0.1, "none": None, "rows": [1, 2]}
    write_json(tmp_path / "x.json", value)
    text = (tmp_path / "x.json").read_text("utf-8")
    assert json.loads(text) == value
    assert "Gänseblümchen" in text
    assert text.endswith("}\n")


def test_json_without_a_meaning_writes_nothing(tmp_path: Path) -> None:
    write_text(tmp_path / "x.json", "old")
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert tree(tmp_path) == {"x.json": "old"}


@pytest.mark.parametrize("failure", [RuntimeError("bug"), KeyboardInterrupt()])
def test_a_file_cut_short_leaves_the_old_one(failure: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(type(failure)), cut_short(new_file(path), failure) as draft:
        draft.write_text("half")
    assert tree(tmp_path) == {"x.txt": "old"}


@pytest.mark.parametrize("failure", [RuntimeError("bug"), KeyboardInterrupt()])
def test_a_folder_cut_short_leaves_the_old_one(failure: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    (path / "x.txt").write_text("old")
    with pytest.raises(type(failure)), cut_short(new_folder(path), failure) as draft:
        (draft / "x.txt").write_text("half")
    assert tree(tmp_path) == {"run/x.txt": "old"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_folder_replaces_the_old_one_wholly(tmp_path: Path) -> None:
    path = tmp_path / "a" / "run"
    for text in ("old", "new"):
        with new_folder(path) as draft:
            assert draft.parent == path.parent, "another file system could not be renamed from"
            (draft / f"{text}.txt").write_text(text)
            (draft / "deep").mkdir()
            (draft / "deep" / "x.txt").write_text(text)
    assert tree(tmp_path) == {"a/run/new.txt": "new", "a/run/deep/x.txt": "new"}
    assert [p.name for p in path.parent.iterdir()] == ["run"]
    assert path.stat().st_mode & 0o777 == 0o755
    assert (path / "deep" / "x.txt").stat().st_mode & 0o777 == 0o644


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_a_folder_that_is_replaced_is_never_missing(tmp_path: Path) -> None:
    """Another thread looks at it all the time, which a kill could do at any instant."""
    path, over = tmp_path / "run", threading.Event()
    missing: list[float] = []
    for text in ("old", "new"):
        if text == "new":
            thread = threading.Thread(target=_watch, args=(path / "x.txt", over, missing))
            thread.start()
        for _ in range(1 if text == "old" else 50):
            with new_folder(path) as draft:
                (draft / "x.txt").write_text(text)
    over.set()
    thread.join()
    assert missing == []
    assert tree(tmp_path) == {"run/x.txt": "new"}


def test_of_two_processes_that_write_the_same_folder_both_succeed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    with new_folder(path) as draft:
        (draft / "x.txt").write_text("theirs")
    with monkeypatch.context() as patch, new_folder(path) as draft:
        (draft / "x.txt").write_text("ours")
        patch.setattr(Path, "exists", lambda _: False)  # theirs came just after the look
    assert tree(tmp_path) == {"run/x.txt": "ours"}


def _watch(path: Path, over: threading.Event, missing: list[float]) -> None:
    while not over.is_set():
        if not path.exists():
            missing.append(time.monotonic())


@pytest.mark.parametrize("failure", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_a_folder_that_cannot_take_its_place_gives_it_back(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    with new_folder(path) as draft:
        (draft / "x.txt").write_text("old")
    replace = Path.replace

    def fail(source: Path, target: Path) -> Path:
        if target == path and (source / "x.txt").read_text() == "new":
            raise failure
        return replace(source, target)

    monkeypatch.setattr("florascope.files._exchanged", lambda *_: False)  # as if not on Linux
    monkeypatch.setattr(Path, "replace", fail)
    expected = FlorascopeError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected), new_folder(path) as draft:
        (draft / "x.txt").write_text("new")
    assert tree(tmp_path) == {"run/x.txt": "old"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_file_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("old")
    with full_disk(1000), pytest.raises(FlorascopeError) as raised:
        write_text(path, "new" * 1000)
    assert raised.value.found == f"{path} cannot be written (File too large)"
    assert raised.value.fix == (
        "Free some space or choose another place (--out; FLORASCOPE_CACHE for the cache);"
        " nothing was changed there"
    )
    assert tree(tmp_path) == {"x.txt": "old"}


def test_a_folder_on_a_full_disk(tmp_path: Path) -> None:
    with (
        full_disk(1000),
        pytest.raises(FlorascopeError, match="run cannot be written"),
        new_folder(tmp_path / "run") as draft,
    ):
        (draft / "x.txt").write_text("new" * 1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [new_file, new_folder])
def test_a_place_inside_a_file(
    make: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_text("a photo")
    with (
        pytest.raises(FlorascopeError, match=r"photo.jpg/run cannot be written \("),
        make(tmp_path / "photo.jpg" / "run"),
    ):
        pytest.fail("there is no such place")
    assert tree(tmp_path) == {"photo.jpg": "a photo"}


def test_what_is_renamed_has_reached_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink().name)
    )
    with new_folder(tmp_path / "run") as draft:
        (draft / "a").write_text("1")
        (draft / "b").write_text("2")
        assert synced == []
    *files, folder, parent = synced  # the contents before the names
    assert sorted(files) == ["a", "b"]
    assert folder.startswith(".run.")
    assert parent == tmp_path.name


def test_reserve_claims_the_blocks_of_a_sparse_file(tmp_path: Path) -> None:
    path, size = tmp_path / "sparse", 2**20
    with path.open("wb") as file:
        file.truncate(size)
    assert path.stat().st_blocks * 512 < size
    reserve(path)
    assert path.stat().st_blocks * 512 >= size
    assert path.read_bytes() == bytes(size)


def test_reserve_does_nothing_where_the_system_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    (tmp_path / "x").write_text("kept")
    reserve(tmp_path / "x")
    assert (tmp_path / "x").read_text() == "kept"


def test_the_cache_is_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FLORASCOPE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir() == tmp_path / "home" / ".cache" / "florascope"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_dir() == tmp_path / "xdg" / "florascope"
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own"
