"""`florascope data`: what a data set holds."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import LOCAL_PATH, json_option, print_json, print_table
from florascope.cli.job import JobOptions, job_options
from florascope.cli.wording import Commands
from florascope.files import as_utf8
from florascope.progress import Progress, progress_bars

if TYPE_CHECKING:
    from florascope.data.dataset import Dataset
    from florascope.health.examination import Embed, Inspection

BACKBONE = "mobilenetv2_100"


@click.group(cls=Commands)
def data() -> None:
    """Look at data sets."""


@data.command()
@click.argument("source", metavar="DATA")
@click.option("--report", type=LOCAL_PATH, help="HTML page with pictures.")
@click.option(
    "--language",
    type=click.Choice(["en", "es"]),
    default="en",
    help="Of the page.  [default: en]",
)
@click.option(
    "--keypoints/--no-keypoints",
    default=None,
    help="Look for crops and edits of other photos, too.  [default: up to 1,000 photos]",
)
@click.option("--labels", is_flag=True, help="Look for wrong labels, too (always with --report).")
@click.option("--weights", help="Of the network that looks for them.  [default: what is at hand]")
@click.option("--data-dir", type=LOCAL_PATH, help="Folder that holds flowers-102/.")
@job_options(required=False)
@json_option
def inspect(  # noqa: PLR0913 (one an option)
    source: str,
    report: Path | None,
    language: str,
    weights: str | None,
    data_dir: Path | None,
    job: JobOptions,
    *,
    labels: bool,
    keypoints: bool | None,
    as_json: bool,
) -> None:
    """Name what is wrong with the photos and labels of DATA.

    Broken files, equal and nearly equal photos, crops and edits of others, leaks across splits,
    small classes, odd sizes and colour modes, EXIF rotation, and labels that are probably wrong.

    With --out, DATA is one source of any number of photos (see florascope identify --help). Size,
    mode, rotation and hash of each go into shards, in which florascope data copies looks further.
    """
    if job.out is not None:
        unfit = bool(report or weights or labels or keypoints or language != "en")
        _inspect_as_job(source, job, unfit=unfit, as_json=as_json)
        return
    job.check_unused()
    from florascope.files import check_file
    from florascope.health.examination import Inspection, examine
    from florascope.source import open_dataset

    if report is not None:
        check_file(report)
    with progress_bars() as progress:
        dataset = open_dataset(source, data_dir, progress)
        embed = _embedding(weights, progress) if labels or report or weights else None
        found = examine(dataset, embed, progress, keypoints=keypoints)
    if report is not None:
        from florascope.files import write_text
        from florascope.report.health_page import health_html

        write_text(report, health_html(found, language))
    inspection = Inspection.of(found)
    if as_json:
        files = {"report": str(report)} if report else {}
        print_json({**inspection.to_json(), "files": files})
        return
    _print(inspection)
    if report is not None:
        click.echo(f"Report: {report}")


def _inspect_as_job(source: str, job: JobOptions, *, unfit: bool, as_json: bool) -> None:
    from florascope.cli.job import run
    from florascope.cluster.tasks import Inspect
    from florascope.errors import FlorascopeError

    if unfit:
        raise FlorascopeError(
            "--out with --report, --language, --labels, --keypoints or --weights",
            expected="--out alone",
        )
    run(source, Inspect(), job, as_json=as_json)


@data.command()
@click.argument("out", metavar="JOB")
@click.option("--against", metavar="JOB", help="An earlier delivery: which photos are in both.")
@json_option
def copies(out: str, against: str | None, *, as_json: bool) -> None:
    """Find photos that are there twice, or nearly, in what a finished JOB wrote.

    JOB: the --out of florascope data inspect or of florascope embed. Without --against, pairs
    within it, and those that lie on different sides of a split.
    """
    from florascope.cluster.copies import EQUAL, NEAR, find_copies, find_copies_of, keep_copies
    from florascope.cluster.job import Job

    job = Job.kept(out)
    found = find_copies_of(job, Job.kept(against)) if against else find_copies(job)
    kept = keep_copies(job, found)
    if as_json:
        counts = {"equal": found.count(EQUAL), "near": found.count(NEAR), "leaks": found.leaks()}
        print_json({**counts, "file": kept})
        return
    limit = 10
    for kind, title in ((EQUAL, "Photos that are there twice"), (NEAR, "Near-duplicates")):
        click.echo(f"{title}: {found.count(kind) or 'none'}")
        for one, other in found.shown(kind, limit):
            click.echo(f"  {one} ~ {other}")
    if not against:
        click.echo(f"Pairs across a split: {found.leaks() or 'none'}")
    click.echo(f"All pairs: {kept}")


def _embedding(weights: str | None, progress: Progress) -> "Embed":
    """Features by a pretrained network; the embedded one where no other is at hand."""
    from florascope.features.embedding import embed
    from florascope.features.engines import Engine
    from florascope.features.engines import choose_runtime as choose_engine
    from florascope.nets.weights import default_weights, load_backbone

    chosen = weights or default_weights(BACKBONE)
    backbone = load_backbone(BACKBONE, "flowers" if chosen == "timm" else chosen)
    engine = Engine(backbone, choose_engine())

    def features(dataset: "Dataset") -> Any:  # noqa: ANN401 (arrays, whose types are not here)
        bank = embed(dataset.photos, engine, progress=progress)
        return bank.values[0], bank.readable

    return features


def _print(found: "Inspection", limit: int = 10) -> None:
    counts = sorted(found.counts.items(), key=lambda pair: pair[1])
    click.echo(f"{found.name}: {found.photos} photos of {len(counts)} classes")
    for name, sizes in found.splits.items():
        parts = ", ".join(f"{subset} {size}" for subset, size in sizes.items())
        click.echo(f"split {name}: {parts}")
    width, height = found.smallest
    click.echo(
        f"smallest photo {width} x {height}, largest {found.largest[0]} x {found.largest[1]}"
    )
    rows = [(name, str(count)) for name, count in [*counts[:limit], *counts[limit:][-limit:]]]
    print_table(("class", "photos"), rows, "Classes with the fewest and the most photos")
    for remark in found.remarks:
        click.echo(remark)
    _print_names("Broken photos", found.broken, limit)
    _print_names("Photos that are there twice", [" = ".join(d) for d in found.duplicates], limit)
    _print_names("Near-duplicates", [" ~ ".join(d) for d in found.near_duplicates], limit)
    if found.derived is not None:
        _print_names("Crops and edits", [" ~ ".join(d) for d in found.derived], limit)
    _print_names("... under two labels", [" = ".join(d) for d in found.conflicts], limit)
    for name, pairs in found.leaks.items():
        leaks = [f"{one} ~ {other} ({sides})" for one, other, sides in pairs]
        _print_names(f"Leaks across the split {name}", leaks, limit)
    _print_names("Turned by EXIF", found.rotated, limit)
    _print_names("Very small or very long", found.odd, limit)
    _print_names("Classes with few photos", found.small_classes, limit)
    if found.noise is not None:
        suspects = [f"{s['photo']}: {s['label']}, or {s['looks_like']}?" for s in found.suspects]
        _print_names("Suspicious labels", suspects, limit)


def _print_names(title: str, names: list[str], limit: int) -> None:
    click.echo(f"{title}: {len(names) or 'none'}")
    for name in names[:limit]:
        click.echo(f"  {as_utf8(name)}")
