"""Folders as they lie on disks."""

import os
from collections import Counter
from pathlib import Path

import pytest

from florascope.data.listing import (
    CLOSED,
    HIDDEN,
    LOOP,
    NO_ENDING,
    SHOWN,
    is_system,
    left_out,
    list_folder,
    photos_below,
)
from florascope.errors import DataError

NAMES = ("10.jpg", "2.JFIF", "a.heic", "b.txt", "c.TXT", "LICENSE", ".x.jpg", "Thumbs.db")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).touch()
    for name in ("below", "@eaDir", ".git"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").touch()
    return tmp_path


def test_a_folders_listing(mixed: Path) -> None:
    found = list_folder(mixed)
    assert found.photos == ("2.JFIF", "10.jpg", "a.heic")
    assert found.folders == (mixed / "below",)
    assert found.ignored == {".txt": 2, NO_ENDING: 1, HIDDEN: 4}
    assert list(found.below(mixed.parent)) == [f"{mixed.name}/{name}" for name in found.photos]


def test_the_same_below_a_folder(mixed: Path) -> None:
    ignored: Counter[str] = Counter()
    names = ("2.JFIF", "10.jpg", "a.heic", "below/1.jpg")
    assert list(photos_below(str(mixed), ignored)) == [str(mixed / name) for name in names]
    assert +ignored == list_folder(mixed).ignored


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of folders that nobody may list; root may list any, so that modes would not do."""
    scandir, name = os.scandir, "private"

    def refuse(path: str) -> object:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    return name


def test_folders_that_cannot_be_read_are_counted(mixed: Path, closed: str) -> None:
    (mixed / closed).mkdir()
    ignored = Counter[str]()
    assert str(mixed / "below" / "1.jpg") in list(photos_below(str(mixed), ignored))
    assert ignored[CLOSED] == 1
    assert "1 a folder that cannot be read" in left_out(ignored)


def test_photos_of_a_folder_that_cannot_be_read_are_not_none(mixed: Path, closed: str) -> None:
    (mixed / closed).mkdir()
    with pytest.raises(DataError) as raised:
        list(photos_below(str(mixed / closed)))
    assert raised.value.found == f"{mixed / closed} cannot be read (Permission denied)"
    assert raised.value.expected == "a folder of photos"


def test_links_that_lead_up_are_left_out_and_counted(tmp_path: Path) -> None:
    inner = tmp_path / "rose"
    inner.mkdir()
    for name, target in {"self": inner, "up": tmp_path, "odd": inner / "odd"}.items():
        (inner / name).symlink_to(target)
    (inner / "beside").symlink_to(tmp_path / "lily")
    (tmp_path / "lily").mkdir()
    found = list_folder(inner)
    assert found.folders == (inner / "beside",)
    assert found.ignored == {LOOP: 2, NO_ENDING: 1}


def test_a_folder_that_cannot_be_listed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone cannot be read"):
        list_folder(tmp_path / "gone")


@pytest.mark.parametrize("name", ["__MACOSX", "@EADIR", "$Recycle.Bin", ".DS_Store", "Icon\r"])
def test_what_systems_leave(name: str) -> None:
    assert is_system(name)


@pytest.mark.parametrize("name", ["rose", "#1", "@home", "$5", "cache", "icon"])
def test_what_people_name(name: str) -> None:
    assert not is_system(name)


def test_what_was_left_out_is_said_by_number() -> None:
    assert left_out(Counter()) == left_out(Counter({HIDDEN: 0})) == ""
    assert left_out(Counter({".txt": 3, ".heic": 2000})) == "2,000 .heic, 3 .txt"
    many = Counter({f".{n:02}": 100 - n for n in range(SHOWN + 2)})
    assert left_out(many).endswith("93 .07 and 2 more endings")
