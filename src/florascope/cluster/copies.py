"""Photos that are there twice, or nearly, among millions and across deliveries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Int64, UInt64
from pyarrow import parquet

from florascope.cluster.job import Job
from florascope.data.identity import Looks, near_looks, no_looks
from florascope.errors import DataError

COPIES = "_job/copies.parquet"
EQUAL, NEAR = "equal", "near"

Pairs = Int64[np.ndarray, "p 2"]

_COLUMNS = pa.schema([(n, pa.string()) for n in ("kind", "path", "other", "split", "other_split")])


class Delivery(NamedTuple):
    """What a job's n readable photos are recognised by, in 48 bytes each.

    Attributes:
        job: the job.
        rows: (n,) their rows among all of its photos.
        contents: (n,) the first 8 bytes of each photo's digest.
        looks: (n, 32) packed hashes; see `florascope.data.identity.pack_look`.
    """

    job: Job
    rows: Int64[np.ndarray, "n"]
    contents: UInt64[np.ndarray, "n"]
    looks: Looks

    @classmethod
    def of(cls, job: Job) -> "Delivery":
        """Read a finished job of `data inspect` or `embed`.

        Raises:
            DataError: it has no looks.
        """
        if "look" not in job.columns.names:
            raise DataError(
                f"{job.store.place} holds a job of {job.about['task']}, which keeps no looks",
                expected="one of data inspect, or of embed",
            )
        rows, contents, looks, start = list[np.ndarray](), list[np.ndarray](), [no_looks(0)], 0
        for batch in job.batches(["digest", "look", "problem"]):
            sound = batch["problem"].is_null().to_numpy(zero_copy_only=False)
            rows.append(start + np.flatnonzero(sound))
            kept = batch.filter(batch["problem"].is_null())
            contents.append(_contents(kept["digest"].to_pylist()))
            looks.append(
                np.frombuffer(b"".join(kept["look"].to_pylist()), np.uint8).reshape(-1, 32)
            )
            start += len(batch)
        return cls(job, np.concatenate(rows), np.concatenate(contents), np.concatenate(looks))

    def firsts(self) -> "Delivery":
        """Keep the first photo of each content."""
        _, first = np.unique(self.contents, return_index=True)
        at = np.sort(first)
        return Delivery(self.job, self.rows[at], self.contents[at], self.looks[at])


def _contents(digests: Sequence[str]) -> UInt64[np.ndarray, "n"]:
    return np.array([int(digest[:16], 16) for digest in digests], np.uint64)


@dataclass(frozen=True, slots=True)
class Copies:
    """Pairs of photos with the same content, or that look the same.

    Attributes:
        table: kind ("equal" or "near"), path, other, split, other_split.
    """

    table: pa.Table

    def count(self, kind: str) -> int:
        """How many pairs of a kind there are."""
        return sum(value == kind for value in self.table["kind"].to_pylist())

    def leaks(self) -> int:
        """How many pairs lie on different sides of a split."""
        sides = zip(*(self.table[n].to_pylist() for n in ("split", "other_split")), strict=True)
        return sum(bool(one and other and one != other) for one, other in sides)

    def shown(self, kind: str, limit: int) -> list[tuple[str, str]]:
        """Return the first pairs of a kind."""
        rows = (row for row in self.table.to_pylist() if row["kind"] == kind)
        return [(row["path"], row["other"]) for row, _ in zip(rows, range(limit), strict=False)]


def find_copies(job: Job) -> Copies:
    """Find pairs within a delivery: every copy with the first of its content, and near ones.

    Near are the first photos of two contents whose hashes differ in at most 20 of 256 bits.

    Raises:
        DataError: the job has no looks.
    """
    every = Delivery.of(job)
    firsts = every.firsts()
    near = firsts.rows[near_looks(firsts.looks)]
    return _named({EQUAL: every.rows[_equal(every.contents)], NEAR: near}, job, job)


def find_copies_of(job: Job, earlier: Job) -> Copies:
    """Find pairs of a photo of this delivery and one of an earlier one, whose job is its index.

    Raises:
        DataError: one of the jobs has no looks, or they look at photos differently.
    """
    if job.about["task"] != earlier.about["task"]:
        raise DataError(
            f"{earlier.store.place} holds a job of {earlier.about['task']}",
            expected=f"one of {job.about['task']}: looks of crops and of photos differ",
        )
    new, old = Delivery.of(job), Delivery.of(earlier).firsts()
    order = np.argsort(old.contents)
    place = np.searchsorted(old.contents[order], new.contents)
    known = order[np.minimum(place, len(order) - 1)]
    same = np.flatnonzero(old.contents[known] == new.contents)
    equal = np.stack([new.rows[same], old.rows[known[same]]], 1)
    others = new.firsts()
    pairs = near_looks(others.looks, old.looks)
    pairs = pairs[others.contents[pairs[:, 0]] != old.contents[pairs[:, 1]]]
    near = np.stack([others.rows[pairs[:, 0]], old.rows[pairs[:, 1]]], 1)
    return _named({EQUAL: equal, NEAR: near}, job, earlier)


def _equal(contents: UInt64[np.ndarray, "n"]) -> Pairs:
    """Pair every copy with the first of its content."""
    _, first, which = np.unique(contents, return_index=True, return_inverse=True)
    firsts = first[which]
    copies = np.flatnonzero(firsts != np.arange(len(contents)))
    return np.stack([firsts[copies], copies], 1)


def _named(pairs: dict[str, Pairs], job: Job, other: Job) -> Copies:
    every = np.concatenate(list(pairs.values()))
    kinds = [kind for kind, found in pairs.items() for _ in found]
    ours, theirs = _rows(job, every[:, 0]), _rows(other, every[:, 1])
    rows = [
        {"kind": kind, "path": a[0], "split": a[1], "other": b[0], "other_split": b[1]}
        for kind, a, b in zip(kinds, ours, theirs, strict=True)
    ]
    return Copies(pa.Table.from_pylist(rows, _COLUMNS))


def _rows(job: Job, rows: Int64[np.ndarray, "p"]) -> Iterator[tuple[str, str | None]]:
    """Return path and split of some rows; the job is read once, and no other path is kept."""
    wanted, which = np.unique(rows, return_inverse=True)
    found, start = list[tuple[str, str | None]](), 0
    for batch in job.batches(["path", "split"]):
        here = wanted[(wanted >= start) & (wanted < start + len(batch))] - start
        taken = batch.take(pa.array(here))
        found.extend(zip(taken["path"].to_pylist(), taken["split"].to_pylist(), strict=True))
        start += len(batch)
    return (found[int(k)] for k in which)


def keep_copies(job: Job, copies: Copies) -> str:
    """Write the pairs beside the job's plan and return where."""
    sink = pa.BufferOutputStream()
    parquet.write_table(copies.table, sink, compression="zstd")
    job.store.write(COPIES, sink.getvalue())
    return f"{job.store.place}/{COPIES}"
