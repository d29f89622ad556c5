"""Photos that end their process are found, and cost no other its answer."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import florascope as fs
from florascope.cluster.answering import rows_apart
from florascope.cluster.engines import TRUSTED
from florascope.cluster.job import open_job
from florascope.cluster.sources import list_photos
from florascope.cluster.tasks import Inspect
from florascope.errors import FlorascopeError


@dataclass(frozen=True)
class Deadly(Inspect):
    """A task that some photos kill, as a decoder's fault does.

    Attributes:
        photos: their names.
    """

    photos: tuple[str, ...] = ()

    def open(self) -> "Deadly":
        return self

    def decode(self, data: bytes, name: str) -> dict[str, Any]:
        if Path(name).name in self.photos:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().decode(data, name)


def test_a_photo_that_kills_its_worker_is_a_row_with_a_problem(
    photos: Path, tmp_path: Path
) -> None:
    truth = fs.map(photos, out=tmp_path / "truth", model=Inspect()).table().to_pylist()
    deadly = Deadly(("2.jpg", "7.jpg"))
    job = open_job(str(photos), deadly, str(tmp_path / "out"))
    for _ in range(TRUSTED):
        job.begin(0)  # and died
    done = fs.map(photos, out=tmp_path / "out", model=deadly)
    rows = done.table().to_pylist()
    killers = {row["path"]: row["problem"] for row in rows if "ends the process" in str(row)}
    assert sorted(Path(path).name for path in killers) == ["2.jpg", "7.jpg"]
    assert all("status -11" in problem for problem in killers.values())
    kept = [row for row in truth if row["path"] not in killers]
    assert [row for row in rows if row["path"] not in killers] == kept
    assert (done.counts.photos, done.counts.problems, done.counts.unreachable) == (9, 3, 0)
    assert job.store.names("_job/attempts") == set()
    assert fs.map(photos, out=tmp_path / "out", model=deadly).counts == done.counts


@dataclass(frozen=True)
class Broken(Inspect):
    """A task that cannot be done here."""

    def open(self) -> "Broken":
        raise RuntimeError("no libfoo at s3://ann:secret@here")


def test_what_fails_apart_for_no_photo_is_said(photos: Path) -> None:
    listed = list(list_photos(str(photos)))
    with pytest.raises(
        FlorascopeError, match=r"a worker failed \(RuntimeError: no libfoo at s3://\*\*\*@here\)"
    ):
        rows_apart(Broken(), Inspect(), listed, 1)
