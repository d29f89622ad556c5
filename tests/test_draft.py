"""Drafts of writers that were really killed, and of those that live."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from florascope.draft import draft_prefix, sweep
from florascope.files import new_folder, write_text

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
    monkeypatch.setattr("florascope.draft._mark", lambda: "")
    with new_folder(tmp_path / "run") as draft:
        assert draft.name.startswith(".run.draft-")
    assert sorted(p.name for p in tmp_path.iterdir()) == [left.name, "run"]


def test_what_cannot_be_listed_is_left(tmp_path: Path) -> None:
    sweep(tmp_path / "missing")


def test_names_as_long_as_they_may_be(tmp_path: Path) -> None:
    name = "ä" * 127  # 254 bytes of at most 255
    write_text(tmp_path / name, "x")
    assert [p.name for p in tmp_path.iterdir()] == [name]
