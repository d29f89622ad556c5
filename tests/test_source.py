"""What a user may type for DATA."""

import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from florascope.data.folder import folder
from florascope.data.oxford102 import oxford102_at_hand
from florascope.errors import DataError
from florascope.source import load, open_dataset


@pytest.fixture(autouse=True)
def nothing_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no variable lead out of the test, and let relative paths start in it."""
    monkeypatch.delenv("FLORASCOPE_DATA", raising=False)
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def oxford_layout(tmp_path: Path) -> Path:
    """A folder with jpg/ and imagelabels.mat, though not the published ones."""
    home = tmp_path / "data" / "flowers-102"
    (home / "jpg").mkdir(parents=True)
    savemat(home / "imagelabels.mat", {"labels": np.array([[1, 2]])})
    savemat(home / "setid.mat", {"trnid": np.array([[1]])})
    return home


@pytest.mark.skipif(
    getattr(find_spec("florascope.garden"), "origin", None) is None,
    reason="florascope.garden is still without its __init__.py",
)
def test_the_garden() -> None:
    data = open_dataset("garden")
    assert data.name == "garden"
    assert "garden" in data.own_splits
    assert data.photos[0].read().shape[2] == 3


def test_a_folder(photo_folder: Path) -> None:
    for spec in (str(photo_folder), "photos", "./photos/", "photos/../photos"):
        data = open_dataset(spec)
        assert len(data) == 30
        assert [c.name for c in data.classes] == ["daisy", "rose", "violet"]


def test_a_folder_below_the_home_folder(
    photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(photo_folder.parent))
    assert len(open_dataset("~/photos")) == 30


@pytest.mark.parametrize("name", ["list.csv", "LIST.CSV"])
def test_a_csv_file(name: str, photo_folder: Path) -> None:
    (photo_folder / name).write_text("path,label\nrose/1.jpg,rose\ndaisy/1.jpg,daisy\n")
    data = open_dataset(f"photos/{name}")
    assert data.name == name
    assert len(data) == 2


def test_names_win_over_folders_that_are_called_so(
    photo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = folder(photo_folder)
    stand_in = ModuleType("florascope.garden")
    stand_in.garden = lambda: planted  # type: ignore[attr-defined]  # a module made here
    monkeypatch.setitem(sys.modules, "florascope.garden", stand_in)
    photo_folder.rename(photo_folder.parent / "garden")
    opened = open_dataset("garden")
    assert opened.photos is planted.photos
    assert opened.remarks == ("garden is the data set of that name; the folder here is ./garden",)
    assert open_dataset("./garden").name == "garden"


@pytest.mark.parametrize("spec", ["data", "data/flowers-102"])
def test_oxfords_own_layout_is_recognised(spec: str, oxford_layout: Path) -> None:
    digest = hashlib.sha256((oxford_layout / "imagelabels.mat").read_bytes()).hexdigest()
    # It is opened as Oxford 102 (and as such refused), not as a folder of class folders.
    with pytest.raises(DataError, match="flowers-102/jpg holds 0 photos; the first missing is"):
        open_dataset(spec)
    for n in range(1, 8190):
        (oxford_layout / "jpg" / f"image_{n:05d}.jpg").touch()
    with pytest.raises(DataError, match=f"imagelabels.mat: SHA-256 is {digest}"):
        open_dataset(spec)


def test_oxford102_looks_in_the_data_folder(oxford_layout: Path, tmp_path: Path) -> None:
    assert oxford102_at_hand(tmp_path / "data") == oxford_layout
    with pytest.raises(DataError, match="flowers-102/jpg holds 0 photos"):
        open_dataset("oxford102", tmp_path / "data")


@pytest.mark.real_data
@pytest.mark.parametrize("below", ["", "flowers-102"])
def test_the_real_oxford102_as_a_folder(below: str, real_data: Path) -> None:
    assert open_dataset(str(real_data / below)).name == "Oxford Flowers 102"


@pytest.mark.real_data
def test_the_real_oxford102_by_name(real_data: Path) -> None:
    assert len(open_dataset("oxford102", real_data)) == 8189


class TestRefusals:
    @pytest.mark.parametrize("spec", ["nowhere", "nowhere/photos", "list.csv", "photos.zip"])
    def test_a_missing_path(self, spec: str) -> None:
        with pytest.raises(DataError, match=f"^'{spec}' is no file or folder. expected") as info:
            open_dataset(spec)
        for kind in ("oxford102 (", "garden (", "a folder with", "a .csv file"):
            assert kind in info.value.expected
        assert info.value.fix == "Try: `florascope.load('garden')`"

    @pytest.mark.parametrize(
        ("spec", "meant"),
        [("oxford", "oxford102"), ("Oxford-102", "oxford102"), ("Garden", "garden")],
    )
    def test_a_slip_of_the_pen(self, spec: str, meant: str) -> None:
        with pytest.raises(DataError, match=rf"Did you mean {meant}\?"):
            open_dataset(spec)

    @pytest.mark.parametrize(
        ("name", "kind"), [("photos.zip", "a .zip file"), ("photos", "a plain file")]
    )
    def test_another_file(self, name: str, kind: str, tmp_path: Path) -> None:
        (tmp_path / name).touch()
        with pytest.raises(DataError, match=f"'{name}' is {kind}"):
            open_dataset(name)


def test_importing_the_sources_is_light() -> None:
    """No torch, scipy or matplotlib: `florascope --help` and the demo rely on it."""
    code = (
        "import sys, florascope.source, florascope.data.splits;"
        "print(sorted({'torch', 'scipy', 'matplotlib', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="."
    )
    assert done.stdout == "[]\n"


def test_pairs_of_paths_are_the_folder(photo_folder: Path) -> None:
    wanted = folder(photo_folder)
    pairs = [
        (str(p.path), wanted.classes[k].name)  # type: ignore[attr-defined]
        for p, k in zip(wanted.photos, wanted.labels, strict=True)
    ]
    found = load(pairs)
    assert [c.name for c in found.classes] == ["daisy", "rose", "violet"]
    assert [p.digest() for p in found.photos] == [p.digest() for p in wanted.photos]
    np.testing.assert_array_equal(found.labels, wanted.labels)


def test_numbers_as_labels_keep_their_order() -> None:
    pixels = np.zeros((4, 5, 3), np.uint8)
    found = load([(pixels, label) for label in (10, 2, 2, 10)])
    assert [c.name for c in found.classes] == ["2", "10"]
    assert found.labels.tolist() == [1, 0, 0, 1]
    assert found.photos[0].read().shape == (4, 5, 3)


def test_equal_pixels_have_equal_digests() -> None:
    one, other = np.zeros((4, 6, 3), np.uint8), np.zeros((6, 4, 3), np.uint8)
    found = load([(one, "a"), (one.copy(), "b"), (other, "a"), (other + 1, "b")])
    digests = [p.digest() for p in found.photos]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_torchvisions_folders_give_their_files(photo_folder: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    found = load(datasets.ImageFolder(str(photo_folder), transform=lambda _: 1 / 0))
    wanted = folder(photo_folder)
    assert found.classes == wanted.classes
    assert [p.name for p in found.photos[:2]] == ["daisy/1.jpg", "daisy/10.jpg"]


def test_items_without_their_transform() -> None:
    datasets = pytest.importorskip("torchvision.datasets")

    def refuse(_: object) -> None:
        raise AssertionError("photos come as they are")

    data = datasets.FakeData(size=6, image_size=(3, 8, 9), num_classes=3, transform=refuse)
    data.targets = [0, 1, 2, 0, 1, 2]
    found = load(data)
    assert found.photos[4].read().shape == (8, 9, 3)
    assert len(found.classes) == 3


class Rows:
    """A table like Hugging Face's."""

    column_names = ("picture", "label")

    def __init__(self) -> None:
        image, label = type("Image", (), {})(), SimpleNamespace(names=["ash", "oak"])
        self.features: dict[str, Any] = {"picture": image, "label": label}
        self.info = SimpleNamespace(dataset_name="trees")

    def __len__(self) -> int:
        return 4

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str):
            return [0, 1, 0, 1]
        return {"picture": Image.new("RGB", (7, 5), (key, 0, 0)), "label": key % 2}


