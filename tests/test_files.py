"""Drafts of writers that were really killed, and of those that live."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from tests.support.surroundings import claimer, full_disk

from florascope.errors import FlorascopeError
from florascope.files import (
    as_utf8,
    cache_dir,
    check_file,
    check_path,
    claimed,
    draft_prefix,
    json_text,
    new_file,
    new_folder,
    reserve,
    sweep,
    write_json,
    write_text,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="writers are known by Linux's /proc")
WRITER = """
import sys
from pathlib import Path
from florascope.files import new_file, new_folder
folder = Path(sys.argv[1])
with new_folder(folder / "run") as run, new_file(folder / "note.txt") as note:
    (run / "x.txt").write_text("new")
    note.write_text("new")
    print("written", flush=True)
    sys.stdin.readline()
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a writer of a folder and a file, which stops before they take their places."""
    writers: list[subprocess.Popen[str]] = []

    def begin(*before: str) -> "subprocess.Popen[str]":
        command = [*before, sys.executable, "-c", WRITER, str(tmp_path)]
        one = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        writers.append(one)
        assert one.stdout is not None
        assert one.stdout.readline() == "written\n"
        return one

    yield begin
    for one in writers:
        one.kill()
        one.communicate()


def finish(writer: "subprocess.Popen[str]") -> None:
    """Let a writer end its work."""
    writer.communicate("\n", timeout=30)
    assert writer.returncode == 0


def kill(writer: "subprocess.Popen[str]") -> None:
    writer.kill()
    assert writer.wait(30) == -signal.SIGKILL


def drafts(folder: Path) -> list[str]:
    return sorted(p.name.split(".draft-")[0] for p in folder.iterdir() if p.name[0] == ".")


@linux
def test_the_next_writer_sweeps_what_a_killed_one_left(tmp_path: Path, start: Start) -> None:
    for _ in range(2):
        kill(start())
        assert drafts(tmp_path) == [".note.txt", ".run"], "and none of the one before"
    finish(start())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["note.txt", "run"]
    assert (tmp_path / "run" / "x.txt").read_text() == "new"


@linux
def test_a_living_writer_is_not_disturbed(tmp_path: Path, start: Start) -> None:
    slow = start()
    kill(start())
    assert drafts(tmp_path) == [".note.txt"] * 2 + [".run"] * 2
    finish(start())
    assert drafts(tmp_path) == [".note.txt", ".run"]
    finish(slow)
    assert drafts(tmp_path) == []


@linux
def test_a_writer_in_another_container_is_not_disturbed(tmp_path: Path, start: Start) -> None:
    """Its process number says nothing here, and its drafts' names do not look like ours."""
    room = ("unshare", "--pid", "--fork", "--kill-child")
    if not shutil.which(room[0]) or subprocess.run([*room, "true"], check=False).returncode:
        pytest.skip("no containers may be made here")
    inside = start(*room)
    marks = {p.name.split("-")[1] for p in tmp_path.iterdir()}
    assert len(marks) == 1
    assert marks != {draft_prefix("x").split("-")[1]}
    finish(start())
    assert drafts(tmp_path) == [".note.txt", ".run"]
    finish(inside)


def dead() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@linux
def test_only_drafts_of_dead_processes_of_this_machine_go(tmp_path: Path) -> None:
    own, gone = draft_prefix("x").split("-")[1], dead()
    kept = [
        f".x.draft-{own}-{os.getpid()}-abcd1234",
        f".x.draft-{own}-1-abcd1234",
        f".x.draft-{'0' * 16}-{gone}-abcd1234",  # another machine's, or of an earlier boot
        f".x.draft-{own}-{10**30}-abcd1234",
        f".x.draft-{gone}-abcd1234",
        f"x.draft-{own}-{gone}-abcd1234",
        f".x.draft-{own}-{gone}-abcd1234.txt",
        ".x.old.abcd1234",  # a folder that was being replaced: the only one of its kind
        ".env",
    ]
    for name in (*kept, f".x.draft-{own}-{gone}-abcd1234", f".a.b\n.draft-{own}-{gone}-_"):
        (tmp_path / name).touch()
    (tmp_path / "target").mkdir()
    (tmp_path / f".y.draft-{own}-{gone}-link").symlink_to(tmp_path / "target")
    sweep(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {*kept, "target"}


@linux
def test_processes_of_others_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: int) -> None:
        raise PermissionError

    draft = tmp_path / f"{draft_prefix('x').replace(str(os.getpid()), str(dead()))}abcd1234"
    draft.touch()
    monkeypatch.setattr(os, "kill", forbidden)
    sweep(tmp_path)
    assert draft.exists()


