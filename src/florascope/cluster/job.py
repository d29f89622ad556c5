"""A job's folder: what is to be done, listed once, and what has been done, shard by shard.

_job/plan.arrow         the photos in the order of the source, one record batch a shard
_job/job.json           task, model, source and sizes; written when the plan is whole
part-00000.parquet      a shard's rows, in the plan's order; there as a whole or not at all
_job/attempts/...       how often a shard was begun, until it is there
_job/summary.json       what was counted, once every shard is there

Readers of Parquet (pyarrow, Spark, DuckDB) leave out what begins with _ or a dot, so that the
folder reads as one table.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import ipc, parquet

from florascope.cluster.places import redact
from florascope.cluster.sources import Listed, list_photos
from florascope.cluster.storage import Store
from florascope.cluster.tasks import Task
from florascope.data.listing import check_apart
from florascope.data.names import natural_key
from florascope.errors import DataError
from florascope.files import as_utf8, check_folder, is_address, json_text
from florascope.parallel import in_batches, in_order
from florascope.progress import Progress, silent

PLAN, ABOUT, SUMMARY = "_job/plan.arrow", "_job/job.json", "_job/summary.json"
ATTEMPTS = "_job/attempts"
SCHEMA = "florascope-job/1"
SIZE = 1000  # photos a shard: some seconds of work, which is what a kill costs
ROWS = 4096  # in memory, of a shard that is read
MARK = b"florascope"  # key in a shard's Parquet metadata

_PLANNED = pa.schema(
    [
        ("path", pa.string()),
        ("place", pa.binary()),  # a file's name may be no UTF-8
        ("offset", pa.int64()),
        ("size", pa.int64()),
        ("label", pa.string()),
        ("split", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Counts:
    """What came of some photos.

    Attributes:
        photos: how many there were.
        problems: how many of them have no answer.
        unreachable: how many of these because their storage failed, which may pass.
        values: how many of each verdict, say, by its name.
    """

    photos: int = 0
    problems: int = 0
    unreachable: int = 0
    values: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.photos + other.photos,
            self.problems + other.problems,
            self.unreachable + other.unreachable,
            dict(Counter(self.values) + Counter(other.values)),
        )


@dataclass(frozen=True, eq=False)
class Job:
    """A planned job.

    Attributes:
        store: its folder.
        about: what job.json holds.
    """

    store: Store
    about: dict[str, Any]

    @classmethod
    def kept(cls, out: str) -> "Job":
        """Open a job that was planned.

        Raises:
            DataError: there is none.
        """
        store = Store(out)
        about = _read_about(store)
        if about is None:
            raise DataError(
                f"{out} holds no job",
                expected="the folder of a job that was begun",
            )
        return cls(store, about)

    @property
    def photos(self) -> int:
        """How many photos the source lists."""
        return int(self.about["photos"])

    @property
    def shards(self) -> int:
        """How many shards they make."""
        return -(-self.photos // self.size)

    @property
    def size(self) -> int:
        """Photos a shard; the last may have fewer."""
        return int(self.about["shard"])

    @cached_property
    def key(self) -> str:
        """Key of the job, which each of its shards carries."""
        return hashlib.blake2b(json_text(self.about).encode(), digest_size=16).hexdigest()

    def rows(self, shard: int) -> int:
        """How many photos a shard has."""
        return min(self.size, self.photos - shard * self.size)

    def listed(self, shard: int) -> list[Listed]:
        """Return a shard's photos."""
        with self.store.open(PLAN) as file:
            rows = ipc.open_file(file).get_batch(shard).to_pylist()
        return [Listed(**{**row, "place": os.fsdecode(row["place"])}) for row in rows]

    def begin(self, shard: int) -> int:
        """Note that a shard is begun, and return how often it was, this time included."""
        name = f"{ATTEMPTS}/{part(shard)}"
        begun = int(self.store.read(name) or 0) + 1
        self.store.write(name, str(begun).encode())
        return begun

    def commit(self, shard: int, table: pa.Table, counts: Counts) -> None:
        """Write a shard; a second time it is the same shard, which takes the first one's place."""
        told = json_text({"job": self.key, "counts": asdict(counts)})
        sink = pa.BufferOutputStream()
        marked = table.replace_schema_metadata({MARK: told})
        parquet.write_table(marked, sink, compression="zstd")
        self.store.write(part(shard), sink.getvalue())
        self.store.remove(f"{ATTEMPTS}/{part(shard)}")

    def done(self, shard: int) -> Counts | None:
        """Return what came of a shard; None where it is not there, or not whole, or another job's.

        The answer rests on the file's end, which Parquet writes last.
        """
        try:
            with self.store.open(part(shard)) as file:
                found = parquet.read_metadata(file)
                told = json.loads((found.metadata or {}).get(MARK, b"{}"))
        except (OSError, ValueError, pa.ArrowException):
            return None
        if told.get("job") != self.key or found.num_rows != self.rows(shard):
            return None
        return Counts(**told["counts"])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the shards that are there, one shard after the other."""
        for name in sorted(self.store.names(), key=natural_key):
            if name.endswith(".parquet"):
                with self.store.open(name) as file:
                    yield from parquet.ParquetFile(file).iter_batches(ROWS, columns=columns)

    @property
    def columns(self) -> pa.Schema:
        """The columns of the shards.

        Raises:
            OSError: the first is not there.
        """
        with self.store.open(part(0)) as file:
            return parquet.read_schema(file)

    def left(self) -> list[int]:
        """Return the shards that are yet to be made, or to be made again: see `is_settled`."""
        settled = {shard for shard, counts in self._made() if is_settled(counts)}
        return [shard for shard in range(self.shards) if shard not in settled]

    def _made(self) -> Iterator[tuple[int, Counts]]:
        """Yield what came of each shard that is there."""
        there = self.store.names()
        shards = [shard for shard in range(self.shards) if part(shard) in there]
        for shard, counts in zip(shards, in_order(self.done, shards), strict=True):
            if counts is not None:
                yield shard, counts

    def finish(self) -> Counts:
        """Check that every photo has its row, and write the summary.

        Raises:
            DataError: shards are missing.
        """
        total, made = Counts(), 0
        for _, counts in self._made():
            total, made = total + counts, made + 1
        if missing := self.shards - made:
            raise DataError(
                f"{missing:,} of {self.shards:,} shards are not in {self.store.place}",
                expected="every shard",
                fix="Run the same command again: it goes on where it stopped",
            )
        summary = {**self.about, **asdict(total)}
        self.store.write(SUMMARY, json_text(summary, indent=2).encode())
        return total


def is_settled(counts: Counts | None) -> bool:
    """Whether a shard is there, and no photo of it is worth asking its storage for once more."""
    return counts is not None and not counts.unreachable


def part(shard: int) -> str:
    """Return the name of a shard's file."""
    return f"part-{shard:05d}.parquet"


