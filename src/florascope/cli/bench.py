"""`florascope bench`: what this machine reaches, and which engine is used and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from florascope.cli.console import json_option, percent, print_json, print_table
from florascope.progress import progress_bars

if TYPE_CHECKING:
    from florascope.data.dataset import FilePhoto
    from florascope.features.speed import Speed

DRAWN = 32
SIDES = (1024, 768)  # of the drawn photos as they are stored: a phone's, sent by a messenger


@click.command()
@click.argument("photos", metavar="[IMAGE...]", nargs=-1)
@click.option("--backbone", default="mobilenetv2_100", show_default=True, help="Any timm model.")
@click.option("--seconds", default=2.0, show_default=True, help="For each measurement.")
@json_option
def bench(photos: tuple[str, ...], backbone: str, seconds: float, *, as_json: bool) -> None:
    """Measure how many photos a second this machine decodes and embeds.

    IMAGE: your own photos or folders of them; without any, drawings of 1024 x 768 pixels are used.
    FLORASCOPE_ENGINE (onnxruntime, openvino, openvino-bf16, torch, torch-bf16) overrules the
    choice of the engine.
    """
    import tempfile

    from florascope.cli.identify import expand
    from florascope.data.dataset import FilePhoto
    from florascope.features.speed import measure_speed
    from florascope.nets.weights import load_backbone

    with tempfile.TemporaryDirectory() as folder, progress_bars() as progress:
        files = [FilePhoto(Path(photo)) for photo in expand(photos)] or draw(Path(folder))
        network = load_backbone(backbone, "random")
        found = measure_speed(files, network, seconds=seconds, progress=progress)
    if as_json:
        print_json({"backbone": backbone, "photos": len(files), **found.to_json()})
        return
    _print(found, backbone)


def draw(folder: Path) -> list["FilePhoto"]:
    """Draw some flowers and store them as JPEG files of a usual size."""
    from PIL import Image

    from florascope.data.dataset import FilePhoto
    from florascope.garden import garden

    drawn: Sequence[FilePhoto] = [FilePhoto(folder / f"{k}.jpg") for k in range(DRAWN)]
    for photo, flower in zip(drawn, garden().photos, strict=False):
        Image.fromarray(flower.read()).resize(SIDES).save(photo.path, quality=90)
    return list(drawn)


def _print(found: "Speed", backbone: str) -> None:
    rows = [("decode and crop", f"{found.decode:,.0f}", "")]
    for name, rate in found.engines.items():
        rows.append((f"{backbone} in {name}", f"{rate:,.0f}", _chosen(found, name)))
    share = f"{percent(found.pipeline / found.limit)} of what both allow"
    rows.append(("photos to features", f"{found.pipeline:,.0f}", share))
    print_table(("", "photos/s", ""), rows, "All cores")
    click.echo(f"Engine: {found.choice.name}, because {found.choice.reason}")


def _chosen(found: "Speed", name: str) -> str:
    return "chosen" if name == found.choice.name else ""