def test_where_writers_are_not_known_nothing_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / f"{draft_prefix('x').replace(str(os.getpid()), str(dead()))}abcd1234"
    left.touch()
    monkeypatch.setattr("florascope.files._mark", lambda: "")
    with new_folder(tmp_path / "run") as draft:
        assert draft.name.startswith(".run.draft-")
    assert sorted(p.name for p in tmp_path.iterdir()) == [left.name, "run"]


def test_what_cannot_be_listed_is_left(tmp_path: Path) -> None:
    sweep(tmp_path / "missing")


def test_names_as_long_as_they_may_be(tmp_path: Path) -> None:
    name = "ä" * 127  # 254 bytes of at most 255
    write_text(tmp_path / name, "x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


@linux
def test_a_folder_that_another_process_writes_is_refused_until_that_has_ended(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    with claimer(run) as other:
        (claim,) = tmp_path.iterdir()
        with pytest.raises(FlorascopeError) as raised, claimed(run):
            pass
        assert raised.value.found == f"process {other.pid} is writing {run} just now"
        assert raised.value.expected == "one writer at a time"
        assert raised.value.fix == (
            "Wait until it has ended, or choose another folder. If that process is no florascope,"
            f" remove {claim}"
        )
        with claimed(tmp_path / "run2"):
            pass
        finish(other)
    with claimed(run):
        pass
    assert list(tmp_path.iterdir()) == []


@linux
def test_processes_that_share_a_training_are_one_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with claimer(run) as first:
        monkeypatch.setenv("RANK", "1")  # as torchrun sets it
        with claimed(run):
            assert len(list(tmp_path.iterdir())) == 1, "the first's alone"
        finish(first)


@linux
def test_a_killed_processs_claim_counts_for_nothing(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with claimer(run) as other:
        kill(other)
    with claimed(run):
        assert len(list(tmp_path.iterdir())) == 1, "and is swept"


@linux
def test_a_younger_claim_gives_way(tmp_path: Path) -> None:
    """Two that came nearly at once see each other: the first goes on."""
    run = tmp_path / "run"
    with claimer(run):
        (claim,) = tmp_path.iterdir()
        os.utime(claim, (time.time() + 60,) * 2)
        with claimed(run):
            pass


@linux
def test_of_two_claims_in_one_tick_none_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks first does not see the other, and may have gone on."""
    run = tmp_path / "run"
    monkeypatch.setattr("florascope.files._made", lambda _: 0)
    with (
        claimer(run) as other,
        pytest.raises(FlorascopeError, match=f"process {other.pid} is writing"),
        claimed(run),
    ):
        pass


def test_a_process_may_claim_a_folder_twice(tmp_path: Path) -> None:
    with claimed(tmp_path / "run"), claimed(tmp_path / "run"):
        pass


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
        "Free some space or choose another place; nothing was changed there"
    )
    assert tree(tmp_path) == {"x.txt": "old"}


def test_a_full_cache_names_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path))
    (tmp_path / "features").touch()
    with pytest.raises(FlorascopeError) as raised:
        write_text(tmp_path / "features" / "x.txt", "new")
    assert raised.value.fix == (
        "Choose another folder for the cache (FLORASCOPE_CACHE); nothing was changed there"
    )


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FLORASCOPE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(FlorascopeError) as raised:
        cache_dir()
    assert raised.value.expected == "HOME or FLORASCOPE_CACHE to be set"


def test_a_place_for_a_file_is_checked_without_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_file(tmp_path / "new" / "x.txt")
    with pytest.raises(FlorascopeError, match="is a folder. expected the name of a file"):
        check_file(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(FlorascopeError, match=f"{tmp_path} cannot be written. expected another"):
        check_file(tmp_path / "new" / "x.txt")
    assert list(tmp_path.iterdir()) == []


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


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise on Windows: only a writer syncs, no folder gives way, no writer is known."""
    replace, fsync = Path.replace, os.fsync

    def refuse(source: Path, target: Path) -> Path:
        if target.is_dir():
            raise PermissionError(errno.EACCES, "Access is denied")
        return replace(source, target)

    def sync(descriptor: int) -> None:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        fsync(descriptor)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.delattr(os, "O_DIRECTORY")
    monkeypatch.setattr("florascope.files._mark", str)
    monkeypatch.setattr("florascope.files._exchanged", lambda *_: False)


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize("seen", [True, False], ids=["seen", "made by another just now"])
def test_files_and_folders_are_replaced_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, seen: bool
) -> None:
    for text in ("old", "new"):
        write_text(tmp_path / "note.txt", text)
        with monkeypatch.context() as patch, new_folder(tmp_path / "run") as draft:
            (draft / "x.txt").write_text(text)
            if not seen:
                patch.setattr(Path, "exists", lambda _: False)
    assert tree(tmp_path) == {"note.txt": "new", "run/x.txt": "new"}


def test_lines_end_alike_on_every_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "linesep", "\r\n")
    write_text(tmp_path / "x.csv", "a,b\n1,2\n")
    assert (tmp_path / "x.csv").read_bytes() == b"a,b\n1,2\n"


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


@pytest.mark.parametrize("how", ["a disk of its own", "where this process is"])
def test_a_folder_that_cannot_give_up_its_place_gets_new_files(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    (out / "bundle").mkdir(parents=True)
    for name in ("bundle/a", "bundle/old", "report.html", "b", ".hidden"):
        (out / name).write_text("old")
    target = out
    if how == "where this process is":
        monkeypatch.chdir(out)
        target = Path()
    else:
        monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) == out)
    inode = out.stat().st_ino
    with new_folder(target) as draft:
        (draft / "bundle").mkdir()
        (draft / "bundle" / "a").write_text("new")
        (draft / "b").write_text("new")
    assert out.stat().st_ino == inode
    found = {str(p.relative_to(out)): p.read_text() for p in out.rglob("*") if p.is_file()}
    assert found == {"bundle/a": "new", "b": "new", ".hidden": "old"}


