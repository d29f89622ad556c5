"""`florascope identify`: what is in a photo."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import json_option, note, percent, print_json

if TYPE_CHECKING:
    from florascope.runtime.identifier import Candidate


@click.command()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("--model", help="BUNDLE: a folder, or the name of a shipped model.")
@click.option("--top", default=5, show_default=True, type=click.IntRange(1), help="Candidates.")
@json_option
def identify(images: tuple[str, ...], model: str | None, top: int, *, as_json: bool) -> None:
    """Name what is in each IMAGE, without loading torch."""
    from florascope.errors import PhotoError
    from florascope.images import read_photo
    from florascope.model.bundle import find_bundle
    from florascope.runtime.identifier import Identifier

    identifier = Identifier(find_bundle(model or default_model()))
    results: list[dict[str, Any]] = []
    for image in images:
        try:
            found = identifier.candidates(read_photo(Path(image)), top)
        except PhotoError as error:
            if len(images) == 1:
                raise
            note(f"Skipped: {error}")
            results.append({"file": image, "error": str(error), "candidates": []})
            continue
        results.append({"file": image, "candidates": [_json(c) for c in found]})
        if not as_json:
            _print(image, found)
    if as_json:
        print_json({"results": results})
    if all("error" in result for result in results):
        raise PhotoError(f"none of the {len(images)} photos could be read", expected="photos")


def default_model() -> str:
    """Choose the shipped bundle.

    Raises:
        BundleError: this version ships none.
    """
    from florascope.errors import BundleError
    from florascope.model.bundle import shipped_bundles

    for name in shipped_bundles():
        return name
    raise BundleError(
        "this version ships no model",
        expected="--model BUNDLE",
        fix="Train one with: florascope train DATA --recipe probe --out runs/mine",
    )


def _json(candidate: "Candidate") -> dict[str, Any]:
    return {
        "class_id": candidate.name.id,
        "name": candidate.name.name,
        "probability": candidate.probability,
    }


def _print(image: str, candidates: list["Candidate"]) -> None:
    click.echo(image)
    for c in candidates:
        bar = "#" * round(20 * c.probability)
        click.echo(f"  {percent(c.probability):>9}  {bar:<20}  {c.name.name} ({c.name.id})")
