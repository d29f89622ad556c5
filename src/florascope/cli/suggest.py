"""`florascope suggest`: which photos to label next, and which labels to look at again."""

import click

from florascope.cli.console import json_option, note, print_json, print_table
from florascope.progress import progress_bars as bars


@click.command()
@click.argument("run")
@click.argument("photos", metavar="FOLDER")
@click.option(
    "-n", "count", default=20, show_default=True, type=click.IntRange(1), help="How many of each."
)
@json_option
def suggest(run: str, photos: str, count: int, *, as_json: bool) -> None:
    """Say which photos of FOLDER to label next, for the most gain.

    Before that it lists labels of RUN's own photos that are probably wrong: mending those comes
    first. RUN is the folder of a training; its photos must still be there.
    """
    from florascope.api.suggesting import suggest as find

    with bars() as progress:
        found = find(run, photos, count, progress=progress)
    for problem in found.unreadable:
        note(f"Skipped: {problem}")
    if as_json:
        print_json(found.to_json())
        return
    if found.review:
        doubtful = [(r.photo, r.label, r.looks_like, f"{r.margin:.2f}") for r in found.review]
        print_table(("photo", "label", "looks like", "margin"), doubtful, "Labels to look at again")
    rows = [(p.photo, p.looks_like, f"{p.probability:.2f}") for p in found.label]
    print_table(("photo", "looks like", "probability"), rows, "Photos to label next")