def test_a_link_to_a_folder_goes_on_leading_there(tmp_path: Path) -> None:
    (tmp_path / "disk" / "run").mkdir(parents=True)
    (tmp_path / "run").symlink_to(tmp_path / "disk" / "run")
    with new_folder(tmp_path / "run") as draft:
        (draft / "a").write_text("new")
    assert (tmp_path / "run").is_symlink()
    assert (tmp_path / "disk" / "run" / "a").read_text() == "new"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("caf\udce9.jpg", r"caf\xe9.jpg"),
        ("\ud800", r"\ud800"),
        ("café 玫瑰 🌹 \\", "café 玫瑰 🌹 \\"),
    ],
)
def test_text_that_utf8_cannot_hold(text: str, shown: str, tmp_path: Path) -> None:
    assert as_utf8(text) == shown
    assert json.loads(json_text({text: [text]}).encode("utf-8")) == {shown: [shown]}
    write_text(tmp_path / "t", text)
    assert (tmp_path / "t").read_text("utf-8") == shown


@pytest.mark.parametrize("text", ["https://a.b/c.jpg", "S3://bucket/x", "file:///home/x"])
def test_an_address_in_a_paths_place(text: str) -> None:
    with pytest.raises(FlorascopeError, match="is a web address") as info:
        check_path(text)
    assert info.value.found.startswith(text)
    assert info.value.fix == "Download it first, then give its path"


@pytest.mark.parametrize("text", ["C://photos", "photos/a:b", "./https:/x", "-", "a//b"])
def test_what_is_no_address(text: str) -> None:
    check_path(text)
