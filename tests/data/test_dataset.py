"""The records: names that find the photo again, digests, and what a data set refuses."""

import hashlib
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from florascope.data.dataset import (
    SUBSETS,
    WORDS,
    ClassName,
    Dataset,
    FilePhoto,
    FilePhotos,
    Photo,
    Split,
    subset_named,
)
from florascope.errors import DataError, PhotoError

CLASSES = (ClassName("1", "rose"), ClassName("2", "daisy"), ClassName("3", "violet"))


def dataset(labels: list[int], classes: tuple[ClassName, ...] = CLASSES) -> Dataset:
    photos = [FilePhoto(Path(f"{i}.jpg")) for i in range(len(labels))]
    return Dataset("test set", photos, np.array(labels, dtype=np.int64), classes)


class TestFilePhoto:
    def test_is_a_photo(self) -> None:
        assert isinstance(FilePhoto(Path("a.jpg")), Photo)

    def test_is_named_below_its_root(self) -> None:
        assert FilePhoto(Path("photos/rose/1.jpg"), Path("photos")).name == "rose/1.jpg"

    def test_is_named_by_its_file_without_a_root(self) -> None:
        assert FilePhoto(Path("photos/rose/1.jpg")).name == "1.jpg"

    def test_is_named_by_its_file_outside_the_root(self) -> None:
        assert FilePhoto(Path("elsewhere/1.jpg"), Path("photos")).name == "1.jpg"

    def test_reads_the_pixels(self, photo_folder: Path) -> None:
        assert FilePhoto(photo_folder / "rose" / "1.jpg").read().shape == (30, 40, 3)

    def test_digest_is_blake2b_of_the_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "a.jpg"
        path.write_bytes(b"some bytes")
        expected = hashlib.blake2b(b"some bytes", digest_size=16).hexdigest()
        assert FilePhoto(path).digest() == expected

    def test_digest_is_equal_for_equal_files_alone(self, photo_folder: Path) -> None:
        rose = photo_folder / "rose"
        (rose / "copy.jpg").write_bytes((rose / "1.jpg").read_bytes())
        digests = [FilePhoto(rose / name).digest() for name in ("1.jpg", "copy.jpg", "2.jpg")]
        assert digests[0] == digests[1] != digests[2]

    def test_a_missing_file_has_no_digest(self, tmp_path: Path) -> None:
        with pytest.raises(PhotoError, match="cannot be read"):
            FilePhoto(tmp_path / "gone.jpg").digest()


class TestDataset:
    def test_counts_photos_of_every_class(self) -> None:
        data = dataset([0, 2, 0, 0])
        assert data.counts().tolist() == [3, 0, 1]
        assert len(data) == 4
        assert data.ignored == {}
        assert data.remarks == ()

    def test_needs_one_label_a_photo(self) -> None:
        photos = [FilePhoto(Path("a.jpg"))]
        with pytest.raises(DataError, match=r"test set has 1 photos and 2 labels\. expected one"):
            Dataset("test set", photos, np.array([0, 1]), CLASSES)

    @pytest.mark.usefixtures("unchecked")
    def test_needs_photos_and_not_their_paths(self) -> None:
        paths: Any = ["a.jpg", "b.jpg"]
        with pytest.raises(DataError, match=r"'a\.jpg' among the photos of test.*florascope\.load"):
            Dataset("test", paths, np.array([0, 1]), CLASSES)

    def test_needs_photos(self) -> None:
        with pytest.raises(DataError, match="test set holds no photos"):
            dataset([])

    @pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
    def test_labels_are_class_indexes(self, labels: list[int]) -> None:
        with pytest.raises(DataError, match=f"labels from {min(labels)} to {max(labels)}") as info:
            dataset(labels)
        assert info.value.expected == "0 to 2 for 3 classes"


class TestSplit:
    split = Split("mine", np.array([4, 0]), np.array([1]), np.array([2, 3]))

    def test_gives_its_subsets_by_name_and_in_order(self) -> None:
        assert [(s, part.tolist()) for s, part in self.split.items()] == [
            ("train", [4, 0]),
            ("val", [1]),
            ("test", [2, 3]),
        ]
        assert self.split["val"] is self.split.val

    def test_refuses_other_subsets(self) -> None:
        with pytest.raises(DataError, match=r"subset 'dev'\. expected one of train, val, test"):
            self.split["dev"]

    def test_refuses_a_photo_in_two_subsets(self) -> None:
        with pytest.raises(DataError, match="split mine names 1 photos in more than one subset"):
            Split("mine", np.array([0, 1]), np.array([1]), np.array([2]))

    def test_refuses_a_photo_twice_in_one_subset(self) -> None:
        with pytest.raises(DataError, match="names 2 photos in more than one"):
            Split("mine", np.array([0, 0, 0]), np.array([1]), np.array([2]))

    def test_only_drops_photos_and_keeps_the_indexes(self) -> None:
        kept = self.split.only(np.array([True, False, True, False, True]))
        assert [part.tolist() for _, part in kept.items()] == [[4, 0], [], [2]]
        assert kept.name == "mine"


ROOT = Path("/photos")
NAMES = ["rose/1.jpg", "rose/ä ø.jpg", "tulip/" + os.fsdecode(b"\xff.jpg"), "tulip/a\n.png"]


def test_equals_the_plain_list() -> None:
    plain = [FilePhoto(ROOT / name, ROOT) for name in NAMES]
    photos = FilePhotos(ROOT, NAMES)
    assert list(photos) == plain
    assert [photo.name for photo in photos] == NAMES
    assert len(photos) == len(plain)
    assert photos[-1] == photos[np.int64(3)] == plain[-1]
    assert photos[1:9] == plain[1:9]
    assert photos[::-2] == plain[::-2]
    assert plain[2] in photos


def test_no_photos() -> None:
    assert list(FilePhotos(ROOT, [])) == []


@pytest.mark.parametrize("index", [4, -5])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="out of range"):
        FilePhotos(ROOT, NAMES)[index]


def test_takes_the_room_of_its_text() -> None:
    tracemalloc.start()
    photos = FilePhotos(ROOT, (f"rose/{i:08}.jpg" for i in range(10_000)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(photos) == 10_000
    assert kept < 10_000 * 40  # 17 bytes of text, 8 of place, and what the array grew ahead


def test_every_word_means_one_subset_in_any_case() -> None:
    words = [(word, subset) for subset in SUBSETS for word in WORDS[subset].split()]
    assert len({word for word, _ in words}) == len(words)
    for word, subset in words:
        for written in (word, word.upper(), f" {word.title()} ", f"{word}_set", f"{word}-images"):
            assert subset_named(written) == subset, written


@pytest.mark.parametrize("word", ["", "rose", "set", "images", "trains", "my train", "1"])
def test_other_words_mean_none(word: str) -> None:
    assert subset_named(word) is None
