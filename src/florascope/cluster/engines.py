"""Who makes the shards: this process, or Ray Data's workers on any number of machines."""

import json
import logging
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from florascope.cluster.answering import rows_apart, rows_here
from florascope.cluster.job import SIZE, Counts, Job, is_settled, open_job
from florascope.cluster.places import redact
from florascope.cluster.tasks import SHIPPED, Identify, Task, resolved
from florascope.errors import DataError, FlorascopeError, check_arguments
from florascope.progress import Progress, shown, silent

TRUSTED = 2
"""So often a shard is begun where the model is; from then on a photo of it is suspected to end
whatever process answers it."""


class ShardMaker:
    """Makes a job's shards, its model loaded once.

    Args:
        out: the job's folder.
        task: the job's task.
        threads: that compute; one a core where none are named.

    Raises:
        DataError: the task is not the job's here: another model, or another version of a library.
    """

    def __init__(self, out: str, task: Task, threads: int | None = None) -> None:
        self._job, self._task = Job.kept(out), task
        self._threads = threads or os.cpu_count() or 1
        here = task.describe()
        if differing := [key for key, value in here.items() if self._job.about.get(key) != value]:
            key = differing[0]
            raise DataError(
                f"this worker has another {key} than its job: {here[key]}",
                expected=str(self._job.about.get(key)),
                fix="Install the same packages and put the same model on every machine",
            )
        self._worker = task.open()

    def __call__(self, shard: int) -> Counts:
        """Make a shard, unless it is there; apart, where others died at it (`rows_apart`)."""
        counts = self._job.done(shard)
        if counts is not None and is_settled(counts):
            return counts
        listed = self._job.listed(shard)
        if self._job.begin(shard) <= TRUSTED:
            rows = rows_here(self._worker, listed, self._threads)
        else:
            rows = rows_apart(self._task, self._worker, listed, self._threads)
        made = rows.counts(self._worker.counted)
        self._job.commit(shard, rows.table, made)
        return made


@runtime_checkable
class Scheduler(Protocol):
    """Has shards made."""

    def __call__(self, shards: Sequence[int], out: str, task: Task) -> Iterator[Counts]:
        """Yield what came of each shard, in any order, as it is made.

        Raises:
            FlorascopeError: the engine ended before the work did.
        """
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """This process, on every core.

    Attributes:
        threads: that compute; one a core where none are named.
    """

    threads: int | None = None

    def __call__(self, shards: Sequence[int], out: str, task: Task) -> Iterator[Counts]:
        """Make one shard after the other."""
        make = ShardMaker(out, task, self.threads)
        return (make(shard) for shard in shards)


@dataclass(frozen=True, slots=True)
class RayData:
    """Workers of Ray Data, which are started anew where they die.

    Attributes:
        address: of a running cluster; "" for RAY_ADDRESS, or a cluster of this machine alone.
        workers: processes with a model each; None for one a CPU less one, since a pool that takes
            every CPU leaves none to Ray Data's own tasks (ray-project/ray#44687).
    """

    address: str = ""
    workers: int | None = None

    def __call__(self, shards: Sequence[int], out: str, task: Task) -> Iterator[Counts]:
        """Hand the shards out, one a call."""
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its C++ part writes to stderr
        import ray
        import ray.data

        started = not ray.is_initialized()
        if started:
            self._connect(ray)
        try:
            yield from self._run(ray, shards, out, task)
        except ray.exceptions.RayError as error:
            raise _ended(error) from error
        finally:
            if started:
                ray.shutdown()

    def _connect(self, ray: Any) -> None:  # noqa: ANN401 (the module)
        address = self.address or os.environ.get("RAY_ADDRESS") or "local"
        own = {"include_dashboard": False} if address == "local" else {}
        try:
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **own)
        except (ConnectionError, ValueError, ray.exceptions.RayError) as error:
            raise FlorascopeError(
                f"no Ray cluster answers at {address} ({error})",
                expected="the address that Ray's head node told",
                fix="Check the address, and that this machine has the cluster's token"
                " (RAY_AUTH_TOKEN; Ray asks for one since 2.59)",
            ) from error

    def _run(self, ray: Any, shards: Sequence[int], out: str, task: Task) -> Iterator[Counts]:  # noqa: ANN401
        cpus = int(ray.cluster_resources().get("CPU", 1))
        workers = min(self.workers or max(1, cpus - 1), len(shards))
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        rows = ray.data.from_items(
            [{"shard": shard} for shard in shards], override_num_blocks=min(len(shards), BLOCKS)
        )
        made = rows.map_batches(
            _RayWorker,
            fn_constructor_args=(out, task, math.ceil(cpus / workers)),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=1,
        )
        for row in made.iter_rows():
            yield Counts(**json.loads(row["counts"]))


