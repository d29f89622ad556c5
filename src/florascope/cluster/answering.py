"""Photos are read, decoded and answered: in this process, or in one whose end does no harm.

A photo can end a process without an error that could be caught: by a fault in a decoder, or by
taking all memory. `rows_apart` finds out which it was, by halves.
"""

import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import compute, parquet

from florascope.cluster.job import Counts
from florascope.cluster.places import redact
from florascope.cluster.sources import Listed
from florascope.cluster.storage import UnreachableError, read_whole
from florascope.cluster.tasks import Photo, Task, Worker, rows_of, schema_of
from florascope.errors import FlorascopeError, PhotoError
from florascope.files import is_address
from florascope.parallel import in_batches, in_order

READERS = 16  # threads that wait for object storage or the web
"""A read there takes tens of milliseconds, in which a core would idle."""

CRASHED = 128  # from this exit status on (and below 0) a process was ended: by a signal, or Windows
UNREACHABLE = b"unreachable"  # key in the metadata of rows from another process


class Rows(NamedTuple):
    """What was answered.

    Attributes:
        table: a row a photo, in their order.
        unreachable: for how many of them the storage failed.
    """

    table: pa.Table
    unreachable: int

    def counts(self, column: str) -> Counts:
        """Count the photos, their problems, and the values of a column ("" for none)."""
        problems = len(self.table) - self.table["problem"].null_count
        found = compute.value_counts(self.table[column].drop_null()).to_pylist() if column else []
        values = {str(row["values"]): int(row["counts"]) for row in found}
        return Counts(len(self.table), problems, self.unreachable, values)


def rows_here(worker: Worker, listed: Sequence[Listed], threads: int) -> Rows:
    """Answer for some photos; reading and decoding run ahead of the network, in other threads.

    Args:
        worker: the task, its model loaded.
        listed: the photos.
        threads: that compute.
    """
    unreachable = Counter[bool]()

    def answer(photos: Sequence[Photo]) -> pa.RecordBatch:
        return rows_of(worker, photos)

    read = in_order(lambda one: _read(one, worker), listed, _readers(listed, threads))
    photos = _watched(read, unreachable)
    batches = in_order(answer, in_batches(photos, worker.batch), threads)
    table = pa.Table.from_batches(batches, schema_of(worker))  # which takes them all, one by one
    return Rows(table, unreachable[True])


def _readers(listed: Sequence[Listed], threads: int) -> int:
    """More threads where reading is waiting: a core would idle for tens of milliseconds."""
    return max(READERS, threads) if is_address(listed[0].place) else threads


def _read(listed: Listed, worker: Worker) -> Photo:
    digest = ""
    try:
        data = read_whole(listed.place, listed.offset, listed.size)
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        return Photo(listed, digest, worker.decode(data, listed.path))
    except PhotoError as error:
        failed = isinstance(error, UnreachableError)
        return Photo(listed, digest, problem=redact(str(error)), unreachable=failed)


def _watched(photos: Iterable[Photo], unreachable: Counter[bool]) -> Iterator[Photo]:
    for photo in photos:
        unreachable[photo.unreachable] += 1
        yield photo


def rows_apart(task: Task, worker: Worker, listed: Sequence[Listed], threads: int) -> Rows:
    """Answer for some photos in a process of its own, which loads the model anew.

    Where that dies, each half of the photos gets another one, down to a single photo: its row says
    that it cannot be answered. Rows of the others are those of `rows_here`, but for the last bits
    of features where a task answers whole batches.

    Args:
        task: what is done.
        worker: the same, its model loaded here: it makes the row of a photo that kills.
        listed: the photos.
        threads: that compute.

    Raises:
        FlorascopeError: the process failed for a reason that is no single photo's.
    """
    code, rows, said = _in_child(task, listed, threads)
    if rows is not None:
        return rows
    if 0 <= code < CRASHED:  # an exception, which any other photo would meet
        raise FlorascopeError(
            f"a worker failed ({redact(said)})",
            fix="Run the same command again: it goes on where it stopped",
        )
    if len(listed) == 1:
        problem = f"{listed[0].path} ends the process that answers it (status {code})"
        return Rows(
            pa.Table.from_batches([rows_of(worker, [Photo(listed[0], problem=problem)])]), 0
        )
    middle = len(listed) // 2
    halves = [
        rows_apart(task, worker, half, threads) for half in (listed[:middle], listed[middle:])
    ]
    table = pa.concat_tables([half.table for half in halves])
    return Rows(table, sum(half.unreachable for half in halves))


def _in_child(task: Task, listed: Sequence[Listed], threads: int) -> tuple[int, Rows | None, str]:
    """Return a process's exit status, its rows if it ended well, and the last that it said."""
    with tempfile.TemporaryDirectory(prefix="florascope-") as folder:
        path = Path(folder) / "rows.parquet"
        done = subprocess.run(  # noqa: S603 (ourselves)
            [sys.executable, "-m", __name__, str(path)],
            input=pickle.dumps((task, tuple(listed), threads)),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if done.returncode == 0:
            table = parquet.read_table(path)
            unreachable = int((table.schema.metadata or {})[UNREACHABLE])
            return 0, Rows(table.replace_schema_metadata(), unreachable), ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return done.returncode, None, said[-1] if said else f"status {done.returncode}"


def _child(out: str) -> None:
    """Answer for the photos on standard input."""
    task, listed, threads = pickle.load(sys.stdin.buffer)  # noqa: S301 (from our own parent)
    rows = rows_here(task.open(), listed, threads)
    marked = rows.table.replace_schema_metadata({UNREACHABLE: str(rows.unreachable)})
    parquet.write_table(marked, out)


if __name__ == "__main__":
    _child(sys.argv[1])
