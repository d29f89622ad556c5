"""The lock: one at a time, and no trace of it afterwards."""

import errno
import gzip
import hashlib
import io
import re
import resource
import socket
import subprocess
import sys
import tarfile
import threading
from http.client import HTTPMessage
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from florascope.data import download as module
from florascope.data.download import download, locked, unpack
from florascope.errors import DownloadError

HOLD = """
import sys
from pathlib import Path
from florascope.data.download import locked

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


def test_a_lock_file_that_windows_does_not_remove_while_it_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "The process cannot access the file", str(path))

    with monkeypatch.context() as patch, locked(tmp_path / "target"):
        patch.setattr(Path, "unlink", refuse)
    with locked(tmp_path / "target"):
        pass
    assert list(tmp_path.iterdir()) == []


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


CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes: several chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()
BY_HAND = "fetch the file by other means and put it at"

Server = Any  # the Site of conftest.py, which tests cannot import


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "file.tgz"


@pytest.fixture
def server(site: Server) -> Server:
    site.files["file.tgz"] = CONTENT
    return site


def leftovers(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir() if path != target)


class TestSuccess:
    @pytest.mark.parametrize("checksum", [{"sha256": SHA256}, {"md5": MD5}], ids=["sha256", "md5"])
    def test_the_file_is_there_and_nothing_else(
        self, checksum: dict[str, Any], server: Server, target: Path
    ) -> None:
        assert download(server.url + "file.tgz", target, **checksum) == target
        assert target.read_bytes() == CONTENT
        assert leftovers(target) == []

    def test_progress_counts_the_bytes(self, server: Server, target: Path) -> None:
        seen: list[tuple[str, int, int]] = []
        download(server.url + "file.tgz", target, sha256=SHA256, progress=lambda *x: seen.append(x))
        assert {what for what, _, _ in seen} == {"Downloading file.tgz"}
        assert {total for _, _, total in seen} == {len(CONTENT)}
        done = [done for _, done, _ in seen]
        assert done == sorted(done)
        assert len(done) >= 4
        assert done[-1] == len(CONTENT)

    def test_a_server_that_tells_no_length(self, server: Server, target: Path) -> None:
        server.lengths = False
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert target.read_bytes() == CONTENT

    def test_a_file_that_is_there_is_not_fetched_again(self, server: Server, target: Path) -> None:
        target.parent.mkdir()
        target.write_bytes(CONTENT)
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert server.asked == []

    def test_a_wrong_file_that_is_there_is_replaced(self, server: Server, target: Path) -> None:
        target.parent.mkdir()
        target.write_bytes(b"an error page")
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert target.read_bytes() == CONTENT

    def test_redirects_on_this_machine(self, server: Server, target: Path) -> None:
        server.redirects["old"] = server.url + "file.tgz"
        download(server.url + "old", target, sha256=SHA256)
        assert [path for path, _ in server.asked] == ["old", "file.tgz"]

    def test_two_at_once_fetch_once(self, server: Server, target: Path) -> None:
        def fetch() -> None:
            download(server.url + "file.tgz", target, sha256=SHA256)

        threads = [threading.Thread(target=fetch) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert target.read_bytes() == CONTENT
        assert len(server.asked) == 1


class TestResume:
    def test_a_connection_cut_midway_goes_on_where_it_stopped(
        self, server: Server, target: Path
    ) -> None:
        server.cuts["file.tgz"] = 600_000
        with pytest.raises(DownloadError, match="broke off after 600,000 bytes") as info:
            download(server.url + "file.tgz", target, sha256=SHA256)
        assert info.value.expected == "1,024,000"
        assert info.value.fix.startswith("Run the command again (it goes on where it stopped)")
        assert not target.exists()
        assert target.with_name("file.tgz.part").read_bytes() == CONTENT[:600_000]

        seen: list[tuple[int, int]] = []
        download(
            server.url + "file.tgz",
            target,
            sha256=SHA256,
            progress=lambda _, done, total: seen.append((done, total)),
        )
        assert server.asked == [("file.tgz", None), ("file.tgz", "bytes=600000-")]
        assert target.read_bytes() == CONTENT
        assert leftovers(target) == []
        assert min(seen) > (600_000, 0)
        assert seen[-1] == (len(CONTENT), len(CONTENT))

    @pytest.mark.parametrize("ranges", ["ignored", "wrong"])
    def test_starts_anew_where_the_server_cannot_go_on(
        self, ranges: str, server: Server, target: Path
    ) -> None:
        server.ranges = ranges
        server.cuts["file.tgz"] = 600_000
        with pytest.raises(DownloadError):
            download(server.url + "file.tgz", target, sha256=SHA256)
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert target.read_bytes() == CONTENT

    def test_starts_anew_where_the_part_is_too_long(self, server: Server, target: Path) -> None:
        target.parent.mkdir()
        target.with_name("file.tgz.part").write_bytes(CONTENT + b"more")
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert target.read_bytes() == CONTENT
        assert [wanted for _, wanted in server.asked] == ["bytes=1024004-", None]

    def test_a_complete_part_is_not_fetched_again(self, server: Server, target: Path) -> None:
        target.parent.mkdir()
        target.with_name("file.tgz.part").write_bytes(CONTENT)
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert target.read_bytes() == CONTENT
        assert server.asked == []

    def test_the_whole_is_verified_at_the_end(self, server: Server, target: Path) -> None:
        target.parent.mkdir()
        part = target.with_name("file.tgz.part")
        part.write_bytes(b"of another file")
        with pytest.raises(DownloadError, match="has SHA256"):
            download(server.url + "file.tgz", target, sha256=SHA256)
        assert not part.exists()
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert target.read_bytes() == CONTENT


class TestRefusals:
    @pytest.mark.parametrize(
        ("checksum", "name", "found"),
        [({"sha256": "0" * 64}, "SHA256", SHA256), ({"md5": "0" * 32}, "MD5", MD5)],
        ids=["sha256", "md5"],
    )
    def test_wrong_bytes_are_deleted(
        self, checksum: dict[str, Any], name: str, found: str, server: Server, target: Path
    ) -> None:
        with pytest.raises(DownloadError) as info:
            download(server.url + "file.tgz", target, **checksum)
        assert info.value.found == f"{server.url}file.tgz has {name} {found}"
        (wanted,) = checksum.values()
        assert info.value.expected == f"{wanted}, the published file; what came was deleted"
        assert f"{BY_HAND} {target}" in info.value.fix
        assert not target.exists()
        assert not target.with_name("file.tgz.part").exists()

    def test_wrong_bytes_do_not_touch_what_was_there(self, server: Server, target: Path) -> None:
        target.parent.mkdir()
        target.write_bytes(b"old")
        with pytest.raises(DownloadError):
            download(server.url + "file.tgz", target, sha256="0" * 64)
        assert target.read_bytes() == b"old"

    def test_a_server_that_sends_too_much(
        self, server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MAX_BYTES", 600_000)
        for lengths in (True, False):
            server.lengths = lengths
            with pytest.raises(DownloadError, match="at most 600,000; what came was deleted"):
                download(server.url + "file.tgz", target, sha256=SHA256)
            assert not target.with_name("file.tgz.part").exists()

    def test_a_redirect_to_no_address(self, server: Server, target: Path) -> None:
        server.redirects["old"] = "https://[nowhere"
        with pytest.raises(DownloadError, match="could not be downloaded"):
            download(server.url + "old", target, sha256=SHA256)

    def test_a_full_disk_keeps_what_came(self, server: Server, target: Path) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, hard))
        try:
            with pytest.raises(DownloadError, match=r"could not be downloaded .*File too large"):
                download(server.url + "file.tgz", target, sha256=SHA256)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert target.with_name("file.tgz.part").stat().st_size == 600_000
        download(server.url + "file.tgz", target, sha256=SHA256)
        assert server.asked[-1] == ("file.tgz", "bytes=600000-")

    def test_a_missing_page(self, server: Server, target: Path) -> None:
        with pytest.raises(DownloadError, match=r"gone could not be downloaded \(status 404: Not"):
            download(server.url + "gone", target, sha256=SHA256)
        assert not target.exists()

    def test_nobody_answers(self, target: Path) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))  # bound, never listening
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.tgz"
            with pytest.raises(DownloadError, match=r"could not be downloaded .*refused") as info:
                download(url, target, sha256=SHA256)
        assert f"{BY_HAND} {target}" in info.value.fix

    def test_a_server_that_falls_silent(
        self, target: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "TIMEOUT", 0.1)
        monkeypatch.setenv("no_proxy", "*")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/file.tgz"
            with pytest.raises(DownloadError, match=r"could not be downloaded \(.*timed out"):
                download(url, target, sha256=SHA256)

    def test_an_answer_that_is_no_http(self, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("no_proxy", "*")

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=answer)
            thread.start()
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/file.tgz"
            with pytest.raises(DownloadError, match=r"could not be downloaded \(.*SSH-2\.0"):
                download(url, target, sha256=SHA256)
            thread.join()

    def test_a_folder_that_cannot_be_made(self, server: Server, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DownloadError, match="could not be downloaded"):
            download(server.url + "file.tgz", tmp_path / "file" / "x.tgz", sha256=SHA256)

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.org/file.tgz",
            "http://127.0.0.1.example.org/file.tgz",
            "http://localhost.example.org/file.tgz",
            "http://192.168.0.1/file.tgz",
            "http://user@example.org/file.tgz",
            "http:///file.tgz",
            "ftp://example.org/file.tgz",
            "file:///etc/passwd",
            "data:,hello",
            "file.tgz",
        ],
    )
    def test_insecure_addresses(self, url: str, target: Path) -> None:
        with pytest.raises(DownloadError, match=r"is not a secure address\. expected https://"):
            download(url, target, sha256=SHA256)
        assert not target.parent.exists()

    @pytest.mark.parametrize(
        "url", ["http://example.org/file.tgz", "ftp://example.org/f", "file:///etc/passwd"]
    )
    def test_redirects_to_insecure_addresses(self, url: str, server: Server, target: Path) -> None:
        server.redirects["old"] = url
        with pytest.raises(DownloadError, match=rf"status 302: .*{re.escape(url)}"):
            download(server.url + "old", target, sha256=SHA256)
        assert [path for path, _ in server.asked] == ["old"]

    def test_https_does_not_redirect_to_plain_http_even_on_this_machine(self) -> None:
        with pytest.raises(HTTPError, match="redirects to http://127"):
            module._SecureRedirects().redirect_request(
                Request("https://example.org/"),
                io.BytesIO(),
                302,
                "Found",
                HTTPMessage(),
                "http://127.0.0.1:1/",
            )

    @pytest.mark.parametrize("checksums", [{}, {"md5": MD5, "sha256": SHA256}])
    def test_exactly_one_checksum(self, checksums: dict[str, Any], target: Path) -> None:
        with pytest.raises(ValueError, match="give md5 or sha256"):
            download("https://example.org/", target, **checksums)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "http://127.0.0.1:8000/",
        "http://127.9.9.9/",
        "http://[::1]:80/",
        "http://localhost:1/",
    ],
)
def test_secure_addresses(url: str) -> None:
    assert module._secure(url)


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
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / "jpg"


def refused(archive: Path, home: Path, match: str, **options: Any) -> DownloadError:
    """Unpack in vain; nothing may be left behind, inside or outside."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(DownloadError, match=match) as info:
        unpack(archive, home, **options)
    after = [p for p in archive.parent.rglob("*") if not p.name.endswith(".lock")]
    assert sorted(after) == sorted({*before, home.parent})
    return info.value


