"""The lock: one at a time, and no trace of it afterwards."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from florascope.data.lock import locked

HOLD = """
import sys
from pathlib import Path
from florascope.data.lock import locked

with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
    Path(sys.argv[1]).write_text("done")
"""


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        seen: list[bool] = []

        def wait() -> None:
            with locked(target):
                seen.append(target.exists())

        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.2)
        assert seen == []  # still waiting
        other.stdin.write("\n")
        other.stdin.flush()
        thread.join()
    assert seen == [True]


def test_the_lock_file_goes_when_the_work_is_done(tmp_path: Path) -> None:
    target = tmp_path / "new" / "target"
    with locked(target):
        assert [path.name for path in target.parent.iterdir()] == [".target.lock"]
    assert list(target.parent.iterdir()) == []


def test_the_lock_can_be_taken_again_after_an_error(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with pytest.raises(ZeroDivisionError), locked(target):
        _ = 1 // 0
    with locked(target):
        assert target.parent.is_dir()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError), locked(tmp_path / "file" / "target"):
        pass
