"""The command line as a whole, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from florascope import __version__
from florascope.cli.main import COMMANDS, cli


def florascope(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "florascope", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_version() -> None:
    done = florascope("--version")
    assert (done.returncode, done.stdout.split()[-1]) == (0, __version__)


@pytest.mark.parametrize(
    "command", ["demo", "train", "evaluate", "explain", "audit", "identify", "data"]
)
def test_every_command_has_help(command: str) -> None:
    done = florascope(command, "--help")
    assert done.returncode == 0
    assert "Usage:" in done.stdout


def test_every_command_of_the_list_is_there() -> None:
    """The list is written by hand: a command is imported when it is asked for."""
    here = {name: command.name for name, command in cli.members().items()}
    assert here == {name: name for name in COMMANDS}


def test_each_command_has_one_line_in_the_list() -> None:
    listed = florascope("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == list(COMMANDS)


def test_help_loads_nothing_that_it_does_not_need() -> None:
    """Each of these takes milliseconds of every command's start, or a second."""
    heavy = "torch numpy onnxruntime PIL asyncio csv hashlib json logging socket tempfile"
    heavy += " florascope.cli.train"
    program = (
        "import sys; from florascope.cli.main import cli;"
        "cli.main(['--help'], standalone_mode=False);"
        f"sys.exit(' '.join(sys.modules.keys() & set({heavy.split()})))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.stderr.decode().strip() == ""


@pytest.mark.parametrize(
    "arguments", [("fly",), ("train",), ("evaluate", "a", "b", "--subset", "x")]
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...]) -> None:
    done = florascope(*arguments)
    assert done.returncode == 2
    assert "Usage:" in done.stderr


def test_bad_input_exits_with_1_and_one_line() -> None:
    done = florascope("data", "inspect", "nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: 'nowhere' is no file or folder")
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.skipif(os.name != "posix", reason="a shell closes and joins streams")
@pytest.mark.parametrize(
    ("streams", "code", "told"),
    [
        ("recipes >&-", 0, ""),
        ("recipes --json >&-", 0, ""),
        ("identify nosuch.jpg 2>&-", 1, ""),
        ("identify - <&-", 1, "Error: the photo is empty (0 bytes). expected a photo.\n"),
    ],
)
def test_a_closed_stream_is_no_fault(streams: str, code: int, told: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -m florascope {streams}'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", told)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full is Linux's")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_output_that_cannot_be_written_is_one_line(options: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "florascope", "recipes", *options],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: input or output: No space left on device.\n"


STOPPED = """
import os, signal, sys, time
from pathlib import Path
import florascope.cli.main as main
from florascope.cli.console import JsonList
from florascope.files import new_file

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background

def work(**_):
    with JsonList("results") as listed, new_file(Path(sys.argv[1])) as draft:
        listed({})
        ready, begun = os.pipe()
        if (child := os.fork()) == 0:
            os.write(begun, b"x")  # a signal before Python has forked wholly would be lost
            time.sleep(60)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        assert os.waitpid(child, 0)[1] == signal.SIGTERM, "a forked process ends as ever"
        os.kill(os.getpid(), int(sys.argv[2]))
        time.sleep(60)

main.cli.main = work
main.main()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGTERM cannot be caught there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_a_line_and_nothing_half_written(
    number: int, code: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, str(tmp_path / "x.txt"), str(int(number))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, "Stopped.\n")
    error = {"message": "Stopped", "found": "Stopped", "expected": "", "fix": ""}
    assert json.loads(done.stdout) == {"schema": "florascope/1", "results": [{}], "error": error}
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_begins_with_a_dash(tmp_path: Path) -> None:
    (tmp_path / "-rose.jpg").touch()
    command = [sys.executable, "-m", "florascope", "identify", "-rose.jpg", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    hint = "Of a file that begins with a dash write: ./-rose.jpg"
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == hint
    assert json.loads(done.stdout)["error"]["fix"] == hint
