"""A job's folder: planned once, finished shard by shard, never mixed."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from florascope.cluster import job as jobs
from florascope.cluster.job import ABOUT, PLAN, Counts, Job, open_job, part
from florascope.cluster.sources import list_photos
from florascope.cluster.tasks import Embed, Identify, Inspect
from florascope.errors import DataError, FlorascopeError


@pytest.fixture
def job(photos: Path, tmp_path: Path) -> Job:
    return open_job(str(photos), Inspect(), str(tmp_path / "out"), size=4)


def rows(count: int) -> pa.Table:
    return pa.table({"path": [str(i) for i in range(count)]})


def test_the_plan_is_the_source_in_shards(job: Job, photos: Path) -> None:
    assert (job.photos, job.shards) == (9, 3)
    assert [job.rows(shard) for shard in range(3)] == [4, 4, 1]
    planned = [photo for shard in range(3) for photo in job.listed(shard)]
    listed = list(list_photos(str(photos)))
    assert [(p.path, p.place, p.label) for p in planned] == [
        (p.path, p.place, p.label) for p in listed
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8")
def test_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    name = os.fsencode(photos) + b"/caf\xe9.jpg"
    Path(os.fsdecode(name)).write_bytes(b"")
    job = open_job(str(photos), Inspect(), str(tmp_path / "out"))
    (only,) = job.listed(0)
    assert os.fsencode(only.place) == name
    assert only.path.endswith(r"caf\xe9.jpg")


@pytest.mark.parametrize(("below", "name"), [(".", "{}-results"), ("answers", "answers")])
def test_a_job_among_its_photos_is_refused(below: str, name: str, tmp_path: Path) -> None:
    """Its folders would make the photos' no data set any more."""
    (tmp_path / "1.jpg").touch()
    out = (tmp_path / below).resolve()
    with pytest.raises(FlorascopeError) as raised:
        open_job(str(tmp_path), Inspect(), str(out))
    assert raised.value.found.endswith(f"lies in {tmp_path}, among the photos")
    assert raised.value.expected.startswith("a folder apart from them")
    assert raised.value.fix == f"Such as {name.format(tmp_path.name)} beside it"
    assert [path.name for path in tmp_path.iterdir()] == ["1.jpg"]


def test_a_missing_source_is_said_before_a_network_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is no file or folder"):
        open_job(str(tmp_path / "nowhere"), Embed("no such network"), str(tmp_path / "out"))


def test_what_is_left(job: Job) -> None:
    assert job.left() == [0, 1, 2]
    job.commit(1, rows(4), Counts(4, 1, 0, {"RGB": 3}))
    assert job.left() == [0, 2]
    assert job.done(1) == Counts(4, 1, 0, {"RGB": 3})
    with pytest.raises(DataError, match=r"2 of 3 shards are not in .*Run the same command again"):
        job.finish()
    job.commit(0, rows(4), Counts(4, 0, 0, {"RGB": 4}))
    job.commit(2, rows(1), Counts(1, 0, 0, {"L": 1}))
    assert job.finish() == Counts(9, 1, 0, {"RGB": 7, "L": 1})
    told = json.loads(job.store.read("_job/summary.json") or b"")
    assert (told["photos"], told["problems"], told["values"]) == (9, 1, {"RGB": 7, "L": 1})


def test_a_shard_whose_storage_failed_is_made_again(job: Job) -> None:
    job.commit(0, rows(4), Counts(4, 2, 2))
    assert job.left() == [0, 1, 2]
    assert job.done(0) == Counts(4, 2, 2)


@pytest.mark.parametrize("harm", ["cut", "rows", "other job", "empty"])
def test_a_shard_that_is_not_whole_is_not_there(job: Job, harm: str) -> None:
    job.commit(0, rows(3 if harm == "rows" else 4), Counts(4))
    path = Path(job.store.place) / part(0)
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    if harm == "empty":
        path.write_bytes(b"")
    same = Job(job.store, {**job.about, "model": "x"}) if harm == "other job" else job
    assert same.done(0) is None
    assert same.left() == [0, 1, 2]


