"""What an export adds to the bundle's model card."""

from collections.abc import Sequence
from pathlib import Path

from florascope.model.bundle import CARD


def card_with(bundle: Path, title: str, lines: list[str]) -> str:
    """Return a bundle's model card with a section of one's own at the end."""
    path = bundle / CARD
    card = path.read_text(encoding="utf-8").rstrip() if path.is_file() else "# Image classifier"
    return "\n".join([card, "", f"## {title}", "", *lines, ""])


def table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Write a Markdown table."""
    return [_row(headers), _row(("---",) * len(headers)), *map(_row, rows)]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