def open_job(
    source: str,
    task: Task,
    out: str,
    *,
    size: int = SIZE,
    as_listed: bool = False,
    ignored: Counter[str] | None = None,
    progress: Progress = silent,
) -> Job:
    """Plan a job, or open the one that was planned before.

    Args:
        source: see `florascope.cluster.sources.list_photos`.
        task: what is to be done.
        out: a folder, here or in object storage.
        size: photos a shard.
        as_listed: go on with the photos of the plan, and do not list the source again to see
            whether it is the same: 10^9 objects are a million requests.
        ignored: counts what is left out of folders.
        progress: told of the photos listed.

    Raises:
        DataError: the source lists nothing; the folder holds other files, or a job of another
            source, model or setting.
        FlorascopeError: the folder cannot be written, or a new job's lies among the photos.
    """
    store = Store(out)
    if not is_address(store.place):
        check_folder(Path(store.place))
    about = _read_about(store)
    listed = _watched(list_photos(source, ignored), progress)
    if not as_listed:  # what is wrong with the source is said before a network is fetched
        listed = chain([*islice(listed, 1)], listed)
    if about is None:
        _check_room(store, source)
    asked = {"schema": SCHEMA, "source": redact(as_utf8(source)), "shard": size, **task.describe()}
    if about is None:
        about = {**asked, **_plan(store, listed, size, source)}
        store.write(ABOUT, json_text(about, indent=2).encode())
        return Job(store, about)
    found = {key: about[key] for key in _LISTED} if as_listed else _counted(listed)
    _check_same(about, {**asked, **found}, store.place)
    return Job(store, about)


