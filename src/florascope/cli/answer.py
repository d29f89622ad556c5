"""An answer as people read it in a terminal."""

import os
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from florascope.cli.console import JsonList, can_print, console_width
from florascope.files import as_utf8

if TYPE_CHECKING:
    from florascope.data.species import Language
    from florascope.identify.conclusion import Conclusion
    from florascope.identify.identification import Identification
    from florascope.identify.together import Group
    from florascope.identify.words import Words
    from florascope.overlay import Picture

WIDTH = 96
BAR = 20
COLUMNS = 36  # of each of the two pictures
PICTURES = 2
HALF = "▀"


@dataclass(frozen=True)
class Telling:
    """How answers are told.

    Attributes:
        language: of names and sentences.
        top: candidates of each.
        listed: where they go as JSON; None for text.
    """

    language: "Language"
    top: int
    listed: JsonList | None

    def tell(self, photo: str, found: "Identification | str") -> None:
        """Tell an answer, or why there is none: as text that has been noted already."""
        if self.listed is None:
            if not isinstance(found, str):
                print_answer(photo, found, self.language, self.top)
        elif isinstance(found, str):
            self.listed({"file": photo, "error": found, "candidates": []})
        else:
            self.listed({"file": photo, **found.to_json(self.language, self.top)})

    def tell_together(
        self, told: "Sequence[tuple[str, Identification | str]]", group: "Group"
    ) -> None:
        """Tell the answer to several photos of one thing, and in short what each alone was."""
        if self.listed is not None:
            for photo, found in told:
                self.tell(photo, found)
            self.listed.more["together"] = group.to_json(self.language, self.top)
            return
        print_answer(f"{len(group.photos)} photos", group, self.language, self.top)
        for photo, found in told:
            if not isinstance(found, str):
                click.echo(f"  {as_utf8(photo)}: {found.statement(self.language)}")


def print_answer(photo: str, found: "Conclusion", language: "Language", top: int) -> None:
    """Print the verdict, the candidates, what is harmful and what looks alike."""
    from florascope.identify.identification import Identification

    words = found.catalogue.words(language)
    click.echo(as_utf8(photo))
    if isinstance(found, Identification) and colourful() and can_print(HALF):
        _print_pictures(found)
    _echo(found.statement(language), "  ", bold=True)
    if refusal := found.refusal(language):
        _print_refusal(found, str(refusal["reason"]), language)
        return
    _print_candidates(found, language, top)
    if remark := found.weighting_remark(language):
        _echo(remark, "  ")
    for caution in found.cautions(language):
        text = f"{words.headings['cautions']}: {caution.text}"
        _echo(f"{text} ({words.headings['source']}: {caution.source})", "  ", fg="red")
    _print_lookalikes(found, language, words)
    click.echo()


def colourful() -> bool:
    """Whether standard output is a terminal in which colours are wanted (https://no-color.org)."""
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not plain


def half_blocks(picture: "Picture", columns: int) -> list[list[tuple[str, str]]]:
    """Shrink a picture to rows of (upper, lower) colours, "#rrggbb": two pixels a character."""
    import numpy as np
    from PIL import Image

    rows = round(columns * picture.shape[0] / picture.shape[1] / 2)
    small = Image.fromarray(picture).resize((columns, 2 * rows), Image.Resampling.BOX)
    pixels = np.asarray(small)
    colour = [["#{:02x}{:02x}{:02x}".format(*pixel) for pixel in line] for line in pixels.tolist()]
    return [list(zip(*colour[y : y + 2], strict=True)) for y in range(0, 2 * rows, 2)]


def _print_pictures(found: "Identification") -> None:
    """Draw what the network saw and, beside it, what speaks for the first candidate."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    pictures = [found.observation.crop]
    if found.observation.maps is not None:
        pictures.append(found.picture())
    columns = min(COLUMNS, console.width // PICTURES - 2)
    if columns < 8:  # nothing could be recognised
        return
    blocks = [half_blocks(picture, columns) for picture in pictures]
    for lines in zip(*blocks, strict=True):
        text = Text("  ")
        for line in lines:
            for upper, lower in line:
                text.append(HALF, f"{upper} on {lower}")
            text.append("  ")
        console.print(text)


def _print_refusal(found: "Conclusion", reason: str, language: "Language") -> None:
    """Print what is nearest, with its harm, and why; shares of known classes would mislead."""
    from florascope.identify.caution import marked

    nearest = marked(found.catalogue, found.nearest, language)
    _echo(f"{found.catalogue.words(language).nearest.format(what=nearest)} {reason}", "  ")
    click.echo()


def _print_candidates(found: "Conclusion", language: "Language", top: int) -> None:
    """Print a line each; one whose harm no caution tells carries it."""
    from florascope.identify.caution import marked

    block = "█" if can_print("█") else "#"
    told = {caution.class_id for caution in found.cautions(language)}
    for c in found.candidates(language, top):
        bar = block * round(BAR * c.probability)
        name = c.name if c.class_id in told else marked(found.catalogue, c.index, language)
        names = f"{name} ({c.scientific_name or c.class_id})"
        click.echo(f"    {100 * c.probability:6.2f} %  {bar:<{BAR}}  {names}")


def _print_lookalikes(found: "Conclusion", language: "Language", words: "Words") -> None:
    from florascope.identify.caution import marked

    names = [marked(found.catalogue, k, language) for k in found.lookalikes()]
    if names:
        _echo(f"{words.headings['lookalikes']}: {', '.join(names)}", "  ")


def _echo(text: str, indent: str, fg: str | None = None, *, bold: bool = False) -> None:
    """Print indented, wrapped text, styled where colours are wanted."""
    lines = textwrap.wrap(
        text,
        min(WIDTH, console_width(WIDTH)),
        initial_indent=indent,
        subsequent_indent=2 * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        click.echo(click.style(line, fg=fg, bold=bold) if colourful() else line)
