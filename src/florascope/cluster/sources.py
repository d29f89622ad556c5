"""What a SOURCE lists: folders, lists in CSV or Parquet, tar shards, here or in object storage."""

import csv
import io
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from florascope.cluster.places import WEB, check_place, locate, redact, scheme_of
from florascope.data.dataset import subset_named
from florascope.data.listing import is_system, photos_below
from florascope.data.names import natural_key
from florascope.data.table import DELIMITERS, WORDS
from florascope.errors import DataError
from florascope.files import is_address
from florascope.images import SUFFIXES

KINDS = (
    "a folder, a .csv or .parquet list with a column path (label and split are kept), a photo, or"
    " .tar shards (photos-{000..099}.tar), here or in object storage (s3://..., gs://...)"
)
LISTS = frozenset({".csv", ".tsv", ".parquet"})
TAR = ".tar"
LABEL = ".cls"  # WebDataset's file of a sample's class
_BRACES = re.compile(r"\{([0-9]+)\.\.([0-9]+)\}")


@dataclass(frozen=True, slots=True)
class Listed:
    """One photo of a source, not yet read.

    Attributes:
        path: how results call it: its path or address, a tar's member as "x.tar/member.jpg".
        place: the file that holds it.
        offset: where it begins in that file.
        size: its bytes, where it is a part of the file; else -1.
        label: its class as the source says it, or "".
        split: "train", "val" or "test" as the source says it, or "".
        state: of the file when it was listed (size and time of its last change), or "".
    """

    path: str
    place: str
    offset: int = 0
    size: int = -1
    label: str = ""
    split: str = ""
    state: str = ""


def list_photos(source: str, ignored: Counter[str] | None = None) -> Iterator[Listed]:
    """Yield the photos of a source in a fixed order, without keeping them.

    Labels come from a list's column, from a tar's .cls members, or from the folder that a photo
    lies in (ROOT/rose/1.jpg, ROOT/train/rose/1.jpg).

    Args:
        source: one of `KINDS`.
        ignored: counts what is left out of folders here, by ending.

    Raises:
        DataError: it is none of these, or its list or shard cannot be read.
    """
    check_place(source)
    if match := _BRACES.search(source):
        low, high = match.groups()
        for number in range(int(low), int(high) + 1):
            name = str(number).zfill(len(low))
            yield from list_photos(source[: match.start()] + name + source[match.end() :], ignored)
        return
    suffix = PurePosixPath(source.rstrip("/")).suffix.lower()
    if suffix == TAR:
        yield from _of_tar(source)
    elif suffix in LISTS:
        yield from _of_list(source, suffix)
    elif not is_address(source):
        yield from _of_path(source, ignored)
    elif scheme_of(source) in WEB or suffix in SUFFIXES:
        yield Listed(redact(source), source)
    else:
        yield from _of_prefix(source.rstrip("/"))


def _of_path(source: str, ignored: Counter[str] | None) -> Iterator[Listed]:
    folder = Path(source).expanduser()
    if folder.is_file():
        yield _local(source, source)
        return
    if not folder.is_dir():
        raise DataError(f"{source} is no file or folder", expected=KINDS)
    for tar in sorted(folder.glob(f"*{TAR}"), key=lambda p: natural_key(p.name)):
        yield from _of_tar(str(tar))
    for path in photos_below(str(folder), ignored):
        label, split = _meaning(os.path.relpath(path, folder))
        yield replace(_local(path, path), label=label, split=split)


def _local(path: str, file: str) -> Listed:
    place = _absolute(file)
    try:
        found = os.stat(place)  # noqa: PTH116 (a Path takes longer than the call)
    except (OSError, ValueError):  # the reading will say what is wrong
        return Listed(path, place)
    return Listed(path, place, state=f"{found.st_size} {found.st_mtime_ns}")


def _absolute(file: str) -> str:
    """Return a path that holds in a worker, which may have been started elsewhere."""
    return os.path.join(os.getcwd(), os.path.expanduser(file))  # noqa: PTH109, PTH111, PTH118 (faster)


def _meaning(below: str) -> tuple[str, str]:
    """Read the class and the subset from a path below the source."""
    folders = PurePosixPath(below.replace(os.sep, "/")).parts[:-1]
    split = (subset_named(folders[0]) if len(folders) > 1 else None) or ""
    return folders[-1] if folders else "", split


def _of_prefix(place: str) -> Iterator[Listed]:
    """List object storage one folder after the other: only one's names lie in memory."""
    system, root = locate(place)
    found = False
    for info in _objects(system, root):
        found = True
        address, suffix = place + info.path[len(root) :], PurePosixPath(info.path).suffix.lower()
        if suffix == TAR:
            yield from _of_tar(address)
        elif suffix in SUFFIXES:
            label, split = _meaning(info.path[len(root) + 1 :])
            state = f"{info.size} {info.mtime_ns}"
            yield Listed(address, address, label=label, split=split, state=state)
    if not found:
        raise DataError(f"{place} holds nothing", expected=KINDS)


