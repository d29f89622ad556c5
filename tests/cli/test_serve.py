"""florascope serve, before it serves."""

import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from florascope.cli.serve import bound
from florascope.errors import FlorascopeError


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "florascope", "serve", *map(str, arguments)]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens until the test ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def test_a_port_in_use_is_one_line_and_nothing_before(taken: int) -> None:
    ended = subprocess.run(
        command("--port", taken), capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"Error: port {taken} of 127.0.0.1 is in use.")
    assert "--port 0 takes a free one" in line


def test_a_host_that_is_not_this_machine() -> None:
    with pytest.raises(FlorascopeError, match=r"192\.0\.2\.1:0: "):
        bound("192.0.2.1", 0)  # RFC 5737: of nobody
    with pytest.raises(FlorascopeError, match="no such host.invalid"):
        bound("no such host.invalid", 0)


def test_a_free_port_is_named_and_answers(trained: Path, photos: Path, tmp_path: Path) -> None:
    """With a single photo of each class to compare with, which is enough."""
    for label in ("1", "2", "10"):
        (tmp_path / label).mkdir()
        shutil.copy(photos / label / f"photo-{label}-0.jpg", tmp_path / label)
    options = ("--port", 0, "--model", trained, "--photos", tmp_path)
    with subprocess.Popen(command(*options), stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:([1-9][0-9]*) ", server.stdout.readline())
            assert found
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/", timeout=30) as answer:
                assert answer.status == 200
        finally:
            server.terminate()