def test_rows_of_an_image_and_a_label() -> None:
    found = load(Rows())
    assert (found.name, [c.name for c in found.classes]) == ("trees", ["ash", "oak"])
    assert found.photos[3].read()[0, 0].tolist() == [3, 0, 0]


@pytest.mark.parametrize("label", [None, float("nan"), np.float32("nan"), "nan", "<NA>", "", " "])
def test_a_label_that_is_missing_is_no_class(label: object) -> None:
    pairs = [("a.jpg", "ash"), ("b.jpg", "oak"), ("c.jpg", label), ("d.jpg", label)]
    with pytest.raises(
        DataError, match="2 of 4 labels .* stand for none: the first, number 2 "
    ) as of:
        load(pairs)
    assert of.value.fix == "Leave these photos out, or call the class otherwise"


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([0.0, 0.7, 1.0], "0.7"),
        ([0.0, float("nan"), 1.0], "nan"),
        (["oak", "ash", "ash"], "'oak'"),
        ([None, 0, 1], "nan"),
    ],
)
def test_labels_that_are_no_class_indexes_are_not_rounded(labels: list[Any], found: str) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    data = datasets.FakeData(size=3, image_size=(3, 8, 9), num_classes=2)
    data.targets = labels
    with pytest.raises(DataError, match=f"^{found} among the labels of FakeData.*zip"):
        load(data)


def test_class_indexes_may_be_whole_floats_and_tensors() -> None:
    torch = pytest.importorskip("torch")
    datasets = pytest.importorskip("torchvision.datasets")
    data = datasets.FakeData(size=3, image_size=(3, 8, 9), num_classes=2)
    for labels in ([0.0, 1.0, 1.0], torch.tensor([0, 1, 1]), [torch.tensor(n) for n in (0, 1, 1)]):
        data.targets = labels
        assert load(data).labels.tolist() == [0, 1, 1]


def test_a_data_frame_is_told_how_it_becomes_pairs() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"path": ["a.jpg", "b.jpg", "c.jpg"], "label": ["ash", "oak", pd.NA]})
    with pytest.raises(DataError, match=r"a DataFrame as DATA.*florascope\.load\(zip\("):
        load(frame)
    assert len(load(zip(frame["path"][:2], frame["label"][:2], strict=True))) == 2
    with pytest.raises(DataError, match="1 of 3 labels .* number 2 from 0, is '(<NA>|nan)'"):
        load(zip(frame["path"], frame["label"], strict=True))


def test_what_is_no_data_set() -> None:
    with pytest.raises(
        DataError, match="7 as DATA. expected the path of a folder or of a table of photos, pairs"
    ):
        load(7)
    with pytest.raises(DataError, match=r"str among the photos.*florascope\.load\(zip\("):
        load(["a.jpg"])
    rows = Rows()
    rows.features = {"text": object()}
    with pytest.raises(DataError, match="columns text. expected an Image and a ClassLabel"):
        load(rows)
