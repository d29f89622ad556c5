"""Oxford 102: the whole path from the web to the data set on a small release, and the real one."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from florascope.data import oxford102 as module
from florascope.data.dataset import Dataset
from florascope.data.oxford102 import (
    OXFORD,
    Release,
    is_layout,
    oxford102,
    oxford102_at_hand,
    oxford102_classes,
    oxford102_in,
)
from florascope.errors import DataError, DownloadError

Server = Any  # the Site of conftest.py, which tests cannot import
LABELS = [3, 1, 2, 3, 1, 2, 1]
# Where our names differ from those that go round as cat_to_name.json, but for capitals.
RENAMED = {
    "12": ("colt's foot", "coltsfoot"),
    "16": ("globe-flower", "globeflower"),
    "33": ("love in the mist", "love-in-a-mist"),
    "41": ("barbeton daisy", "Barberton daisy"),
    "45": ("bolero deep blue", "lisianthus"),
    "56": ("bishop of llandaff", "Bishop of Llandaff dahlia"),
    "78": ("lotus lotus", "lotus"),
    "85": ("desert-rose", "desert rose"),
    "89": ("watercress", "garden nasturtium"),
    "93": ("ball moss", "pink quill"),
}


def mat(**tables: list[int]) -> bytes:
    file = io.BytesIO()
    savemat(file, {key: np.array([table], dtype=np.uint16) for key, table in tables.items()})
    return file.getvalue()


def jpeg(shade: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, shade, shade)).save(file, "JPEG")
    return file.getvalue()


def tgz(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


FILES = {
    "imagelabels.mat": mat(labels=LABELS),
    "setid.mat": mat(trnid=[7, 1, 3], valid=[2, 6], tstid=[4, 5]),
    "102flowers.tgz": tgz({f"jpg/image_{n:05d}.jpg": jpeg(30 * n) for n in range(1, 8)}),
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


SMALL = Release(
    url="https://example.org/",
    archive="102flowers.tgz",
    archive_md5=hashlib.md5(FILES["102flowers.tgz"]).hexdigest(),
    labels_sha256=sha256(FILES["imagelabels.mat"]),
    splits_sha256=sha256(FILES["setid.mat"]),
    photos=7,
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No variable leads out of the test; the cache is here."""
    for variable in ("FLORASCOPE_DATA", "FLORASCOPE_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "florascope" / "data"


@pytest.fixture
def server(site: Server) -> Server:
    site.files = dict(FILES)
    return site


@pytest.fixture
def place(tmp_path: Path) -> Callable[[str], Path]:
    """Lay the small release down by hand, and return the folder with jpg/ in it."""

    def put(where: str) -> Path:
        home = tmp_path / where
        (home / "jpg").mkdir(parents=True)
        for name in ("imagelabels.mat", "setid.mat"):
            (home / name).write_bytes(FILES[name])
        for n in range(1, 8):
            (home / "jpg" / f"image_{n:05d}.jpg").write_bytes(jpeg(30 * n))
        return home

    return put


def check(data: Dataset) -> None:
    """Compare with the small release, number by number."""
    assert data.name == "Oxford Flowers 102"
    assert [c.id for c in data.classes] == ["1", "2", "3"]
    assert data.labels.tolist() == [label - 1 for label in LABELS]
    assert [photo.name for photo in data.photos] == [f"image_{n:05d}.jpg" for n in range(1, 8)]
    assert data.photos[4].read()[0, 0] == pytest.approx([150] * 3, abs=2)
    official = data.own_splits["official"]
    assert official.name == "official"
    assert [part.tolist() for _, part in official.items()] == [[0, 2, 6], [1, 5], [3, 4]]


class TestDownload:
    def test_everything(self, server: Server, tmp_path: Path) -> None:
        seen: list[tuple[str, int, int]] = []
        release = replace(SMALL, url=server.url)
        check(oxford102(tmp_path / "data", lambda *x: seen.append(x), release=release))
        home = tmp_path / "data" / "flowers-102"
        assert sorted(path.name for path in home.iterdir()) == [
            "imagelabels.mat",
            "jpg",
            "setid.mat",
        ]
        assert {what for what, _, _ in seen} == {
            "Downloading imagelabels.mat",
            "Downloading setid.mat",
            "Downloading 102flowers.tgz",
            "Unpacking 102flowers.tgz",
        }
        server.asked.clear()
        check(oxford102(tmp_path / "data", release=release))
        assert server.asked == []

    def test_into_the_folder_that_the_variable_names(
        self, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FLORASCOPE_DATA", str(tmp_path / "named"))
        check(oxford102(release=replace(SMALL, url=server.url)))
        assert (tmp_path / "named" / "flowers-102" / "setid.mat").is_file()

    def test_into_the_cache(self, server: Server, cache: Path) -> None:
        check(oxford102(release=replace(SMALL, url=server.url)))
        assert oxford102_at_hand() == cache / "flowers-102"

    def test_an_archive_put_there_by_hand_is_used_and_kept(
        self, server: Server, tmp_path: Path
    ) -> None:
        archive = tmp_path / "flowers-102" / "102flowers.tgz"
        archive.parent.mkdir()
        archive.write_bytes(server.files.pop("102flowers.tgz"))
        check(oxford102(tmp_path, release=replace(SMALL, url=server.url)))
        assert archive.is_file()

    def test_only_what_is_missing(
        self, server: Server, place: Callable[[str], Path], tmp_path: Path
    ) -> None:
        (place("flowers-102") / "setid.mat").unlink()
        check(oxford102(tmp_path, release=replace(SMALL, url=server.url)))
        assert [path for path, _ in server.asked] == ["setid.mat"]

    def test_goes_on_after_a_cut_connection(self, server: Server, tmp_path: Path) -> None:
        server.cuts["102flowers.tgz"] = 100
        release = replace(SMALL, url=server.url)
        with pytest.raises(DownloadError, match="broke off after 100 bytes"):
            oxford102(tmp_path, release=release)
        assert oxford102_at_hand(tmp_path) is None
        check(oxford102(tmp_path, release=release))
        assert server.asked[-1] == ("102flowers.tgz", "bytes=100-")

    def test_says_what_to_do_by_hand(self, server: Server, tmp_path: Path) -> None:
        del server.files["102flowers.tgz"]
        with pytest.raises(DownloadError, match="status 404") as info:
            oxford102(tmp_path, release=replace(SMALL, url=server.url))
        assert str(tmp_path / "flowers-102" / "102flowers.tgz") in info.value.fix

    def test_another_archive_is_refused(self, server: Server, tmp_path: Path) -> None:
        server.files["102flowers.tgz"] = tgz({"jpg/image_00001.jpg": b"not a flower"})
        with pytest.raises(DownloadError, match="has MD5 "):
            oxford102(tmp_path, release=replace(SMALL, url=server.url))
        assert not (tmp_path / "flowers-102" / "jpg").exists()

    def test_nothing_is_asked_of_the_authors_when_all_is_at_hand(
        self, place: Callable[[str], Path], tmp_path: Path
    ) -> None:
        place("flowers-102")
        check(oxford102(tmp_path, release=SMALL))  # example.org would fail


class TestAtHand:
    def test_the_first_place_wins(
        self,
        place: Callable[[str], Path],
        tmp_path: Path,
        cache: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        assert oxford102_at_hand(tmp_path / "given") is None
        cached = place("xdg/florascope/data/flowers-102")
        assert cached == cache / "flowers-102"
        assert oxford102_at_hand(tmp_path / "given") == cached
        named = place("named/flowers-102")
        monkeypatch.setenv("FLORASCOPE_DATA", str(tmp_path / "named"))
        assert oxford102_at_hand(tmp_path / "given") == named
        given = place("given/flowers-102")
        assert oxford102_at_hand(tmp_path / "given") == given
        assert oxford102_at_hand() == named

    def test_the_folder_itself_will_do(self, place: Callable[[str], Path], tmp_path: Path) -> None:
        home = place("somewhere")
        assert oxford102_at_hand(tmp_path / "somewhere") == home
        check(oxford102(home, release=SMALL))

    @pytest.mark.parametrize("missing", ["jpg", "imagelabels.mat", "setid.mat"])
    def test_all_three_parts_are_needed(
        self, missing: str, place: Callable[[str], Path], tmp_path: Path
    ) -> None:
        home = place("flowers-102")
        (home / missing).rename(tmp_path / "away")
        assert oxford102_at_hand(tmp_path) is None
        assert is_layout(home) == (missing == "setid.mat")

    def test_the_home_folder_is_understood(
        self, place: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home = place("data/flowers-102")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("FLORASCOPE_DATA", "~/data")
        assert oxford102_at_hand() == home


class TestRefusals:
    def test_missing_photos_are_counted_and_the_first_named(
        self, place: Callable[[str], Path]
    ) -> None:
        home = place("flowers-102")
        for n in (3, 5):
            (home / "jpg" / f"image_{n:05d}.jpg").unlink()
        with pytest.raises(DataError, match=r"holds 5 photos; the first missing is image_00003"):
            oxford102_in(home, SMALL)

    def test_too_many_photos(self, place: Callable[[str], Path]) -> None:
        home = place("flowers-102")
        (home / "jpg" / "image_00008.jpg").touch()
        with pytest.raises(DataError, match="holds 8 photos; some are not the authors'") as info:
            oxford102_in(home, SMALL)
        assert info.value.expected == "7, named image_00001.jpg to image_00007.jpg"
        assert info.value.fix == "Unpack 102flowers.tgz there again"

    def test_other_files_beside_the_photos_do_not_matter(
        self, place: Callable[[str], Path]
    ) -> None:
        home = place("flowers-102")
        (home / "jpg" / "Thumbs.db").touch()
        check(oxford102_in(home, SMALL))

    @pytest.mark.parametrize(
        ("name", "digest"),
        [("imagelabels.mat", SMALL.labels_sha256), ("setid.mat", SMALL.splits_sha256)],
        ids=["labels", "splits"],
    )
    def test_other_labels_or_splits(
        self, name: str, digest: str, place: Callable[[str], Path]
    ) -> None:
        home = place("flowers-102")
        (home / name).write_bytes(b"other")
        with pytest.raises(DataError, match=f"{name}: SHA-256 is {sha256(b'other')}") as info:
            oxford102_in(home, SMALL)
        assert info.value.expected == f"SHA-256 {digest}, the published file"
        assert info.value.fix == f"Replace it by https://example.org/{name}"

    def test_a_missing_split_file(self, place: Callable[[str], Path]) -> None:
        home = place("flowers-102")
        (home / "setid.mat").unlink()
        with pytest.raises(DataError, match=r"setid\.mat is missing\. expected SHA-256"):
            oxford102_in(home, SMALL)


class TestNames:
    def test_ids_are_1_to_102_and_names_are_unique(self) -> None:
        classes = oxford102_classes()
        assert [c.id for c in classes] == [str(n) for n in range(1, 103)]
        assert len({c.name.lower() for c in classes}) == 102
        assert all(c.name == c.name.strip() and len(c.name) > 3 for c in classes)

    def test_some_that_everybody_knows(self) -> None:
        names = {c.id: c.name for c in oxford102_classes()}
        assert names["54"] == "sunflower"
        assert names["74"] == "rose"
        assert names["94"] == "foxglove"
        assert names["102"] == "blackberry lily"


@pytest.mark.real_data
class TestReal:
    def test_the_published_data_set(self, real_data: Path) -> None:
        data = oxford102(real_data)
        assert len(data) == OXFORD.photos == 8189
        assert len(data.classes) == 102
        sizes = {s: len(part) for s, part in data.own_splits["official"].items()}
        assert sizes == {"train": 1020, "val": 1020, "test": 6149}
        official = data.own_splits["official"]
        assert set(np.bincount(data.labels[official.train])) == {10}
        assert set(np.bincount(data.labels[official.val])) == {10}
        assert (data.counts().min(), data.counts().max()) == (40, 258)
        assert data.photos[8188].read().ndim == 3
        assert data.classes[data.labels[0]].id == "77"  # image_00001 is a passion flower

    def test_the_names_are_the_usual_ones_but_for_listed_slips(self, real_data: Path) -> None:
        usual = json.loads((real_data / "flowers-102" / "cat_to_name.json").read_text())
        ours = {c.id: c.name for c in oxford102_classes()}
        changed = {k: (usual[k], ours[k]) for k in ours if ours[k].lower() != usual[k]}
        assert changed == RENAMED

    def test_at_hand(self, real_data: Path) -> None:
        assert oxford102_at_hand(real_data) == real_data / "flowers-102"


def test_scipy_is_imported_only_when_needed() -> None:
    assert "scipy" not in vars(module)
    assert "loadmat" not in vars(module)
