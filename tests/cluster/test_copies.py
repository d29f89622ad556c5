"""Copies among shards are those that all pairs show."""

from pathlib import Path

import pytest
from PIL import Image
from pyarrow import parquet
from tests.cluster.conftest import paint

import florascope as fs
from florascope.cluster.copies import EQUAL, NEAR, find_copies, find_copies_of, keep_copies
from florascope.cluster.job import Job
from florascope.cluster.tasks import Inspect
from florascope.data.folder import folder
from florascope.errors import DataError
from florascope.health.examination import Inspection, examine


def saved_again(source: Path, target: Path) -> None:
    """Save a photo smaller and in worse quality."""
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.open(source).resize((56, 42)).save(target, quality=70)


@pytest.fixture
def delivery(tmp_path: Path) -> Path:
    """Eight photos, one a copy, one nearly, across a split; and one that is broken."""
    root = tmp_path / "new"
    for number in range(6):
        paint(root / "train" / "rose" / f"{number}.jpg", number)
    for name in ("a", "b"):
        (root / "test" / "rose").mkdir(parents=True, exist_ok=True)
        data = (root / "train" / "rose" / "2.jpg").read_bytes()
        (root / "test" / "rose" / f"{name}.jpg").write_bytes(data)
    saved_again(root / "train" / "rose" / "4.jpg", root / "test" / "rose" / "c.jpg")
    (root / "train" / "rose" / "1.jpg").write_bytes(b"broken")
    return root


def job_of(source: Path, out: Path) -> Job:
    return Job.kept(fs.map(source, out=out, model=Inspect(), shard=4).out)


def test_copies_within_a_delivery(delivery: Path, tmp_path: Path) -> None:
    job = job_of(delivery, tmp_path / "out")
    found = find_copies(job)
    rows = {tuple(row.values()) for row in found.table.to_pylist()}
    test, train = str(delivery / "test" / "rose"), str(delivery / "train" / "rose")
    assert rows == {
        (EQUAL, f"{test}/a.jpg", f"{test}/b.jpg", "test", "test"),
        (EQUAL, f"{test}/a.jpg", f"{train}/2.jpg", "test", "train"),
        (NEAR, f"{test}/c.jpg", f"{train}/4.jpg", "test", "train"),
    }
    assert (found.count(EQUAL), found.count(NEAR), found.leaks()) == (2, 1, 2)
    assert found.shown(NEAR, 3) == [(f"{test}/c.jpg", f"{train}/4.jpg")]
    plain = Inspection.of(examine(folder(delivery)))
    assert len(plain.near_duplicates) == 1
    assert [sorted(Path(p).name for p in g) for g in plain.duplicates] == [
        ["2.jpg", "a.jpg", "b.jpg"]
    ]
    assert parquet.read_table(keep_copies(job, found)).equals(found.table)


def test_copies_of_an_earlier_delivery(delivery: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    paint(old / "100.jpg", 100)
    paint(old / "3.jpg", 3)
    paint(old / "3b.jpg", 3)
    saved_again(delivery / "train" / "rose" / "5.jpg", old / "small.jpg")
    found = find_copies_of(job_of(delivery, tmp_path / "o1"), job_of(old, tmp_path / "o2"))
    rows = {tuple(row.values()) for row in found.table.select([0, 1, 2]).to_pylist()}
    train = str(delivery / "train" / "rose")
    assert rows == {
        (EQUAL, f"{train}/3.jpg", f"{old}/3.jpg"),
        (NEAR, f"{train}/5.jpg", f"{old}/small.jpg"),
    }


def test_a_delivery_without_copies(tmp_path: Path) -> None:
    for number in range(3):
        paint(tmp_path / "in" / f"{number}.jpg", number)
    job = job_of(tmp_path / "in", tmp_path / "out")
    assert len(find_copies(job).table) == 0
    assert len(find_copies_of(job, job).table) == 3  # each with itself


def test_jobs_without_the_same_looks(photos: Path, tmp_path: Path) -> None:
    answers = Job.kept(fs.map(photos, out=tmp_path / "a").out)
    with pytest.raises(DataError, match="a job of identify, which keeps no looks"):
        find_copies(answers)
    looks = job_of(photos, tmp_path / "b")
    with pytest.raises(DataError, match="holds a job of identify. expected one of inspect"):
        find_copies_of(looks, answers)
