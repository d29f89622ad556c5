"""Bundles in ZIP files: taken by their names alone, once, and refused where they do not add up."""

import zipfile
from pathlib import Path

import pytest

from florascope.bundle import archive as module
from florascope.bundle.config import find_bundle
from florascope.errors import BundleError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def packed(path: Path, *names: str) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, f"content of {name}")
    return str(path)


def test_a_bundles_files_and_no_others(tmp_path: Path, cache: Path) -> None:
    names = ("my/config.json", "my/model.onnx", "my/run.sh", "../../out", "my/../../facts.csv")
    folder = find_bundle(packed(tmp_path / "one.zip", *names))
    assert {file.name for file in folder.iterdir()} == {"config.json", "model.onnx"}
    assert (folder / "config.json").read_text() == "content of my/config.json"
    assert folder.is_relative_to(cache)
    assert not (tmp_path.parent / "out").exists()


def test_the_same_content_is_unpacked_once(tmp_path: Path) -> None:
    first = find_bundle(packed(tmp_path / "one.zip", "config.json"))
    (tmp_path / "two.ZIP").write_bytes((tmp_path / "one.zip").read_bytes())
    made = (first / "config.json").stat().st_ino
    assert find_bundle(str(tmp_path / "two.ZIP")) == first
    assert (first / "config.json").stat().st_ino == made


def test_a_folder_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "folder.zip").mkdir()
    (tmp_path / "folder.zip" / "config.json").write_text("{}")
    assert find_bundle(str(tmp_path / "folder.zip")) == tmp_path / "folder.zip"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("README.md",), "0 files config.json in it, not one"),
        (("a/config.json", "b/config.json"), "2 files config.json in it, not one"),
    ],
)
def test_not_one_bundle(tmp_path: Path, cache: Path, names: tuple[str, ...], told: str) -> None:
    with pytest.raises(BundleError, match=rf"{told}.*expected a ZIP archive of a bundle"):
        find_bundle(packed(tmp_path / "one.zip", *names))
    assert not list(cache.rglob("config.json"))


def test_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "one.zip", "config.json")
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(BundleError, match="22 bytes in it, at most 10"):
        find_bundle(path)
    monkeypatch.setattr(module, "MAX_FILES", 0)
    with pytest.raises(BundleError, match="1 files in it, at most 0"):
        find_bundle(path)


def test_no_archive_at_all(tmp_path: Path) -> None:
    (tmp_path / "one.zip").write_bytes(b"PK no archive")
    with pytest.raises(
        BundleError, match=r"one\.zip cannot be unpacked \(File is not a zip file\)"
    ):
        find_bundle(str(tmp_path / "one.zip"))


def test_damaged(tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "stored as it is")
    path.write_bytes(path.read_bytes().replace(b"stored", b"forged"))
    with pytest.raises(BundleError, match="Bad CRC-32 for file 'config.json'"):
        find_bundle(str(path))
