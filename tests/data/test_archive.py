"""Unpacking: honest archives, and every way to be dishonest."""

import errno
import io
import resource
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from florascope.data.archive import unpack
from florascope.errors import DownloadError


def file(name: str, content: bytes = b"content") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


def archived(tmp_path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = tmp_path / "photos.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "home" / "jpg"


def refused(archive: Path, target: Path, match: str, **options: Any) -> DownloadError:
    """Unpack in vain; nothing may be left behind, inside or outside."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(DownloadError, match=match) as info:
        unpack(archive, target, **options)
    after = [p for p in archive.parent.rglob("*") if not p.name.endswith(".lock")]
    assert sorted(after) == sorted({*before, target.parent})
    return info.value


class TestSuccess:
    def test_files_and_folders(self, tmp_path: Path, target: Path) -> None:
        folder = special("jpg", tarfile.DIRTYPE)
        archive = archived(tmp_path, folder, file("jpg/a.jpg", b"A"), file("./jpg/deep/b.jpg"))
        assert unpack(archive, target) == target
        assert (target / "a.jpg").read_bytes() == b"A"
        assert (target / "deep" / "b.jpg").read_bytes() == b"content"
        assert [path.name for path in target.parent.iterdir()] == ["jpg"]

    def test_owners_and_modes_of_the_archive_do_not_matter(
        self, tmp_path: Path, target: Path
    ) -> None:
        info, content = file("jpg/a.jpg")
        info.mode, info.uid, info.uname = 0o6777, 12345, "mallory"
        unpack(archived(tmp_path, (info, content)), target)
        assert (target / "a.jpg").stat().st_mode & 0o7022 == 0

    def test_a_folder_that_is_there_is_kept(self, tmp_path: Path, target: Path) -> None:
        target.mkdir(parents=True)
        (target / "mine.jpg").touch()
        unpack(archived(tmp_path, file("jpg/a.jpg")), target)
        assert [path.name for path in target.iterdir()] == ["mine.jpg"]

    def test_progress_ends_at_the_archives_size(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}.jpg") for i in range(50)))
        seen: list[tuple[str, int, int]] = []
        unpack(archive, target, progress=lambda *x: seen.append(x))
        assert len(seen) == 50
        size = archive.stat().st_size
        assert seen[-1] == ("Unpacking photos.tgz", size, size)

    def test_two_at_once(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}.jpg") for i in range(200)))
        errors: list[Exception] = []

        def run() -> None:
            try:
                unpack(archive, target)
            except Exception as error:  # noqa: BLE001 (a thread would swallow it)
                errors.append(error)

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(list(target.iterdir())) == 200


class TestRefusals:
    @pytest.mark.parametrize(
        "name",
        [
            "../evil.jpg",
            "jpg/../../evil.jpg",
            "jpg/sub/../a.jpg",
            "/tmp/evil.jpg",
            "//evil.jpg",
            "jpg\\..\\..\\evil.jpg",
            "C:/evil.jpg",
            "jpg/a.jpg:stream",
            "other/a.jpg",
            "evil.jpg",
        ],
    )
    def test_paths_outside_the_one_folder(self, name: str, tmp_path: Path, target: Path) -> None:
        error = refused(
            archived(tmp_path, file("jpg/a.jpg"), file(name)), target, r"photos\.tgz holds"
        )
        assert repr(name) in error.found
        assert error.expected == "only paths inside jpg/"
        assert "Nothing was unpacked" in error.fix

    @pytest.mark.parametrize(
        "member",
        [
            special("jpg/link", tarfile.SYMTYPE, "/etc/passwd"),
            special("jpg/link", tarfile.SYMTYPE, "a.jpg"),
            special("jpg/link", tarfile.LNKTYPE, "jpg/a.jpg"),
            special("jpg/device", tarfile.CHRTYPE),
            special("jpg/disk", tarfile.BLKTYPE),
            special("jpg/pipe", tarfile.FIFOTYPE),
        ],
        ids=["absolute link", "link", "hard link", "character", "block", "pipe"],
    )
    def test_links_and_devices(
        self, member: tuple[tarfile.TarInfo, bytes], tmp_path: Path, target: Path
    ) -> None:
        error = refused(archived(tmp_path, file("jpg/a.jpg"), member), target, "a link or device")
        assert error.expected == "files and folders"

    def test_too_many_bytes(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, file("jpg/a.jpg", bytes(9_000)), file("jpg/b.jpg"))
        assert archive.stat().st_size < 1000
        refused(archive, target, "unpacks to more than 8,000 bytes", max_bytes=8_000)

    def test_too_many_empty_members(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}", b"") for i in range(100)))
        refused(archive, target, "unpacks to more than", max_bytes=99 * 512)
        unpack(archive, target, max_bytes=100 * 512)
        assert len(list(target.iterdir())) == 100

    def test_a_file_for_a_folder(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, file("jpg/a"), file("jpg/a/b/c.jpg"))
        refused(archive, target, "is damaged")

    def test_a_file_for_the_root(self, tmp_path: Path, target: Path) -> None:
        refused(archived(tmp_path, file("jpg")), target, "holds nothing")

    def test_an_archive_cut_short(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, file("jpg/a.jpg", bytes(range(256)) * 400))
        archive.write_bytes(archive.read_bytes()[:-300])
        refused(archive, target, "is damaged")

    def test_flipped_bits(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}.jpg", bytes([i]) * 999) for i in range(99)))
        data = bytearray(archive.read_bytes())
        data[200:260] = bytes(60)
        archive.write_bytes(data)
        refused(archive, target, "is damaged")

    @pytest.mark.parametrize("content", [b"", b"<!doctype html>", b"PK\x03\x04 a zip file"])
    def test_no_archive_at_all(self, content: bytes, tmp_path: Path, target: Path) -> None:
        archive = tmp_path / "photos.tgz"
        archive.write_bytes(content)
        refused(archive, target, r"photos\.tgz is damaged")

    def test_too_many_members(
        self, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("florascope.data.archive.MAX_MEMBERS", 5)
        archive = archived(tmp_path, *(file(f"jpg/{i}") for i in range(6)))
        refused(archive, target, "unpacks to more than .* or many files")

    def test_a_disk_that_is_really_full(self, tmp_path: Path, target: Path) -> None:
        archive = archived(tmp_path, file("jpg/a.jpg", bytes(200_000)))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            error = refused(archive, target, r"cannot be unpacked \(File too large\)")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert error.fix.startswith("Nothing was unpacked; free some space")

    def test_a_disk_that_is_full(
        self, tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        archive = archived(tmp_path, file("jpg/a.jpg"))
        monkeypatch.setattr("tarfile.copyfileobj", full)
        error = refused(archive, target, r"cannot be unpacked \(No space left")
        assert error.fix.endswith("free some space or choose another --data-dir")

    def test_a_missing_archive(self, tmp_path: Path, target: Path) -> None:
        refused(tmp_path / "gone.tgz", target, r"gone\.tgz cannot be unpacked \(No such file")

    def test_an_empty_archive(self, tmp_path: Path, target: Path) -> None:
        refused(archived(tmp_path), target, "holds nothing")
        (tmp_path / "again").mkdir()
        empty = archived(tmp_path / "again", special("jpg", tarfile.DIRTYPE))
        refused(empty, tmp_path / "again" / "home" / "jpg", "holds nothing")
