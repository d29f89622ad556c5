"""What a notebook shows: pictures as data URIs, tables and sheets of photos as HTML."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image

from florascope.images import RGB
from florascope.shapes import UInt8

THUMBNAIL = 96  # pixels of the longer side


def data_uri(pixels: RGB, *, kind: str = "JPEG", quality: int = 85) -> str:
    """Return pixels, (h, w, 3), as a data URI that an `<img>` shows.

    Args:
        pixels: 8-bit RGB.
        kind: Pillow's name of the format, "JPEG" or "PNG".
        quality: of a JPEG, 1 to 95.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, quality=quality)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


def thumbnail(pixels: RGB, side: int = THUMBNAIL) -> UInt8[np.ndarray, "rows columns 3"]:
    """Shrink pixels so that the longer side has at most `side`."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.asarray(image)


def picture_html(pixels: RGB, caption: str = "", *, kind: str = "JPEG") -> str:
    """Return a figure with its caption below it."""
    height, width = pixels.shape[:2]
    image = f'<img src="{data_uri(pixels, kind=kind)}" width="{width}" height="{height}"'
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return (
        '<figure style="display:inline-block;margin:4px;vertical-align:top;font-size:small">'
        f'{image} alt="{escape(caption, quote=True)}">{below}</figure>'
    )


def sheet_html(pictures: Iterable[tuple[RGB, str]]) -> str:
    """Return small pictures with captions, side by side."""
    return f"<div>{''.join(picture_html(thumbnail(p), caption) for p, caption in pictures)}</div>"


def table_html(headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table; its cells are text, whatever characters they hold."""
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
