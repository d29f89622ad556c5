"""The npm package: checked, never unpacked; npm is a program that stands in the PATH."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from florascope.errors import DownloadError
from florascope.export import web_runtime as module
from florascope.export.web_runtime import FILE, NAMES, web_runtime


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small package in the place of the real one, and a program that tries to climb out."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (
            *(f"package/dist/{n}" for n in NAMES),
            "../../escaped",
            "package/package.json",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    monkeypatch.setattr(module, "INTEGRITY", integrity(path))
    return path


def integrity(path: Path) -> str:
    """What `openssl dgst -sha512 -binary | base64` prints."""
    import base64
    import hashlib

    return base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of that name first in the PATH."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_only_the_files_that_a_page_needs(package: Path, tmp_path: Path) -> None:
    found = web_runtime(package)
    assert found == {name: f"package/dist/{name}".encode() for name in NAMES}
    assert not list(tmp_path.parent.rglob("escaped"))


def test_another_package_is_refused(package: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.tgz"
    changed.write_bytes(package.read_bytes() + b"\0")
    with pytest.raises(
        DownloadError, match=r"has the SHA-512 .* npm pack onnxruntime-web@1\.30\.0"
    ):
        web_runtime(changed)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"none\.tgz cannot be read \(No such file"):
        web_runtime(tmp_path / "none.tgz")


def test_no_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(DownloadError, match="there is no npm .* name it with --runtime FILE"):
        web_runtime()


def test_npm_fetches_once(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "count"
    npm(tmp_path / "bin", f'echo "$@" >> {count}; cp {package} "$5/{FILE}"', monkeypatch)
    assert set(web_runtime()) == set(web_runtime()) == set(NAMES)
    (call,) = count.read_text().splitlines()
    assert call.startswith("pack onnxruntime-web@1.30.0 --ignore-scripts --pack-destination ")


def test_npm_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    npm(tmp_path / "bin", "echo npm error offline >&2; exit 1", monkeypatch)
    with pytest.raises(DownloadError, match=r"failed: npm error offline.*--runtime FILE"):
        web_runtime()
    assert not list(cache.rglob("*.tgz"))


def test_npm_brings_something_else(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    npm(tmp_path / "bin", f'echo other > "$5/{FILE}"', monkeypatch)
    with pytest.raises(DownloadError, match="has the SHA-512"):
        web_runtime()
    assert not list(cache.rglob("*.tgz"))  # and it is not kept for the next time


def test_npm_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", "exec sleep 30", monkeypatch)
    monkeypatch.setattr(module, "SECONDS", 0.2)
    with pytest.raises(DownloadError, match="took over"):
        web_runtime()
