"""The command line as a whole, in processes of its own."""

import subprocess
import sys

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
