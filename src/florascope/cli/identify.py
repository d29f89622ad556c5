"""`florascope identify`: what is in a photo."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from florascope.cli.answer import Telling
from florascope.cli.console import LOCAL_PATH, JsonList, json_option, note, note_left_out
from florascope.cli.job import JobOptions, job_options

if TYPE_CHECKING:
    from florascope.data.species import Language
    from florascope.errors import PhotoError
    from florascope.identify.identification import Identification
    from florascope.identify.identifier import Identifier
    from florascope.identify.prior import Occasion
    from florascope.overlay import Picture

    Answered = tuple[str, Identification | PhotoError]
    Answer = Callable[[tuple[str, ...]], list[Answered]]

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
    type=LOCAL_PATH,
    help="Draw what speaks for the first candidate into this picture (one IMAGE, or --together).",
)
@click.option(
    "--together",
    is_flag=True,
    help="The photos are views of one thing, such as a plant (at most 20): one answer for all.",
)
@click.option(
    "--prior",
    metavar="TABLE",
    help="A CSV that says how likely each class is by month and place (docs/prior.md).",
)
@click.option("--month", type=click.IntRange(1, 12), help="When it was, for --prior.")
@click.option("--place", metavar="LAT,LON", help="Where it was, in degrees, for --prior.")
@job_options(required=False)
@json_option
def identify(  # noqa: PLR0913 (one an option)
    images: tuple[str, ...],
    model: str | None,
    top: int,
    language: "Language",
    overlay: Path | None,
    job: JobOptions,
    *,
    prior: str | None,
    month: int | None,
    place: str | None,
    together: bool,
    as_json: bool,
) -> None:
    """Say what is in each IMAGE (files, folders, or - for standard input), without loading torch.

    Says how sure it is, and names what is harmful among the plants that it may be. Exits with
    status 3 where every photo shows something that the model does not know.

    With --out, IMAGE is one source of any number of photos: a folder, a .csv or .parquet list of
    paths or addresses, or .tar shards; here or in object storage (s3://, gs://).
    """
    if job.out is not None:
        given = {"--overlay": overlay, "--together": together, "--prior": prior}
        others = [name for name, value in {**given, "--month": month}.items() if value]
        job.check_alone("--out", images, others, "none of --overlay, --together, --prior")
        _as_job(images[0], (model or default_model(), language, top), job, as_json=as_json)
        return
    job.check_unused()
    from florascope.bundle.config import find_bundle
    from florascope.identify.identifier import Identifier
    from florascope.identify.words import calibration_remark

    ignored = Counter[str]()
    photos = expand(images, ignored)
    first = list(islice(photos, 2))
    many, photos = len(first) > 1, chain(first, photos)
    if overlay:
        check_overlay(overlay, many=many and not together)
    identifier = Identifier(find_bundle(model or default_model()))
    occasion = set_prior(identifier, prior, month, place)
    listed = JsonList("results")
    telling = Telling(language, top, listed if as_json else None)
    with listed if as_json else nullcontext():
        if together:
            told = list(answers(identifier, few(photos), many=many))
            level = _tell_together(identifier, told, occasion, telling, overlay)
        else:
            found = answers(identifier, photos, occasion, many=many)
            level = _tell_each(found, telling, overlay)
        listed.more["ignored"] = note_left_out(ignored)
    if not as_json:
        if remark := calibration_remark(identifier.config.calibration, language):
            click.echo(remark)
        click.echo(identifier.catalogue.words(language).advice)
    if level == "none":
        sys.exit(ABSTAINED)


def _tell_each(
    found: "Iterable[tuple[str, Identification | str]]", telling: Telling, overlay: Path | None
) -> str:
    """Tell answers as they come; return "none" where every photo was refused."""
    levels: Counter[str] = Counter()
    for photo, answer in found:
        telling.tell(photo, answer)
        if not isinstance(answer, str):
            levels[answer.verdict.level] += 1
            if overlay:
                _draw(answer.picture(), overlay)
    _check_any(levels.total())
    return "none" if set(levels) == {"none"} else "some"


def _tell_together(
    identifier: "Identifier",
    told: "Sequence[tuple[str, Identification | str]]",
    occasion: "Occasion | None",
    telling: Telling,
    overlay: Path | None,
) -> str:
    """Tell one answer for all photos, and what each alone was; return its level."""
    readable = [answer for _, answer in told if not isinstance(answer, str)]
    _check_any(len(readable))
    group = identifier.together(readable, occasion)
    if overlay:
        _draw(group.picture(), overlay)
    telling.tell_together(told, group)
    return group.verdict.level


def few(photos: Iterable[str]) -> list[str]:
    """Return the photos of one thing.

    Raises:
        FlorascopeError: there are too many.
    """
    from florascope.errors import FlorascopeError
    from florascope.identify.together import MOST

    first = list(islice(photos, MOST + 1))
    if len(first) > MOST:
        raise FlorascopeError(
            f"more than {MOST} photos with --together",
            expected=f"at most {MOST} views of one thing",
            fix="Leave out --together to have each photo answered by itself",
        )
    return first


def set_prior(
    identifier: "Identifier", prior: str | None, month: int | None, place: str | None
) -> "Occasion | None":
    """Give an identifier the prior of a table; return what to ask it, None for nothing.

    Raises:
        FlorascopeError: there is a table without month and place or the reverse, or no such place.
    """
    from florascope.errors import FlorascopeError
    from florascope.identify.prior import Occasion, read_prior

    asked = month is not None or place is not None
    if prior is None and not asked:
        return None
    if prior is None or not asked:
        raise FlorascopeError(
            "--month or --place without --prior" if asked else "--prior without --month or --place",
            expected="a table, and when or where the photos were taken",
            fix="For example: --prior table.csv --month 6 --place 52.5,13.4",
        )
    identifier.prior = read_prior(Path(prior), identifier.config.classes)
    return Occasion.of(month, None if place is None else _degrees(place))


def _degrees(text: str) -> tuple[float, float]:
    from florascope.errors import FlorascopeError

    try:
        latitude, longitude = map(float, text.split(","))
    except ValueError as error:
        raise FlorascopeError(
            f"--place {text}", expected="latitude and longitude in degrees, such as 52.5,13.4"
        ) from error
    return latitude, longitude


def _as_job(
    source: str, asked: "tuple[str, Language, int]", job: JobOptions, *, as_json: bool
) -> None:
    """Answer for a source of any size into shards."""
    from florascope.cli.job import run
    from florascope.cluster.tasks import Identify

    done = run(source, Identify(*asked), job, as_json=as_json)
    if set(done.counts.values) == {"none"}:
        sys.exit(ABSTAINED)


def expand(images: Sequence[str], ignored: Counter[str] | None = None) -> Iterator[str]:
    """Yield files as they are, and of each folder the photos in it and below, in natural order.

    Folders are listed as they are reached: not all names of a large tree lie in memory.

    Args:
        images: paths of files and folders, or STDIN.
        ignored: counts what is left out of the folders, by ending, as it is passed by.

    Raises:
        FlorascopeError: one is an address, or a folder without photos (before any is yielded).
    """
    from florascope.data.listing import photos_below
    from florascope.files import check_path

    for image in images:
        check_path(image)
        if os.path.isdir(image):  # noqa: PTH112 ("-" and odd names need no Path)
            _check_photos_in(image)
    return chain.from_iterable(
        photos_below(image, ignored) if os.path.isdir(image) else [image]  # noqa: PTH112
        for image in images
    )


def _check_photos_in(folder: str) -> None:
    from florascope.data.listing import left_out, photos_below
    from florascope.errors import PhotoError
    from florascope.images import SUFFIXES

    ignored = Counter[str]()
    if next(photos_below(folder, ignored), None) is None:
        told = f" but {left_out(ignored)}" if left_out(ignored) else ""
        raise PhotoError(
            f"{folder} holds no photos{told}",
            expected=f"files that end in {', '.join(sorted(SUFFIXES))}",
        )


def check_overlay(overlay: Path, *, many: bool) -> None:
    """Refuse, before any work is done, an overlay that cannot be drawn.

    Raises:
        FlorascopeError: there are several photos, the file's ending is no picture's, or it could
            not be written.
    """
    from florascope.errors import FlorascopeError
    from florascope.files import check_file

    if many:
        raise FlorascopeError(
            "--overlay with several photos",
            expected="one photo",
            fix="For many photos use: florascope explain BUNDLE IMAGE... --out FOLDER",
        )
    if overlay.suffix.lower() not in FORMATS:
        raise FlorascopeError(f"--overlay {overlay}", expected=f"a name in {', '.join(FORMATS)}")
    check_file(overlay)


def answers(
    identifier: "Identifier",
    photos: Iterable[str],
    occasion: "Occasion | None" = None,
    *,
    many: bool,
) -> Iterator[tuple[str, "Identification | str"]]:
    """Yield each photo with its answer, or with why it cannot be read.

    Raises:
        PhotoError: the only photo cannot be read.
    """
    from florascope.errors import PhotoError

    def answer(photos: tuple[str, ...]) -> "list[Answered]":
        sources = [_stdin() if photo == STDIN else Path(photo) for photo in photos]
        return list(zip(photos, identifier.several(sources, occasion), strict=True))

    for photo, found in _each(answer, photos, many=many):
        if not isinstance(found, PhotoError):
            yield photo, found
            continue
        if not many:
            raise found
        note(f"Skipped: {found}")
        yield photo, str(found)


def _each(answer: "Answer", photos: Iterable[str], *, many: bool) -> "Iterator[Answered]":
    """Ask on every core; one photo alone needs no threads, whose import takes its time."""
    if not many:
        return chain.from_iterable(answer((photo,)) for photo in photos)
    from florascope.parallel import CPU_BATCH, in_batches, in_order

    return chain.from_iterable(in_order(answer, in_batches(photos, CPU_BATCH)))


def default_model() -> str:
    """Choose the shipped bundle.

    Raises:
        BundleError: this version ships none.
    """
    from florascope.bundle.config import shipped_bundles
    from florascope.errors import BundleError

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


def _draw(picture: "Picture", path: Path) -> None:
    from florascope.images import write_picture

    write_picture(path, picture, FORMATS[path.suffix.lower()])


def _check_any(answered: int) -> None:
    from florascope.errors import PhotoError

    if not answered:
        raise PhotoError("none of the photos could be read", expected="photos")
