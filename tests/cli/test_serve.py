"""florascope serve, before it serves: ports, names, and how others find it."""

import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import segno

from florascope.app import guards
from florascope.cli.serve import allowed, as_origin, bound, check_versions, lan_address, qr_code
from florascope.errors import FlorascopeError

URL = "http://192.168.1.20:8000"


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


@pytest.fixture
def old_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if everything were at version 12."""
    monkeypatch.setattr(guards, "version", lambda _: "12.0")


@pytest.mark.usefixtures("old_pillow")
def test_known_holes_are_kept_from_other_machines() -> None:
    with pytest.raises(FlorascopeError, match=r"pillow 12\.0, safe from 13\.0 on\.") as raised:
        check_versions("0.0.0.0", allowed=False)
    assert "pip install --upgrade 'florascope[serve]'" in raised.value.fix
    assert "--allow-outdated" in raised.value.fix


@pytest.mark.usefixtures("old_pillow")
@pytest.mark.parametrize(("host", "allowed"), [("localhost", False), ("0.0.0.0", True)])
def test_known_holes_are_noted_where_nobody_else_comes(
    host: str, capsys: pytest.CaptureFixture[str], *, allowed: bool
) -> None:
    check_versions(host, allowed=allowed)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Known holes, so let no stranger send photos here: pillow 12.0, safe")


def test_sound_packages_are_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    check_versions("0.0.0.0", allowed=False)
    assert capsys.readouterr().err == ""


def test_a_host_that_is_not_this_machine() -> None:
    with pytest.raises(FlorascopeError, match=r"192\.0\.2\.1:0: ") as raised:
        bound("192.0.2.1", 0)  # RFC 5737: of nobody
    assert raised.value.expected == "an address of this machine (--host)"
    assert "--port" not in raised.value.fix
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


def test_only_a_server_that_listens_everywhere_has_more_to_say() -> None:
    assert lan_address("127.0.0.1") is None
    found = lan_address("0.0.0.0")
    assert found is None or socket.inet_aton(found)


def test_the_code_is_the_addresss() -> None:
    """Half blocks read back, module by module, within the white border that scanners need."""
    halves = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}  # upper and lower, 1 is dark
    lines = [[halves[c] for c in line] for line in qr_code(URL).splitlines()]
    rows = [[half[k] for half in line] for line in lines for k in (0, 1)]
    border = 4
    matrix = segno.make(URL, micro=False).matrix
    inner = [row[border:-border] for row in rows[border : border + len(matrix)]]
    assert inner == [list(row) for row in matrix]


def test_names() -> None:
    own = socket.gethostname().lower()
    names = allowed("0.0.0.0", ("Flowers.Example",))
    assert {"localhost", "127.0.0.1", "::1", own, "flowers.example"} <= names
    assert "rebound.example" not in names
    assert allowed("0.0.0.0", ("*",)) == frozenset()


@pytest.mark.parametrize("text", ["example.org", "https://", "https://a.b/c", "file:///a"])
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(FlorascopeError, match=r"--allow-origin .* expected a scheme and a name"):
        as_origin(text)


def test_origins_are_written_as_browsers_send_them() -> None:
    assert as_origin("https://Example.org/") == "https://example.org"
    assert as_origin("http://localhost:3000") == "http://localhost:3000"


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--collect", "", "expected a folder that can be written"),
        ("--prior", "class,weight\nno such flower,1\n", "line 2: no class 'no such flower'"),
    ],
)
def test_what_it_cannot_keep_or_ask_is_said_before_it_serves(
    tmp_path: Path, option: str, content: str, said: str
) -> None:
    path = tmp_path / "file.csv"
    path.write_text(content)
    ended = subprocess.run(
        command("--port", 0, option, path), capture_output=True, text=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert said in ended.stderr
