"""`florascope explain`: why a bundle answers as it does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import json_option, note, percent, print_json

if TYPE_CHECKING:
    from florascope.explanation.explanation import Explanation


@click.command()
@click.argument("bundle")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option("--method", default="cam", show_default=True, help="cam, gradcam or ig.")
@click.option("--target", metavar="CLASS", help="Id or name of a class.  [default: the answer]")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for pictures.")
@click.option("--save-arrays", is_flag=True, help="Also write the evidence as float32 .npy.")
@json_option
def explain(
    bundle: str,
    images: tuple[str, ...],
    method: str,
    target: str | None,
    out: Path,
    *,
    save_arrays: bool,
    as_json: bool,
) -> None:
    """Draw what in each IMAGE speaks for (orange) and against (blue) a class."""
    from florascope.errors import PhotoError
    from florascope.explanation.explanation import explain as run
    from florascope.explanation.explanation import find_class
    from florascope.explanation.methods import explainer
    from florascope.images import read_photo
    from florascope.model.bundle import find_bundle
    from florascope.model.saving import load_classifier

    check_stems(images)
    how = explainer(method)
    classifier = load_classifier(find_bundle(bundle))
    chosen = None if target is None else find_class(classifier, target)
    results: list[dict[str, Any]] = []
    for image in images:
        try:
            found = run(classifier, read_photo(Path(image)), how, chosen)
        except PhotoError as error:
            if len(images) == 1:
                raise
            note(f"Skipped: {error}")
            continue
        stem = f"{Path(image).stem}.{method}"
        results.append(_json(image, found, _write(found, out, stem, save_arrays=save_arrays)))
        if not as_json:
            _print(results[-1])
    if not results:
        raise PhotoError(f"none of the {len(images)} photos could be read", expected="photos")
    if as_json:
        print_json({"method": method, "results": results})


def check_stems(images: tuple[str, ...]) -> None:
    """Refuse photos whose pictures would overwrite each other.

    Raises:
        FlorascopeError: two file names differ only in folder or suffix.
    """
    from florascope.errors import FlorascopeError

    stems = [Path(image).stem for image in images]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1})
    if twice:
        raise FlorascopeError(
            f"{len(twice)} names occur more than once (first: {twice[0]})",
            expected="photos of different names, since the pictures are named after them",
            fix="Explain them in two runs with different --out",
        )


def _write(found: "Explanation", out: Path, stem: str, *, save_arrays: bool) -> list[str]:
    import numpy as np
    from PIL import Image

    from florascope.explanation.overlay import overlay, shared_scale
    from florascope.files import new_file

    picture = overlay(found.crop, found.values, shared_scale(found.values))
    with new_file(out / f"{stem}.png") as draft:
        Image.fromarray(picture).save(draft, format="PNG")
    if not save_arrays:
        return [str(out / f"{stem}.png")]
    with new_file(out / f"{stem}.npy") as draft, draft.open("wb") as file:
        np.save(file, found.values, allow_pickle=False)
    return [str(out / f"{stem}.png"), str(out / f"{stem}.npy")]


def _json(image: str, found: "Explanation", files: list[str]) -> dict[str, Any]:
    return {
        "file": image,
        "method": found.method,
        "target": {"class_id": found.target.id, "name": found.target.name},
        "logit": found.logit,
        "probability": found.probability,
        "completeness_gap": found.gap,
        "files": files,
    }


def _print(result: dict[str, Any]) -> None:
    gap = result["completeness_gap"]
    click.echo(
        f"{result['file']}: {result['target']['name']} ({result['target']['class_id']})"
        f" {percent(result['probability'])}, logit {result['logit']:.2f}"
        + ("" if gap is None else f", completeness gap {percent(gap)}")
    )
    for file in result["files"]:
        click.echo(f"  {file}")