BLOCKS = 4096  # of shards' numbers: what a worker is given at a time


class _RayWorker:
    """What Ray keeps in a worker's process."""

    def __init__(self, out: str, task: Task, threads: int) -> None:
        self._maker = ShardMaker(out, task, threads)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        made = [self._maker(int(shard)) for shard in batch["shard"]]
        return {"counts": [json.dumps(asdict(counts)) for counts in made]}


def _ended(error: Exception) -> FlorascopeError:
    """Say why Ray gave up, in the words of what failed on the worker."""
    cause = getattr(error, "cause", None) or error
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return FlorascopeError(
        f"Ray ended before the work did ({redact(lines[-1])})",
        fix="Run the same command again: it goes on where it stopped",
    )


ENGINES = {"local": Local, "ray": RayData}


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a job gave.

    Attributes:
        out: its folder; `part-*.parquet` in it are the rows.
        counts: of photos, problems and verdicts.
    """

    out: str
    counts: Counts

    def to_json(self) -> dict[str, Any]:
        """Return where the results are, and the counts, as JSON values."""
        return {"out": self.out, **asdict(self.counts)}

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows, one shard after the other, in the order of the source."""
        return Job.kept(self.out).batches(columns)

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return all rows as one table, which has to fit into memory."""
        return pa.Table.from_batches(list(self.batches(columns)))


def run_job(  # noqa: PLR0913 (all but four by name)
    source: str,
    task: Task,
    out: str,
    scheduler: Scheduler,
    *,
    size: int = SIZE,
    as_listed: bool = False,
    ignored: Counter[str] | None = None,
    progress: Progress = silent,
) -> Mapped:
    """Do a task for every photo of a source, or go on with it.

    Args:
        source: see `florascope.cluster.sources.list_photos`.
        task: what is to be done.
        out: a folder, here or in object storage, that every worker can write to.
        scheduler: who works.
        size: photos a shard.
        as_listed: see `open_job`.
        ignored: counts what is left out of folders.
        progress: told of photos done.

    Raises:
        DataError: the source lists nothing, or the folder holds another job.
        FlorascopeError: the engine ended before the work did.
    """
    task = resolved(task)
    job = open_job(
        source, task, out, size=size, as_listed=as_listed, ignored=ignored, progress=progress
    )
    left = job.left()
    done = job.photos - sum(job.rows(shard) for shard in left)
    progress(DOING, done, job.photos)
    for counts in scheduler(left, job.store.place, task) if left else ():
        done += counts.photos
        progress(DOING, done, job.photos)
    return Mapped(job.store.place, job.finish())


DOING = "Answering photos"


@check_arguments(DataError)
def map(  # noqa: A001 (fs.map)
    source: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str],
    model: str | os.PathLike[str] | Task = SHIPPED,
    engine: str | Scheduler = "local",
    shard: int = SIZE,
    as_listed: bool = False,
    progress: Progress | None = None,
) -> Mapped:
    """Identify every photo of a source into Parquet shards; a second call goes on where one ended.

        done = fs.map("s3://museum/photos", model="runs/mine", out="s3://museum/answers")
        done.counts.problems; done.table(["path", "verdict"])

    Args:
        source: a folder, a .csv or .parquet list, .tar shards; here or in object storage.
        out: the folder for the results.
        model: a bundle's folder or name, or another `Task` (`florascope.cluster.tasks.Embed`).
        engine: "local", "ray", or a scheduler with settings of its own (`RayData("auto")`).
        shard: photos a shard.
        as_listed: go on with the photos that were listed at first, whether or not the source has
            changed since; saves listing it again.
        progress: told of photos done; None draws a bar where somebody can see one.

    Raises:
        FlorascopeError: see `run_job`.
    """
    task = Identify(os.fspath(model)) if isinstance(model, str | os.PathLike) else model
    with shown(progress) as told:
        return run_job(
            os.fspath(source),
            task,
            os.fspath(out),
            scheduler_of(engine),
            size=shard,
            as_listed=as_listed,
            progress=told,
        )


def scheduler_of(engine: str | Scheduler) -> Scheduler:
    """Return the scheduler of a name.

    Raises:
        DataError: there is none of that name.
    """
    if not isinstance(engine, str):
        return engine
    if engine not in ENGINES:
        raise DataError(f"engine {engine!r}", expected=f"one of {', '.join(ENGINES)}")
    made: Scheduler = ENGINES[engine]()
    return made
