"""Who may ask, and under which name: over real HTTP, on every interface and in a browser."""

import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser
from tests.support.chromium import opened

from florascope.app import guards
from florascope.app.guards import SAFE, Access, Outdated, outdated
from florascope.app.limits import Limits
from florascope.identify.identifier import Identifier

from .conftest import Serve, free_port, wait_for
from .test_server import detail, post


class Lan(NamedTuple):
    """A server on every interface: its port, and what it printed."""

    port: int
    printed: str


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    port = free_port()
    command = [sys.executable, "-u", "-m", "florascope", "serve"]
    command += ["--host", "0.0.0.0", "--port", str(port), "--allow-host", "Flowers.example"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        wait_for(f"http://127.0.0.1:{port}")
        assert process.stdout
        first = process.stdout.readline()
        yield Lan(port, first + process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_the_address_that_others_use_is_printed_and_answers(lan: Lan) -> None:
    found = re.search(rf"On the same network: (http://[\d.]+:{lan.port})\n", lan.printed)
    assert found, lan.printed
    assert "127.0.0.1" not in found[1]
    assert httpx.get(f"{found[1]}/healthz").status_code == 200


@pytest.mark.parametrize("name", ["192.168.1.20", "[fe80::1]", "localhost", "flowers.example"])
def test_addresses_and_own_names_are_answered(lan: Lan, name: str) -> None:
    told = httpx.get(f"http://127.0.0.1:{lan.port}", headers={"host": f"{name}:{lan.port}"})
    assert told.status_code == 200


@pytest.mark.parametrize("name", ["rebound.example", "192.168.1.20.rebound.example", "", "1"])
def test_other_names_are_refused_on_every_interface_too(lan: Lan, name: str) -> None:
    told = httpx.get(f"http://127.0.0.1:{lan.port}", headers={"host": name})
    assert "allow-host" in detail(told, 421)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://192.168.1.20:8000"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "http://192.168.1.20:3000"}, 403),  # another program of the same machine
        ({"origin": "null"}, 403),
        ({"origin": "https://flowers.example", "sec-fetch-site": "same-origin"}, 200),  # a proxy's
        ({"origin": "https://flowers.example", "x-forwarded-host": "flowers.example"}, 200),
        ({"origin": "http://192.168.1.20:8000", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, 403),
        ({}, 200),  # no browser
    ],
)
def test_pages_of_other_origins_send_nothing(
    server: str, photo: bytes, headers: dict[str, str], status: int
) -> None:
    """Browsers send Origin with every POST, Sec-Fetch-Site over HTTPS and to this machine alone."""
    asked = post(server, "/api/identify", photo, host="192.168.1.20:8000", **headers)
    assert asked.status_code == status, asked.text
    if status == 403:
        assert "allow-origin" in detail(asked, 403)


ASK = """async ([server, photo]) => {
    try {
        const answer = await fetch(`${server}/api/identify`, { method: "POST", body: photo });
        return answer.status;
    } catch {
        return "refused";
    }
}"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[str]:
    """A page of another origin."""
    (tmp_path / "index.html").write_text("<!doctype html><title>mine</title>")
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.mark.parametrize(("allow", "status"), [(True, 422), (False, "refused")])
def test_an_origin_is_allowed_on_purpose(
    browser: Browser,
    identifier: Identifier,
    serve: Serve,
    elsewhere: str,
    *,
    allow: bool,
    status: int | str,
) -> None:
    """A page of another site asks, in a real browser, which looks for permission itself."""
    origins = frozenset({elsewhere}) if allow else frozenset()
    server = serve(identifier, Limits(), Access(origins=origins))
    for page in opened(browser, elsewhere, []):
        assert page.evaluate(ASK, [server, "no photo"]) == status


ROOT = Path(__file__).parents[2]


def test_they_are_those_of_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["optional-dependencies"]["serve"]
    assert {f"{package}>={version}" for package, version in SAFE.items()} <= set(listed)


def test_security_names_their_holes() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for package, version in SAFE.items():
        assert f"| {package} | {version} |" in page


@pytest.mark.parametrize(
    ("found", "old"),
    [("12.3.0", True), ("9.5", True), ("13.0.0rc1", True), ("13.0", False), ("13.0.0", False)],
)
def test_versions_are_compared_as_numbers(
    monkeypatch: pytest.MonkeyPatch, found: str, *, old: bool
) -> None:
    monkeypatch.setattr(guards, "version", {"pillow": found}.__getitem__)
    told = outdated({"pillow": "13.0"})
    assert told == ((Outdated("pillow", found, "13.0"),) if old else ())


def test_here_all_are_new_enough() -> None:
    assert outdated() == ()