class TestUnpacking:
    def test_files_and_folders(self, tmp_path: Path, home: Path) -> None:
        folder = special("jpg", tarfile.DIRTYPE)
        archive = archived(tmp_path, folder, file("jpg/a.jpg", b"A"), file("./jpg/deep/b.jpg"))
        assert unpack(archive, home) == home
        assert (home / "a.jpg").read_bytes() == b"A"
        assert (home / "deep" / "b.jpg").read_bytes() == b"content"
        assert [path.name for path in home.parent.iterdir()] == ["jpg"]

    def test_owners_and_modes_of_the_archive_do_not_matter(
        self, tmp_path: Path, home: Path
    ) -> None:
        info, content = file("jpg/a.jpg")
        info.mode, info.uid, info.uname = 0o6777, 12345, "mallory"
        unpack(archived(tmp_path, (info, content)), home)
        assert (home / "a.jpg").stat().st_mode & 0o7022 == 0

    def test_a_folder_that_is_there_is_kept(self, tmp_path: Path, home: Path) -> None:
        home.mkdir(parents=True)
        (home / "mine.jpg").touch()
        unpack(archived(tmp_path, file("jpg/a.jpg")), home)
        assert [path.name for path in home.iterdir()] == ["mine.jpg"]

    def test_progress_ends_at_the_archives_size(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}.jpg") for i in range(50)))
        seen: list[tuple[str, int, int]] = []
        unpack(archive, home, progress=lambda *x: seen.append(x))
        assert len(seen) == 50
        size = archive.stat().st_size
        assert seen[-1] == ("Unpacking photos.tgz", size, size)

    def test_two_at_once(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}.jpg") for i in range(200)))
        errors: list[Exception] = []

        def run() -> None:
            try:
                unpack(archive, home)
            except Exception as error:  # noqa: BLE001 (a thread would swallow it)
                errors.append(error)

        threads = [threading.Thread(target=run) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert len(list(home.iterdir())) == 200


class TestRefusedArchives:
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
    def test_paths_outside_the_one_folder(self, name: str, tmp_path: Path, home: Path) -> None:
        error = refused(
            archived(tmp_path, file("jpg/a.jpg"), file(name)), home, r"photos\.tgz holds"
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
        self, member: tuple[tarfile.TarInfo, bytes], tmp_path: Path, home: Path
    ) -> None:
        error = refused(archived(tmp_path, file("jpg/a.jpg"), member), home, "a link or device")
        assert error.expected == "files and folders"

    def test_too_many_bytes(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, file("jpg/a.jpg", bytes(9_000)), file("jpg/b.jpg"))
        assert archive.stat().st_size < 1000
        refused(archive, home, "unpacks to more than 8,000 bytes", max_bytes=8_000)

    def test_too_many_empty_members(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}", b"") for i in range(100)))
        refused(archive, home, "unpacks to more than", max_bytes=99 * 512)
        unpack(archive, home, max_bytes=100 * 512)
        assert len(list(home.iterdir())) == 100

    def test_a_file_for_a_folder(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, file("jpg/a"), file("jpg/a/b/c.jpg"))
        refused(archive, home, "is damaged")

    def test_a_file_for_the_root(self, tmp_path: Path, home: Path) -> None:
        refused(archived(tmp_path, file("jpg")), home, "holds nothing")

    def test_an_archive_cut_short(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, file("jpg/a.jpg", bytes(range(256)) * 400))
        archive.write_bytes(archive.read_bytes()[:-300])
        refused(archive, home, "is damaged")

    def test_a_size_that_leads_back(self, tmp_path: Path, home: Path) -> None:
        """CVE-2025-8194: read with seeks by an older Python, this archive has no end."""
        archive = archived(tmp_path, file("jpg/a.jpg"))
        back = tarfile.TarInfo("jpg/b.jpg")
        back.size = -tarfile.BLOCKSIZE
        content = gzip.decompress(archive.read_bytes())
        archive.write_bytes(gzip.compress(back.tobuf(tarfile.GNU_FORMAT) + content))
        refused(archive, home, "is damaged")

    def test_flipped_bits(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, *(file(f"jpg/{i}.jpg", bytes([i]) * 999) for i in range(99)))
        data = bytearray(archive.read_bytes())
        data[200:260] = bytes(60)
        archive.write_bytes(data)
        refused(archive, home, "is damaged")

    @pytest.mark.parametrize("content", [b"", b"<!doctype html>", b"PK\x03\x04 a zip file"])
    def test_no_archive_at_all(self, content: bytes, tmp_path: Path, home: Path) -> None:
        archive = tmp_path / "photos.tgz"
        archive.write_bytes(content)
        refused(archive, home, r"photos\.tgz is damaged")

    def test_too_many_members(
        self, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("florascope.data.download.MAX_MEMBERS", 5)
        archive = archived(tmp_path, *(file(f"jpg/{i}") for i in range(6)))
        refused(archive, home, "unpacks to more than .* or many files")

    def test_a_disk_that_is_really_full(self, tmp_path: Path, home: Path) -> None:
        archive = archived(tmp_path, file("jpg/a.jpg", bytes(200_000)))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            error = refused(archive, home, r"cannot be unpacked \(File too large\)")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert error.fix.startswith("Nothing was unpacked; free some space")

    def test_a_disk_that_is_full(
        self, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        archive = archived(tmp_path, file("jpg/a.jpg"))
        monkeypatch.setattr("tarfile.copyfileobj", full)
        error = refused(archive, home, r"cannot be unpacked \(No space left")
        assert error.fix.endswith("free some space or choose another `data_dir`")

    def test_a_missing_archive(self, tmp_path: Path, home: Path) -> None:
        refused(tmp_path / "gone.tgz", home, r"gone\.tgz cannot be unpacked \(No such file")

    def test_an_empty_archive(self, tmp_path: Path, home: Path) -> None:
        refused(archived(tmp_path), home, "holds nothing")
        (tmp_path / "again").mkdir()
        empty = archived(tmp_path / "again", special("jpg", tarfile.DIRTYPE))
        refused(empty, tmp_path / "again" / "home" / "jpg", "holds nothing")