def _read_about(store: Store) -> dict[str, Any] | None:
    data = store.read(ABOUT)
    return None if data is None else json.loads(data)


def _plan(store: Store, listed: Iterable[Listed], size: int, source: str) -> dict[str, Any]:
    """Write the plan and return how many photos it lists, with their digest."""
    digest, photos = hashlib.blake2b(digest_size=16), 0
    options = ipc.IpcWriteOptions(compression="zstd")
    with store.create(PLAN) as file, ipc.new_file(file, _PLANNED, options=options) as writer:
        for shard in in_batches(_hashed(listed, digest), size):
            writer.write_batch(pa.RecordBatch.from_pylist([*map(_planned, shard)], _PLANNED))
            photos += len(shard)
        if not photos:
            raise DataError(f"{redact(source)} lists no photos", expected="photos")
    return {"photos": photos, "listing": digest.hexdigest()}


def _counted(listed: Iterable[Listed]) -> dict[str, Any]:
    """Return how many photos a source lists now, with their digest."""
    digest = hashlib.blake2b(digest_size=16)
    return {"photos": sum(1 for _ in _hashed(listed, digest)), "listing": digest.hexdigest()}


def _planned(photo: Listed) -> dict[str, Any]:
    return {
        "path": as_utf8(photo.path),
        "place": os.fsencode(photo.place),
        "offset": photo.offset,
        "size": photo.size,
        "label": as_utf8(photo.label),
        "split": as_utf8(photo.split),
    }


def _hashed(listed: Iterable[Listed], digest: Any) -> Iterator[Listed]:  # noqa: ANN401 (hashlib's)
    for photo in listed:
        digest.update(os.fsencode(f"{_planned(photo)} {photo.state}\n"))
        yield photo


def _watched(listed: Iterable[Listed], progress: Progress) -> Iterator[Listed]:
    for number, photo in enumerate(listed):
        if number % SIZE == 0:
            progress(f"Listing photos: {number:,}", 0, 0)
        yield photo


def _check_room(store: Store, source: str) -> None:
    """Check that a new job's folder is empty and does not lie among the photos."""
    if not is_address(store.place) and not is_address(source):
        check_apart(Path(store.place), (source,))
    if names := sorted(store.names()):
        raise DataError(
            f"{store.place} holds other files ({', '.join(names[:3])})",
            expected="an empty folder, or a job's",
            fix="Choose another folder",
        )


_LISTED = {"photos", "listing"}
_CALLED = {
    "task": "task",
    "model": "model",
    "language": "language",
    "top": "number of candidates",
    "runtime": "version of the runtime or decoder",
    "florascope": "version of florascope",
    "shard": "number of photos a shard",
    "source": "source",
    "photos": "number of photos in the source",
    "listing": "list of photos (one was added, removed, renamed or changed)",
}


def _check_same(kept: dict[str, Any], asked: dict[str, Any], out: str) -> None:
    """Refuse to go on with what would be another job.

    Raises:
        DataError: something that decides the answers differs.
    """
    differing: Sequence[str] = [key for key in _CALLED if kept.get(key) != asked.get(key)]
    if not differing:
        return
    key = differing[0]
    raise DataError(
        f"{out} holds a job with another {_CALLED[key]}: {kept.get(key)}, now {asked.get(key)}",
        expected="the same command, to go on where it stopped",
        fix="Choose another folder, or remove that one to begin anew"
        + (". To go on with the photos that were listed: `as_listed=True`" * (key in _LISTED)),
    )
