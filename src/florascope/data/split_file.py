"""A split written down in a CSV file."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from florascope.data.dataset import Dataset, FilePhoto
from florascope.data.split import SPELLINGS, SUBSETS, Split
from florascope.data.table import Row, Table, read_table


def split_from_csv(path: Path, dataset: Dataset) -> Split:
    """Read which photos of a data set train, select and test.

    The columns are `split` (train, val, valid, validation or test), `label` (optional: a class id
    or name, which must be the data set's own label of that photo) and one of

    * `path`: a photo's name in the data set ("rose/1.jpg"), its file name where no other photo
      has the same one, or its path, relative to the CSV file's folder;
    * `image_id`: the number n of Oxford 102's photo image_n.jpg, as in the 80/10/10 split that
      many courses use.

    Photos that the file does not name belong to no subset.

    Args:
        path: the CSV file.
        dataset: the photos it speaks of.

    Returns:
        The split, named after the file.

    Raises:
        DataError: a line names an unknown photo, subset or label, or a photo for the second time.
    """
    table = read_table(path)
    by = "image_id" if "image_id" in table.columns else "path"
    table.require(by, "split")
    reader = _Reader(table, dataset, *_names(dataset))
    lines: dict[int, int] = {}
    parts: dict[str, list[int]] = {subset: [] for subset in SUBSETS}
    for row in table.rows:
        index = reader.photo(row, by)
        if index in lines:
            raise table.problem(
                row, f"{row.cells[by]} was already named in line {lines[index]}", "a photo once"
            )
        lines[index] = row.line
        parts[subset_of(table, row)].append(index)
    return Split(path.name, *(np.array(sorted(parts[s]), dtype=np.int64) for s in SUBSETS))


def subset_of(table: Table, row: Row) -> str:
    """Read a row's subset, "train", "val" or "test".

    Raises:
        DataError: it says something else.
    """
    word = row.cells["split"]
    if word.lower() not in SPELLINGS:
        raise table.problem(row, f"split {word!r}", expected=f"one of {', '.join(SPELLINGS)}")
    return SPELLINGS[word.lower()]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Finds the photos that a table's rows name."""

    table: Table
    dataset: Dataset
    names: dict[str, list[int]]
    file_names: dict[str, list[int]]

    def photo(self, row: Row, by: str) -> int:
        """Return the index of the photo that a row names, its label checked."""
        text = row.cells[by]
        name = self._oxford_name(row) if by == "image_id" else text
        found = (
            self.names.get(name)
            or self.names.get(_absolute(self.table.path.parent / name))
            or self.file_names.get(name, [])
        )
        if len(found) != 1:
            raise self.table.problem(
                row,
                f"{by} {text!r} fits {len(found)} photos of {self.dataset.name}",
                expected=f"one, named like {self.dataset.photos[0].name!r}",
            )
        self._check_label(row, found[0])
        return found[0]

    def _oxford_name(self, row: Row) -> str:
        number = row.cells["image_id"]
        if not (number.isascii() and number.isdecimal()):
            raise self.table.problem(row, f"image_id {number!r}", expected="a whole number")
        return f"image_{int(number):05d}.jpg"

    def _check_label(self, row: Row, index: int) -> None:
        label = row.cells.get("label")
        known = self.dataset.classes[self.dataset.labels[index]]
        if label is not None and label not in {known.id, known.name}:
            raise self.table.problem(
                row,
                f"label {label!r} for {self.dataset.photos[index].name}",
                expected=f"{known.id!r}, its class in {self.dataset.name}",
            )


def _names(dataset: Dataset) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Index the photos by name and path, and by file name, which several may share."""
    names: dict[str, list[int]] = {}
    file_names: dict[str, list[int]] = {}
    for index, photo in enumerate(dataset.photos):
        keys = {photo.name, _absolute(photo.path)} if isinstance(photo, FilePhoto) else {photo.name}
        for key in keys:
            names.setdefault(key, []).append(index)
        file_names.setdefault(photo.name.rpartition("/")[2], []).append(index)
    return names, file_names


def _absolute(path: Path) -> str:
    return os.path.normpath(path.absolute())