def test_the_same_command_goes_on(job: Job, photos: Path, tmp_path: Path) -> None:
    job.commit(1, rows(4), Counts(4))
    again = open_job(str(photos), Inspect(), str(tmp_path / "out"), size=4)
    assert again.about == job.about
    assert again.left() == [0, 2]
    assert Job.kept(str(tmp_path / "out")).about == job.about


def _another_photo(photos: Path) -> None:
    (photos / "rose" / "new.jpg").write_bytes(b"")


def _a_changed_photo(photos: Path) -> None:
    with (photos / "rose" / "1.jpg").open("ab") as file:
        file.write(b"more")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_another_photo, "another number of photos in the source: 9, now 10"),
        (_a_changed_photo, "another list of photos .*one was added, removed, renamed or changed"),
    ],
)
def test_a_changed_source_is_refused(
    photos: Path, tmp_path: Path, change: Any, message: str
) -> None:
    source = tmp_path / "source"
    for path in photos.rglob("*.jpg"):
        (source / path.parent.name).mkdir(parents=True, exist_ok=True)
        (source / path.parent.name / path.name).write_bytes(path.read_bytes())
    open_job(str(source), Inspect(), str(tmp_path / "out"))
    change(source)
    with pytest.raises(DataError, match=message):
        open_job(str(source), Inspect(), str(tmp_path / "out"))


def test_a_changed_source_is_not_looked_at_again(
    job: Job, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object) -> Iterator[None]:
        pytest.fail("it was listed")
        yield

    monkeypatch.setattr(jobs, "list_photos", unread)
    again = open_job(str(photos), Inspect(), str(tmp_path / "out"), size=4, as_listed=True)
    assert (again.about, again.photos) == (job.about, 9)
    with pytest.raises(DataError, match="another task: inspect, now identify"):
        open_job(str(photos), Identify(), str(tmp_path / "out"), size=4, as_listed=True)


def test_what_was_never_listed_is_listed(photos: Path, tmp_path: Path) -> None:
    assert open_job(str(photos), Inspect(), str(tmp_path / "o"), as_listed=True).photos == 9


def test_another_task_model_or_size_is_refused(job: Job, photos: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    with pytest.raises(DataError, match="holds a job with another task: inspect, now identify"):
        open_job(str(photos), Identify(), out, size=4)
    with pytest.raises(DataError, match=r"photos a shard: 4, now 5.*remove that one to begin anew"):
        open_job(str(photos), Inspect(), out, size=5)


def test_a_plan_that_was_killed_is_made_anew(job: Job, photos: Path, tmp_path: Path) -> None:
    folder = Path(job.store.place)
    (folder / ABOUT).unlink()
    (folder / PLAN).write_bytes(b"half")
    again = open_job(str(photos), Inspect(), str(tmp_path / "out"), size=4)
    assert [len(again.listed(shard)) for shard in range(3)] == [4, 4, 1]


def test_a_folder_of_other_files_is_refused(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(DataError, match=r"holds other files \(thesis.txt\)"):
        open_job(str(photos), Inspect(), str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_source(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path\n")
    with pytest.raises(DataError, match="list.csv lists no photos"):
        open_job(str(tmp_path / "list.csv"), Inspect(), str(tmp_path / "out"))
    assert not (tmp_path / "out" / ABOUT).exists()


def test_a_folder_without_a_job(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no job"):
        Job.kept(str(tmp_path))


def test_planning_reports(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SIZE", 4)
    told: list[str] = []
    open_job(
        str(photos), Inspect(), str(tmp_path / "o"), progress=lambda what, *_: told.append(what)
    )
    assert told == [f"Listing photos: {n}" for n in (0, 4, 8)]
