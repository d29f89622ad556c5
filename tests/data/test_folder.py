"""Folders of class folders: what is found, and what is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from florascope.data.dataset import Dataset, Photo
from florascope.data.folder import folder
from florascope.data.listing import HIDDEN, NO_ENDING, RUNS
from florascope.errors import DataError


def names(photos: list[Photo]) -> list[str]:
    return [photo.name for photo in photos]


def ids(data: Dataset) -> list[str]:
    return [known.id for known in data.classes]


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Make empty files below a folder: folder() looks at names, never into files."""

    def files(*paths: str) -> Path:
        root = tmp_path / "root"
        root.mkdir(exist_ok=True)
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
        return root

    return files


def classes(where: str = "", *, count: int = 2, of: str = "ab") -> list[str]:
    return [f"{where}{name}/{i}.jpg" for name in of for i in range(count)]


class TestClassFolders:
    def test_photos_labels_and_names(self, photo_folder: Path) -> None:
        data = folder(photo_folder)
        assert data.name == "photos"
        assert [(known.id, known.name) for known in data.classes] == [
            ("daisy", "daisy"),
            ("rose", "rose"),
            ("violet", "violet"),
        ]
        assert data.counts().tolist() == [10, 10, 10]
        assert data.own_splits == {}
        assert names(list(data.photos))[9:12] == ["daisy/10.jpg", "rose/1.jpg", "rose/2.jpg"]
        assert data.labels[9:12].tolist() == [0, 1, 1]
        assert data.photos[10].read()[..., 0].mean() == pytest.approx(200, abs=4)

    def test_numeric_classes_are_in_numeric_order(self, make: Callable[..., Path]) -> None:
        root = make(*(f"{k}/{i}.jpg" for k in (10, 2, 1, 102) for i in (1, 2)))
        assert ids(folder(root)) == ["1", "2", "10", "102"]

    def test_other_classes_are_in_alphabetic_order(self, make: Callable[..., Path]) -> None:
        assert ids(folder(make(*classes(of="cBa")))) == ["a", "B", "c"]

    def test_suffixes_of_any_case(self, make: Callable[..., Path]) -> None:
        root = make("a/1.JPG", "a/2.jpeg", "a/3.Png", "b/1.webp", "b/2.TIF")
        assert folder(root).counts().tolist() == [3, 2]

    def test_hidden_files_and_other_files_are_left_out_and_counted(
        self, make: Callable[..., Path]
    ) -> None:
        root = make(
            *classes(),
            *("README.txt", ".DS_Store", ".git/config", "__MACOSX/a/1.jpg"),
            *("a/.1.jpg", "a/notes.md", "b/1.txt", "b/.thumbs/1.jpg", "b/LICENSE"),
        )
        data = folder(root)
        assert data.counts().tolist() == [2, 2]
        assert data.ignored == {".txt": 2, ".md": 1, HIDDEN: 5, NO_ENDING: 1}

    @pytest.mark.parametrize(
        "junk",
        [
            *("@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "__pycache__"),
            *(".thumbnails", ".ipynb_checkpoints", "lost+found"),
        ],
    )
    def test_what_systems_leave_is_no_class_and_no_photo(
        self, junk: str, make: Callable[..., Path]
    ) -> None:
        root = make(
            *classes(), f"{junk}/SYNO_1.jpg", f"a/{junk}/x.jpg", "Thumbs.db", "b/desktop.ini"
        )
        data = folder(root)
        assert ids(data) == ["a", "b"]
        assert data.counts().tolist() == [2, 2]
        assert data.ignored == {HIDDEN: 4}

    @pytest.mark.parametrize(
        "name", ["#1", "@home", "-rose", "my lovely rose", "🌹 Rose", "ünïcode"]
    )
    def test_any_other_name_is_a_class(self, name: str, make: Callable[..., Path]) -> None:
        data = folder(make(*classes(), f"{name}/1.jpg"))
        assert sorted(ids(data)) == sorted(["a", "b", name])

    @pytest.mark.parametrize(
        "parts",
        [
            ("one/metrics.json", "one/bundle/config.json"),
            ("deep/2024/one/bundle/config.json", "deep/two/checkpoint.safetensors"),
            ("one/tensorboard/events",),
            ("one/config.json", "one/model.onnx"),
        ],
    )
    def test_a_training_run_is_no_class(
        self, parts: tuple[str, ...], make: Callable[..., Path]
    ) -> None:
        data = folder(make(*classes(), *(f"runs/{part}" for part in parts)))
        assert ids(data) == ["a", "b"]
        assert data.ignored == {RUNS: 1}

    def test_photos_beside_a_runs_file_are_photos(self, make: Callable[..., Path]) -> None:
        assert folder(make(*classes(), "a/metrics.json")).counts().tolist() == [2, 2]

    def test_a_name_that_is_no_utf8(self, make: Callable[..., Path], tmp_path: Path) -> None:
        make(*classes()).rename(tmp_path / "caf\udce9")
        (tmp_path / "caf\udce9" / "a" / "\udcff.jpg").touch()
        (tmp_path / "caf\udce9" / "a" / "x.\udcff").touch()
        data = folder(tmp_path / "caf\udce9")
        assert data.name == "caf\\xe9"
        assert data.counts().tolist() == [3, 2]
        assert data.ignored == {".\\xff": 1}

    def test_links_to_files_and_folders_are_followed(
        self, make: Callable[..., Path], photo_folder: Path
    ) -> None:
        root = make(*classes(of="a"))
        (root / "a" / "link.jpg").symlink_to(photo_folder / "rose" / "1.jpg")
        (root / "linked").symlink_to(photo_folder / "violet")
        data = folder(root)
        assert data.counts().tolist() == [3, 10]
        assert data.photos[2].read().shape == (30, 40, 3)

    def test_a_class_may_be_called_train(self, make: Callable[..., Path]) -> None:
        root = make(*(f"{k}/{i}.jpg" for k in ("train", "test", "bus") for i in (1, 2)))
        data = folder(root)
        assert ids(data) == ["bus", "test", "train"]
        assert data.own_splits == {}

    def test_the_folder_here_has_its_own_name(
        self, photo_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(photo_folder)
        data = folder(Path())
        assert data.name == "photos"
        assert data.photos[0].name == "daisy/1.jpg"


class TestSubsets:
    @pytest.mark.parametrize(
        ("train", "val", "test"),
        [
            ("train", "val", "test"),
            ("Training", "Validation", "Testing"),
            ("TRAIN", "Valid", "TEST"),
            ("train", "dev", "eval"),
            ("training_set", "val-images", "Test Data"),
            ("Entrenamiento", "Validación", "Prueba"),
        ],
    )
    def test_train_val_and_test(
        self, train: str, val: str, test: str, make: Callable[..., Path]
    ) -> None:
        root = make(
            *(
                path
                for name, n in ((train, 4), (val, 2), (test, 2))
                for path in classes(f"{name}/", count=n)
            )
        )
        data = folder(root)
        assert ids(data) == ["a", "b"]
        split = data.own_splits["folder"]
        assert split.name == "folder"
        for subset, place in (("train", train), ("val", val), ("test", test)):
            found = [data.photos[i].name for i in split[subset]]
            assert found == [name for name in names(list(data.photos)) if name.startswith(place)]
        assert {s: len(part) for s, part in split.items()} == {"train": 8, "val": 4, "test": 4}
        assert data.labels[split.val].tolist() == [0, 0, 1, 1]

    @pytest.mark.parametrize(("present", "missing"), [("val", "test"), ("test", "val")])
    def test_a_missing_subset_is_drawn_from_train(
        self, present: str, missing: str, make: Callable[..., Path]
    ) -> None:
        data = folder(make(*classes("train/", count=20), *classes(f"{present}/", count=3)))
        split = data.own_splits["folder"]
        assert split.name == f"folder ({missing}: 10% of train)"
        assert {data.photos[i].name.split("/")[0] for i in split[present]} == {present}
        assert {data.photos[i].name.split("/")[0] for i in split[missing]} == {"train"}
        assert np.bincount(data.labels[split[missing]]).tolist() == [2, 2]
        assert np.bincount(data.labels[split.train]).tolist() == [18, 18]

    def test_train_alone_has_no_split(self, make: Callable[..., Path]) -> None:
        data = folder(make(*classes("train/", count=3)))
        assert data.own_splits == {}
        assert data.counts().tolist() == [3, 3]

    def test_other_files_are_counted_at_every_level(self, make: Callable[..., Path]) -> None:
        root = make(*classes("train/"), *classes("val/"), *classes("test/"))
        make("labels.txt", "train/.x", "val/a/notes.md")
        assert folder(root).ignored == {".txt": 1, ".md": 1, HIDDEN: 1}

    @pytest.mark.parametrize("subset", ["val", "test"])
    def test_a_class_may_be_missing_from_val_or_test(
        self, subset: str, make: Callable[..., Path]
    ) -> None:
        root = make(*classes("train/"), *classes("val/"), *classes("test/"), "train/c/1.jpg")
        make(f"{subset}/c/2.jpg")
        data = folder(root)
        assert data.counts().tolist() == [6, 6, 2]
        split = data.own_splits["folder"]
        assert data.labels[split[subset]].tolist() == [0, 0, 1, 1, 2]

    def test_an_empty_class_of_test_is_a_missing_one(self, make: Callable[..., Path]) -> None:
        root = make(*classes("train/"), *classes("test/", of="a"), "test/b/notes.txt")
        assert folder(root).counts().tolist() == [4, 2]

    @pytest.mark.parametrize(
        ("extra", "fix"),
        [
            ("val/c/1.jpg", "Add c to train, or take it out of val"),
            ("val/A/1.jpg", "Call it a, as in train"),
        ],
    )
    def test_what_is_not_trained_cannot_be_measured(
        self, extra: str, fix: str, make: Callable[..., Path]
    ) -> None:
        root = make(*classes("train/"), *classes("val/"), *classes("test/"), extra)
        with pytest.raises(
            DataError, match="val has 1 classes that train has not: . first"
        ) as info:
            folder(root)
        assert info.value.fix == fix

    def test_two_folders_for_one_subset(self, make: Callable[..., Path]) -> None:
        root = make(*classes("train/"), *classes("val/"), *classes("valid/"))
        with pytest.raises(DataError, match=r"root holds both val and valid\. expected one folder"):
            folder(root)

    @pytest.mark.parametrize("stray", ["extra/a/1.jpg", "cover.jpg"])
    def test_photos_beside_the_subsets(self, stray: str, make: Callable[..., Path]) -> None:
        name = stray.split("/", maxsplit=1)[0]
        with pytest.raises(DataError, match=f"root holds {name} beside train") as info:
            folder(make(*classes("train/"), *classes("test/"), stray))
        assert info.value.fix == f"Move {name} elsewhere"

    def test_photos_directly_in_a_subset(self, make: Callable[..., Path]) -> None:
        root = make(*classes("train/"), "test/1.jpg", "test/2.jpg")
        with pytest.raises(DataError, match=r"2 photos lie directly in .*test \(1\.jpg first\)"):
            folder(root)


class TestRefusals:
    def test_a_missing_folder(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"gone cannot be read \(No such file") as info:
            folder(tmp_path / "gone")
        assert info.value.expected.startswith("a folder of class folders")

    def test_a_file(self, photo_folder: Path) -> None:
        with pytest.raises(DataError, match=r"1\.jpg cannot be read \(Not a directory\)"):
            folder(photo_folder / "rose" / "1.jpg")

    def test_an_empty_folder(self, make: Callable[..., Path]) -> None:
        with pytest.raises(DataError, match="root holds no folders and no photos"):
            folder(make())

    def test_photos_directly_in_the_folder(self, make: Callable[..., Path]) -> None:
        with pytest.raises(DataError, match=r"2 photos lie directly in .*root \(2") as info:
            folder(make("2.jpg", "10.jpg", *classes()))
        assert info.value.fix == "Move each into the folder of its class"

    def test_one_photo_directly_in_the_folder(self, make: Callable[..., Path]) -> None:
        with pytest.raises(DataError, match=r"^1 photo lies directly in .*root \(2\.jpg first"):
            folder(make("2.jpg", *classes()))

    def test_a_class_folder_without_photos(self, make: Callable[..., Path]) -> None:
        with pytest.raises(
            DataError, match=r"root/c holds no photos, but 1 \.txt\. .*\.jpg"
        ) as info:
            folder(make(*classes(), "c/notes.txt"))
        assert info.value.fix == "Fill the folder or remove it"

    def test_folders_nested_too_deeply(self, make: Callable[..., Path]) -> None:
        with pytest.raises(DataError, match=r"root/a holds folders itself \(2019 first\)") as info:
            folder(make(*classes(), "a/2019/1.jpg"))
        assert "or open" in info.value.fix

    def test_a_folder_around_the_right_one_is_pointed_to(
        self, photo_folder: Path, tmp_path: Path
    ) -> None:
        shutil.move(photo_folder, tmp_path / "outer" / "photos")
        with pytest.raises(DataError, match=r"or open .*outer/photos if its folders are"):
            folder(tmp_path / "outer")

    def test_a_class_with_a_single_photo_is_for_a_training_to_refuse(
        self, make: Callable[..., Path]
    ) -> None:
        assert folder(make(*classes(), "c/1.jpg")).counts().tolist() == [2, 2, 1]


@pytest.mark.parametrize("of", ["a", "a b"])
def test_one_class_or_one_photo_each_can_measure(make: Callable[..., Path], of: str) -> None:
    opened = folder(make(*(f"{name}/1.jpg" for name in of.split())))
    assert [c.id for c in opened.classes] == of.split()
    assert len(opened) == len(of.split())


def test_subsets_without_train_can_measure(make: Callable[..., Path]) -> None:
    opened = folder(make("Test/b/1.jpg", "Test/a/1.jpg", "val/b/2.jpg"))
    split = opened.own_splits["folder"]
    assert [c.id for c in opened.classes] == ["a", "b"]
    assert {name: [opened.photos[i].name for i in part] for name, part in split.items()} == {
        "train": [],
        "val": ["val/b/2.jpg"],
        "test": ["Test/a/1.jpg", "Test/b/1.jpg"],
    }
