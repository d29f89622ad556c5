"""Engines: the same rows, whoever made them and however often it was killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cluster.conftest import KEYS, S3

import florascope as fs
from florascope.cluster.engines import Local, RayData, ShardMaker, run_job, scheduler_of
from florascope.cluster.job import Job, open_job
from florascope.cluster.sources import list_photos
from florascope.cluster.tasks import SHIPPED, Identify, Inspect
from florascope.errors import DataError
from florascope.identify.model import Model

STRANGE = 3  # noise is like nothing that the model knows, and its exit status says so


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "florascope", *map(str, arguments)]


def test_map_answers_as_the_model_does(photos: Path, tmp_path: Path) -> None:
    model = Model(SHIPPED)
    done = fs.map(photos, out=tmp_path / "out", model=model, shard=4)
    assert (done.counts.photos, done.counts.problems) == (9, 1)
    rows = done.table().to_pylist()
    assert [row["path"] for row in rows] == [one.path for one in list_photos(str(photos))]
    for row in rows[:-1]:
        alone = model.identify(row["path"])
        assert row["statement"] == alone.statement()
        told = [c["probability"] for c in row["candidates"]]
        assert told == [c.probability for c in alone.candidates()]
    assert "bad.jpg is damaged or cut short" in rows[-1]["problem"]
    assert rows[-1]["verdict"] is None
    assert done.table(["path"]).column_names == ["path"]
    assert sum(done.counts.values.values()) == 8


def test_a_second_run_makes_what_is_missing(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = fs.map(photos, out=out, model=Inspect(), shard=4)
    whole = first.table()
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    (out / "part-00001.parquet").unlink()
    told: list[int] = []
    fs.map(
        photos,
        out=out,
        model=Inspect(),
        shard=4,
        progress=lambda what, done, _: told.append(done) if what.startswith("Answering") else None,
    )
    assert told == [5, 9]
    assert first.table().equals(whole)
    now = {path.name: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    assert [name for name in kept if now[name] != kept[name]] == ["part-00001.parquet"]


def test_a_killed_driver_loses_nothing(photos: Path, tmp_path: Path) -> None:
    truth = fs.map(photos, out=tmp_path / "truth", shard=1).table()
    out = tmp_path / "out"
    arguments = command("identify", photos, "--out", out, "--shard", "1")
    killed = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(out.glob("part-*")) and killed.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert subprocess.run(arguments, capture_output=True, check=False).returncode == STRANGE
    assert Job.kept(str(out)).photos == 9
    rows = fs.map(photos, out=out, shard=1).table()
    assert rows.equals(truth)


def test_ray_answers_the_same(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    local = fs.map(photos, out=tmp_path / "local", shard=4)
    arguments = ("--out", tmp_path / "ray", "--shard", "4", "--engine", "ray", "--json")
    done = subprocess.run(
        command("identify", photos, *arguments), capture_output=True, text=True, check=False
    )
    assert done.returncode == STRANGE, done.stderr
    told = json.loads(done.stdout)
    assert (told["photos"], told["problems"]) == (9, 1)
    assert told["values"] == local.counts.values
    assert fs.map(photos, out=tmp_path / "ray", shard=4).table().equals(local.table())


def test_no_cluster_at_the_address(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    arguments = ("--out", tmp_path / "out", "--address", "no address")
    done = subprocess.run(
        command("identify", photos, *arguments), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Error: no Ray cluster answers at no address" in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_lines_of_a_list_are_rows_with_problems(photos: Path, tmp_path: Path) -> None:
    lines = [photos / "lily" / "0.jpg", "nowhere://x/1.jpg", "https://ann:secret@h/2.jpg"]
    lines += ["none.jpg", photos, "odd\\name\0.jpg", "s3://", "https://[h/3.jpg"]
    (tmp_path / "list.csv").write_text("\n".join(["path", *map(str, lines)]))
    done = fs.map(tmp_path / "list.csv", out=tmp_path / "out", model=Inspect())
    assert (done.counts.photos, done.counts.problems) == (8, 7)
    assert "secret" not in str(done.table().to_pylist())


def test_object_storage_that_fails(
    failing: S3, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg")]
    for name in names:
        failing.put(f"museum/in/{name}", (photos / name).read_bytes())
    failing.faults = {"/0.jpg": ["503"], "/1.jpg": ["cut"], "/2.jpg": ["slow"]}
    failing.faults["/3.jpg"] = ["503"] * 6  # three attempts by the SDK for each of two of ours
    first = fs.map("s3://museum/in", out=tmp_path / "out", model=Inspect(), shard=4)
    assert (first.counts.problems, first.counts.unreachable) == (2, 1)
    problems = {row["path"]: row["problem"] for row in first.table().to_pylist() if row["problem"]}
    assert "cannot be read" in problems["s3://museum/in/rose/3.jpg"]
    assert "damaged or cut short" in problems["s3://museum/in/rose/bad.jpg"]
    second = fs.map("s3://museum/in", out=tmp_path / "out", model=Inspect(), shard=4)
    assert (second.counts.problems, second.counts.unreachable) == (1, 0)
    here = fs.map(photos, out=tmp_path / "here", model=Inspect(), shard=4)
    assert second.table().drop(["path"]).slice(0, 8).equals(here.table().drop(["path"]).slice(0, 8))


def test_results_in_object_storage_hold_no_secret(s3: S3, photos: Path, tmp_path: Path) -> None:
    s3.put("museum/0.jpg", (photos / "lily" / "0.jpg").read_bytes())
    address = f"{os.environ['AWS_ENDPOINT_URL']}/museum/0.jpg?X-Amz-Signature=geheim"
    (tmp_path / "list.csv").write_text(f"path\ns3://museum/0.jpg\n{address}\ns3://museum/no.jpg\n")
    arguments = command("identify", tmp_path / "list.csv", "--out", "s3://museum/out", "--json")
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == STRANGE, done.stderr
    told = json.loads(done.stdout)
    assert (told["out"], told["photos"], told["problems"]) == ("s3://museum/out", 3, 1)
    job = Job.kept("s3://museum/out")
    kept = [job.store.read(name) or b"" for name in ("_job/job.json", "_job/summary.json")]
    kept += [str(batch.to_pylist()).encode() for batch in job.batches()]
    kept += [done.stdout.encode(), done.stderr.encode()]
    for secret in (KEYS["AWS_SECRET_ACCESS_KEY"], KEYS["AWS_ACCESS_KEY_ID"], "geheim"):
        assert not any(secret.encode() in text for text in kept)
    assert "X-Amz-Signature=***" in str(kept)


def test_a_worker_with_another_model_refuses(photos: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    open_job(str(photos), Identify(language="es"), out)
    with pytest.raises(DataError, match=r"another language than its job: en. expected es"):
        ShardMaker(out, Identify())


def test_engines_by_name() -> None:
    assert scheduler_of("local") == Local()
    assert scheduler_of("ray") == RayData()
    assert scheduler_of(Local(3)) == Local(3)
    with pytest.raises(DataError, match=r"engine 'spark'. expected one of local, ray"):
        scheduler_of("spark")


def test_a_finished_job_needs_no_engine(photos: Path, tmp_path: Path) -> None:
    fs.map(photos, out=tmp_path / "out", model=Inspect())

    def never(*_: object) -> None:
        raise AssertionError

    again = run_job(str(photos), Inspect(), str(tmp_path / "out"), never)  # type: ignore[arg-type]
    assert again.counts.photos == 9


def test_nothing_of_it_is_imported_otherwise(photos: Path) -> None:
    program = (
        "import sys, florascope as fs; import florascope.cli.main;"
        "fs.Model().identify(sys.argv[1]);"
        "sys.exit(any(m in sys.modules for m in ('ray', 'pyarrow', 'florascope.cluster')))"
    )
    photo = str(photos / "lily" / "0.jpg")
    done = subprocess.run([sys.executable, "-c", program, photo], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
