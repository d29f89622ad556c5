"""`florascope identify`: what is in a photo."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import json_option, note, print_json

if TYPE_CHECKING:
    from florascope.data.species import Language
    from florascope.runtime.identification import Identification
    from florascope.runtime.identifier import Identifier

STDIN = "-"
ABSTAINED = 3
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


@click.command()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("--model", help="BUNDLE: a folder, or the name of a shipped model.")
@click.option("--top", default=5, show_default=True, type=click.IntRange(1), help="Candidates.")
@click.option(
    "--language",
    default="en",
    show_default=True,
    type=click.Choice(["en", "es"]),
    help="Of names and sentences.",
)
@click.option(
    "--overlay",
    type=click.Path(path_type=Path),
    help="Draw what speaks for the first candidate into this picture (one IMAGE only).",
)
@json_option
def identify(
    images: tuple[str, ...],
    model: str | None,
    top: int,
    language: "Language",
    overlay: Path | None,
    *,
    as_json: bool,
) -> None:
    """Say what is in each IMAGE (files, folders, or - for standard input), without loading torch.

    Says how sure it is, and names what is harmful among the plants that it may be. Exits with
    status 3 where every photo shows something that the model does not know.
    """
    from florascope.model.bundle import find_bundle
    from florascope.runtime.identifier import Identifier

    photos = expand(images)
    if overlay:
        check_overlay(overlay, photos)
    identifier = Identifier(find_bundle(model or default_model()))
    results: list[dict[str, Any]] = []
    for photo, found in answers(identifier, photos):
        if isinstance(found, str):
            results.append({"file": photo, "error": found, "candidates": []})
            continue
        results.append({"file": photo, **found.to_json(language, top)})
        _show(photo, found, overlay, top, language, as_json=as_json)
    _end(results, language, as_json=as_json)


def expand(images: Sequence[str]) -> list[str]:
    """Replace each folder by the photos in it and below, in natural order.

    Raises:
        PhotoError: a folder holds no photos.
    """
    found: list[str] = []
    for image in images:
        found += _photos_in(Path(image)) if Path(image).is_dir() else [image]
    return found


def _photos_in(folder: Path) -> list[str]:
    from florascope.data.natural import natural_key
    from florascope.errors import PhotoError
    from florascope.images import SUFFIXES

    inside = (path.relative_to(folder) for path in folder.rglob("*"))
    shown = (path for path in inside if not any(part.startswith(".") for part in path.parts))
    photos = [str(folder / path) for path in shown if path.suffix.lower() in SUFFIXES]
    if not photos:
        raise PhotoError(
            f"{folder} holds no photos", expected=f"files that end in {', '.join(sorted(SUFFIXES))}"
        )
    return sorted(photos, key=natural_key)


def check_overlay(overlay: Path, photos: Sequence[str]) -> None:
    """Refuse, before any work is done, an overlay that cannot be drawn.

    Raises:
        FlorascopeError: there are several photos, or the file's ending is no picture's.
    """
    from florascope.errors import FlorascopeError

    if len(photos) != 1:
        raise FlorascopeError(
            f"--overlay with {len(photos)} photos",
            expected="one photo",
            fix="For many photos use: florascope explain BUNDLE IMAGE... --out FOLDER",
        )
    if overlay.suffix.lower() not in FORMATS:
        raise FlorascopeError(f"--overlay {overlay}", expected=f"a name in {', '.join(FORMATS)}")


def answers(
    identifier: "Identifier", photos: Sequence[str]
) -> Iterator[tuple[str, "Identification | str"]]:
    """Yield each photo with its answer, or with why it cannot be read.

    Raises:
        PhotoError: the only photo cannot be read.
    """
    from florascope.errors import PhotoError

    for photo in photos:
        try:
            yield photo, identifier(_stdin() if photo == STDIN else Path(photo))
        except PhotoError as error:
            if len(photos) == 1:
                raise
            note(f"Skipped: {error}")
            yield photo, str(error)


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


def _stdin() -> bytes:
    from florascope.images import MAX_BYTES

    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _show(
    photo: str,
    found: "Identification",
    overlay: Path | None,
    top: int,
    language: "Language",
    *,
    as_json: bool,
) -> None:
    if overlay:
        _draw(found, overlay)
    if not as_json:
        from florascope.cli.answer import print_answer

        print_answer(photo, found, language, top)


def _draw(found: "Identification", path: Path) -> None:
    from PIL import Image

    from florascope.files import new_file

    with new_file(path) as draft:
        Image.fromarray(found.picture()).save(draft, format=FORMATS[path.suffix.lower()])


def _end(results: list[dict[str, Any]], language: "Language", *, as_json: bool) -> None:
    from florascope.errors import PhotoError
    from florascope.runtime.words import WORDS

    read = [result for result in results if "error" not in result]
    if as_json:
        print_json({"results": results})
    elif read:
        click.echo(WORDS[language].advice)
    if not read:
        raise PhotoError(f"none of the {len(results)} photos could be read", expected="photos")
    if all(result["verdict"]["level"] == "none" for result in read):
        sys.exit(ABSTAINED)
