"""Bytes from anywhere: whole, or a sentence that holds no secret."""

import http.server
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from tests.cluster.conftest import KEYS, S3

from florascope.cluster import storage
from florascope.cluster.storage import Store, UnreachableError, read_whole
from florascope.errors import DataError, FlorascopeError, PhotoError
from florascope.images import MAX_BYTES


def test_a_part_of_a_file_here(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"0123456789")
    assert read_whole(str(tmp_path / "x.tar"), 3, 4) == b"3456"
    assert read_whole(str(tmp_path / "x.tar")) == b"0123456789"


def test_a_part_that_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PAUSE", 0.0)
    (tmp_path / "x.tar").write_bytes(b"0123456789")
    with pytest.raises(UnreachableError, match=r"x.tar gave 2 of 4 bytes"):
        read_whole(str(tmp_path / "x.tar"), 8, 4)


def test_an_object(s3: S3) -> None:
    s3.put("museum/a b#c?.jpg".replace("#", "%23").replace("?", "%3F").replace(" ", "%20"), b"odd")
    s3.put("museum/x.jpg", b"bytes")
    assert read_whole("s3://museum/x.jpg") == b"bytes"
    assert read_whole("s3://museum/a b#c?.jpg") == b"odd"
    with pytest.raises(PhotoError, match=r"s3://museum/none.jpg does not exist"):
        read_whole("s3://museum/none.jpg")


@pytest.mark.parametrize("fault", ["503", "cut", "slow"])
def test_a_failure_that_passes_is_outlived(failing: S3, fault: str) -> None:
    s3 = failing
    s3.put("museum/x.jpg", b"0123456789")
    s3.faults["x.jpg"] = [fault]
    assert read_whole("s3://museum/x.jpg") == b"0123456789"
    assert s3.gets["/museum/x.jpg"] == (1 if fault == "slow" else 2)


@pytest.mark.parametrize("fault", ["503", "cut"])
def test_a_failure_that_stays_is_told(failing: S3, fault: str) -> None:
    s3 = failing
    s3.put("museum/x.jpg", b"0123456789")
    s3.faults["x.jpg"] = [fault] * 1000
    with pytest.raises(UnreachableError, match=r"s3://museum/x.jpg cannot be read") as told:
        read_whole("s3://museum/x.jpg")
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in str(told.value)
    assert s3.gets["/museum/x.jpg"] >= storage.ATTEMPTS == 2


class Web(http.server.BaseHTTPRequestHandler):
    """A web server: /ok, /gone, /late (the second time), /short, /long, /noise (no HTTP)."""

    asked = 0

    def do_GET(self) -> None:
        Web.asked += 1
        if self.path == "/noise":
            self.wfile.write(b"no HTTP at all\r\n\r\n")
            self.close_connection = True
            return
        status = {"/gone": 404, "/late": 503 if Web.asked % 2 == 0 else 200}.get(self.path, 200)
        data = b"x" * (MAX_BYTES + 99) if self.path == "/long" else b"photo"
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(storage, "PAUSE", 0.0)
    Web.asked = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Web)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_an_address_on_the_web(web: str) -> None:
    assert read_whole(f"{web}/ok") == b"photo"
    assert read_whole(f"{web}/late") == b"photo"
    assert len(read_whole(f"{web}/long")) == MAX_BYTES + 1


def test_what_is_gone_is_asked_for_once(web: str) -> None:
    with pytest.raises(PhotoError, match=r"/gone cannot be read \(HTTP 404\)"):
        read_whole(f"{web}/gone")
    assert Web.asked == 1


def test_an_answer_that_is_no_http(web: str) -> None:
    with pytest.raises(UnreachableError, match=r"/noise cannot be read \(no HTTP at all"):
        read_whole(f"{web}/noise")


def test_fewer_bytes_than_promised(web: str) -> None:
    with pytest.raises(UnreachableError, match="gave 5 of 6 bytes"):
        read_whole(f"{web}/short")
    assert Web.asked == storage.ATTEMPTS


def test_an_address_that_does_not_do_is_one_photos_problem() -> None:
    with pytest.raises(PhotoError, match="nowhere:// cannot be opened"):
        read_whole("nowhere://x/y.jpg")
    with pytest.raises(PhotoError, match=r"https://\*\*\*@h/y.jpg carries credentials"):
        read_whole("https://ann:secret@h/y.jpg")


@pytest.mark.parametrize("kind", ["here", "s3"])
def test_a_store_shows_whole_files_alone(kind: str, tmp_path: Path, s3: S3) -> None:
    store = Store(str(tmp_path / "out") if kind == "here" else "s3://museum/out/")
    assert store.names() == set()
    assert store.read("_job/a") is None
    store.write("_job/a", b"1")
    store.write("b", b"2")
    store.write("b", b"3")
    assert (store.read("_job/a"), store.read("b")) == (b"1", b"3")
    assert store.names() == {"b"}
    with pytest.raises(TypeError), store.create("c") as file:
        file.writelines([b"half", None])  # type: ignore[list-item]
    assert store.names() == {"b"}


def test_the_web_is_no_store() -> None:
    with pytest.raises(DataError, match="https://host/x cannot be written"):
        Store("https://host/x")


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FlorascopeError, match="cannot be written"):
        Store(str(tmp_path / "file")).write("b", b"2")
