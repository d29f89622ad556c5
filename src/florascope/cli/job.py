"""Jobs over more photos than one table holds: their options, `embed` and `fit`."""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from florascope.cli.console import (
    LOCAL_PATH,
    json_option,
    note_left_out,
    percent,
    print_json,
    print_table,
)
from florascope.errors import FlorascopeError, PhotoError

if TYPE_CHECKING:
    from florascope.cluster.engines import Mapped, Scheduler
    from florascope.cluster.tasks import Task

Command = TypeVar("Command", bound=Callable[..., Any])
SHARD = 1000


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How a command runs as a job.

    Attributes:
        out: where its shards go; None where the command is no job.
        engine: "local" or "ray"; None where it was not named.
        address: of a Ray cluster.
        workers: of Ray; None for one a CPU less one.
        shard: photos a shard.
        as_listed: whether a job goes on without listing its source again.
    """

    out: str | None
    engine: str | None
    address: str | None
    workers: int | None
    shard: int
    as_listed: bool

    @property
    def asked(self) -> bool:
        """Whether an engine was asked for, by name or by what only engines understand."""
        return bool(self.engine or self.address or self.workers or self.as_listed)

    def check_unused(self) -> None:
        """Refuse what only a job understands, where there is none.

        Raises:
            FlorascopeError: something of it was given.
        """
        if self.asked:
            raise FlorascopeError(
                "--engine, --address, --workers or --as-listed without --out",
                expected="a folder for the results",
                fix="Add, say: --out answers",
            )

    def check_alone(
        self, option: str, sources: Sequence[str], others: Sequence[str], beside: str
    ) -> None:
        """Refuse what a job does not do.

        Args:
            option: that made the command a job.
            sources: of photos, of which a job takes one.
            others: what else was given that goes with photos by themselves alone.
            beside: what is expected beside the one source.

        Raises:
            FlorascopeError: there are several sources, or others.
        """
        if others or len(sources) > 1:
            found = others[0] if others else f"{len(sources)} sources"
            raise FlorascopeError(
                f"{option} with {found}",
                expected=f"one folder, list or shard of photos, and {beside}",
            )

    def scheduler(self) -> "Scheduler":
        """Return who does the work."""
        from florascope.cluster.engines import Local, RayData

        if self.engine == "ray" or self.address:
            return RayData(self.address or "", self.workers)
        return Local()


OUT = (
    "Folder (or s3://...) for the answers as Parquet, shard by shard; the same command goes on"
    " where it was stopped."
)


def job_options(*, required: bool, out: str = OUT) -> Callable[[Command], Command]:
    """Add a job's options to a command, which gets them as `job`; `out` is the help of --out."""
    options = (
        click.option("--out", required=required, help=out),
        click.option(
            "--engine", type=click.Choice(["local", "ray"]), help="Who works.  [default: local]"
        ),
        click.option("--address", help="Of a running Ray cluster (also RAY_ADDRESS)."),
        click.option("--workers", type=click.IntRange(1), help="Of Ray.  [default: CPUs less one]"),
        click.option(
            "--shard", default=SHARD, show_default=True, type=click.IntRange(1), help="Photos each."
        ),
        click.option(
            "--as-listed", is_flag=True, help="Go on without listing SOURCE again for changes."
        ),
    )

    def add(command: Command) -> Command:
        @functools.wraps(command)
        def packed(**given: Any) -> Any:  # noqa: ANN401 (whatever the command takes and returns)
            own = {name: given.pop(name) for name in JobOptions.__dataclass_fields__}
            return command(job=JobOptions(**own), **given)

        wrapped: Any = packed
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return add


def run(source: str, task: "Task", options: JobOptions, *, as_json: bool) -> "Mapped":
    """Run a command's task as a job, and say what came of it.

    Raises:
        PhotoError: not one photo could be read.
        FlorascopeError: see `florascope.cluster.engines.run_job`.
    """
    from florascope.cluster.engines import run_job
    from florascope.progress import progress_bars

    ignored = Counter[str]()
    with progress_bars() as progress:
        done = run_job(
            source,
            task,
            str(options.out),
            options.scheduler(),
            size=options.shard,
            as_listed=options.as_listed,
            ignored=ignored,
            progress=progress,
        )
    left_out = note_left_out(ignored)
    if done.counts.problems == done.counts.photos:
        raise PhotoError(
            f"none of the photos could be read; {done.out} says why", expected="photos"
        )
    if as_json:
        print_json({**done.to_json(), "ignored": left_out})
    else:
        _print(done)
    return done


def _print(done: "Mapped") -> None:
    counts = done.counts
    click.echo(f"{counts.photos:,} photos, {counts.problems:,} of them with a problem")
    for value, count in sorted(counts.values.items(), key=lambda pair: -pair[1]):
        click.echo(f"  {value}: {count:,}")
    if counts.unreachable:
        click.echo(
            f"Of {counts.unreachable:,} the storage failed: the same command asks for them again."
        )
    click.echo(f"Results: {done.out}")


@click.command()
@click.argument("source", metavar="SOURCE")
@click.option("--backbone", default="mobilenetv2_100", show_default=True, help="Any timm model.")
@click.option("--weights", default="", help="See `florascope train`.  [default: what is at hand]")
@job_options(required=True)
@json_option
def embed(source: str, backbone: str, weights: str, job: JobOptions, *, as_json: bool) -> None:
    """Write the pooled features of every photo of SOURCE, which a head can be trained on.

    SOURCE: a folder, a .csv or .parquet list of paths or addresses, or .tar shards; here or in
    object storage (s3://, gs://).
    """
    from florascope.cluster.tasks import Embed

    run(source, Embed(backbone, weights), job, as_json=as_json)


@click.command()
@click.argument("features", metavar="FEATURES")
@click.option("--out", type=LOCAL_PATH, required=True, help="Folder of the bundle.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="The probe's setting.")
@json_option
def fit(features: str, out: Path, settings: tuple[str, ...], *, as_json: bool) -> None:
    """Fit a probe to what `florascope embed` wrote of labelled photos, read block by block.

    FEATURES: the job's folder, here or in object storage; it need not fit into memory.
    """
    from florascope.cli.train import parse_settings
    from florascope.cluster.probe import train_from_features
    from florascope.files import check_folder
    from florascope.progress import progress_bars
    from florascope.training.recipes import Probe

    given: dict[str, Any] = dict(parse_settings(settings))
    recipe = Probe(**given)
    check_folder(out)
    with progress_bars() as progress:
        metrics = train_from_features(features, out, recipe, progress)
    if as_json:
        print_json({"out": str(out), "metrics": metrics})
        return
    headers = ("", "photos", "top-1", "loss")
    rows = [
        (subset, f"{m['photos']:,}", percent(m["top1"]), f"{m['loss']:.4f}")
        for subset, m in metrics.items()
    ]
    print_table(headers, rows)
    click.echo(f"Bundle: {out}")