def _objects(system: Any, folder: str) -> Iterator[Any]:  # noqa: ANN401 (pyarrow has no types)
    """Yield the files below a folder: its own by name, then its folders' by theirs."""
    from pyarrow import fs

    at_once = system.type_name == "gcs"  # Arrow shows no folder there that is no object itself
    try:
        infos = system.get_file_info(fs.FileSelector(folder, recursive=at_once))
    except OSError as error:
        raise DataError(
            f"{folder} cannot be listed ({redact(str(error))})",
            expected="a folder in a bucket that may be read",
        ) from error
    below = [(info.path[len(folder) + 1 :].split("/"), info) for info in infos]
    kept = [(parts, info) for parts, info in below if not any(map(is_system, parts))]
    kept.sort(key=lambda found: _order(*found[0], is_file=found[1].is_file))
    for _, info in kept:
        if info.is_file:
            yield info
        elif not at_once:
            yield from _objects(system, info.path)


def _order(*parts: str, is_file: bool) -> list[tuple[bool, Any]]:
    return [(n < len(parts) or not is_file, natural_key(part)) for n, part in enumerate(parts, 1)]


@contextmanager
def _opened(place: str, expected: str) -> Iterator[Any]:
    """Open a list or a shard; whatever goes wrong inside is said of it."""
    import pyarrow as pa

    system, path = locate(place)
    try:
        with system.open_input_file(path) as file:
            yield file
    except (OSError, csv.Error, tarfile.TarError, pa.ArrowException) as error:
        raise DataError(
            f"{place} cannot be read ({redact(str(error))})", expected=expected
        ) from error


def _of_tar(source: str) -> Iterator[Listed]:
    """List a tar's photos by its headers; samples are adjacent members of one name (WebDataset)."""
    place = source if is_address(source) else _absolute(source)
    with (
        _opened(source, "an uncompressed .tar") as file,
        tarfile.open(fileobj=file, mode="r:") as tar,
    ):
        key, waiting, label = "", list[Listed](), ""
        for member in tar:
            if not member.isfile():
                continue
            stem, dot, ending = PurePosixPath(member.name).name.partition(".")
            own = str(PurePosixPath(member.name).with_name(stem))
            if own != key:
                yield from (replace(photo, label=label) for photo in waiting)
                key, waiting, label = own, [], ""
            suffix = PurePosixPath(member.name).suffix.lower()
            if suffix in SUFFIXES:
                where = (place, member.offset_data, member.size)
                waiting.append(Listed(f"{source}/{member.name}", *where, state=str(member.mtime)))
            elif dot + ending.lower() == LABEL:
                label = _text(tar.extractfile(member))
        yield from (replace(photo, label=label) for photo in waiting)


def _text(file: Any) -> str:  # noqa: ANN401 (a member's reader, or None)
    return file.read(256).decode("utf-8", "replace").strip() if file else ""


def _of_list(place: str, suffix: str) -> Iterator[Listed]:
    """Follow a list row by row; paths are relative to its folder, and stay as they are listed."""
    base = place.rpartition("/")[0]
    expected = f"a {suffix} file with a column path"
    with _opened(place, expected) as file:
        rows = _parquet_rows(file, place) if suffix == ".parquet" else _csv_rows(file, place)
        for cells in rows:
            yield _row(base, cells)


def _row(base: str, cells: dict[str, str]) -> Listed:
    path, said = cells["path"], cells.get("split", "")
    label, split = cells.get("label", ""), subset_named(said) or said
    if is_address(path) or is_address(base):
        whole = path if is_address(path) else f"{base}/{path}"
        return Listed(redact(path), whole, label=label, split=split)
    return replace(_local(path, os.path.join(base, path)), label=label, split=split)  # noqa: PTH118 (as listed)


def _parquet_rows(file: Any, place: str) -> Iterator[dict[str, str]]:  # noqa: ANN401
    from pyarrow import parquet

    table = parquet.ParquetFile(file)
    names = _columns(table.schema_arrow.names, place)
    for batch in table.iter_batches(4096, columns=list(names.values())):
        columns = [batch.column(batch.schema.get_field_index(n)) for n in names.values()]
        for values in zip(*(column.to_pylist() for column in columns), strict=True):
            texts = ("" if value is None else str(value) for value in values)
            yield dict(zip(names, texts, strict=True))


def _csv_rows(file: Any, place: str) -> Iterator[dict[str, str]]:  # noqa: ANN401
    lines = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    first = lines.readline()
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(chain([first], lines), delimiter=delimiter)
    header = [cell.strip().lower() for cell in next(reader, [])]
    names = _columns(header, place)
    at = {meaning: header.index(column) for meaning, column in names.items()}
    for cells in reader:
        if any(cells):
            padded = [*cells, *[""] * (len(header) - len(cells))]
            yield {meaning: padded[index].strip() for meaning, index in at.items()}


def _columns(names: Sequence[str], place: str) -> dict[str, str]:
    """Find the columns path, label and split, whatever a list calls them.

    Raises:
        DataError: none is the path.
    """
    plain = {re.sub(r"[ -]+", "_", name.strip().lower()): name for name in reversed(names)}
    meant = {**WORDS, "path": f"{WORDS['path']} url uri"}
    found = {
        meaning: next((plain[word] for word in [meaning, *words.split()] if word in plain), "")
        for meaning, words in meant.items()
    }
    if not found["path"]:
        raise DataError(
            f"{place} has the columns {', '.join(islice(names, 20))}",
            expected="one called path (or url, file, image)",
        )
    return {meaning: column for meaning, column in found.items() if column}
