"""`florascope data`: what a data set holds."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from florascope.cli.console import json_option, print_json, print_table, progress_bars

if TYPE_CHECKING:
    from florascope.data.inspection import Inspection


@click.group()
def data() -> None:
    """Look at data sets."""


@data.command()
@click.argument("source", metavar="DATA")
@click.option("--data-dir", type=click.Path(), help="Folder that holds flowers-102/.")
@json_option
def inspect(source: str, data_dir: str | None, *, as_json: bool) -> None:
    """Count photos and classes of DATA; name broken and doubled photos."""
    from florascope.data.inspection import inspect as look
    from florascope.data.source import open_dataset

    with progress_bars() as progress:
        dataset = open_dataset(source, Path(data_dir) if data_dir else None, progress)
        found = look(dataset, progress)
    if as_json:
        print_json(found.to_json())
        return
    _print(found)


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
    _print_names("Broken photos", found.broken, limit)
    _print_names("Photos that are there twice", [" = ".join(d) for d in found.duplicates], limit)
    _print_names("... under two labels", [" = ".join(d) for d in found.conflicts], limit)


def _print_names(title: str, names: list[str], limit: int) -> None:
    click.echo(f"{title}: {len(names) or 'none'}")
    for name in names[:limit]:
        click.echo(f"  {name}")
