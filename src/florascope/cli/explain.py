"""`florascope explain`: why a bundle answers as it does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import json_option, note, percent, print_json

if TYPE_CHECKING:
    from florascope.audit.card import Trust
    from florascope.data.dataset import ClassName
    from florascope.explanation.explanation import Explanation


@click.command()
@click.argument("bundle")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--method", help="sharp, cam, gradcam or ig.  [default: sharp, or gradcam for other heads]"
)
@click.option("--target", metavar="CLASS", help="Id or name of a class.  [default: the answer]")
@click.option(
    "--against", metavar="CLASS", help="Show what speaks for the target and not for this class."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for pictures.")
@click.option("--save-arrays", is_flag=True, help="Also write the evidence as float32 .npy.")
@json_option
def explain(  # noqa: PLR0913 (one an option)
    bundle: str,
    images: tuple[str, ...],
    method: str | None,
    target: str | None,
    against: str | None,
    out: Path,
    *,
    save_arrays: bool,
    as_json: bool,
) -> None:
    """Draw what in each IMAGE speaks for (orange) and against (blue) a class."""
    from florascope.audit.card import trust
    from florascope.bundle.config import find_bundle
    from florascope.errors import PhotoError
    from florascope.explanation.explanation import default_method, explainer, find_class
    from florascope.explanation.explanation import explain as run
    from florascope.images import read_photo
    from florascope.nets.saving import load_classifier

    check_stems(images)
    classifier = load_classifier(find_bundle(bundle))
    how = explainer(method or default_method(classifier))
    chosen, rival = (
        None if name is None else find_class(classifier, name) for name in (target, against)
    )
    results: list[dict[str, Any]] = []
    for image in images:
        try:
            found = run(classifier, read_photo(Path(image)), how, chosen, rival)
        except PhotoError as error:
            if len(images) == 1:
                raise
            note(f"Skipped: {error}")
            continue
        stem = f"{Path(image).stem}.{how.name}"
        figures = trust(classifier, found)
        files = _write(found, figures, out, stem, save_arrays=save_arrays)
        results.append(_json(image, found, figures, files))
        if not as_json:
            _print(results[-1])
    if not results:
        raise PhotoError(f"none of the {len(images)} photos could be read", expected="photos")
    if as_json:
        print_json({"method": how.name, "results": results})


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


def _write(
    found: "Explanation", figures: "Trust", out: Path, stem: str, *, save_arrays: bool
) -> list[str]:
    import numpy as np
    from PIL import Image

    from florascope.audit.card import card
    from florascope.files import new_file
    from florascope.overlay import full_colour, overlay

    scale = full_colour(found.values)
    pictures = {
        f"{stem}.png": overlay(found.crop, found.values, scale),
        f"{stem}.card.png": card(found, scale, figures),
    }
    for name, picture in pictures.items():
        with new_file(out / name) as draft:
            Image.fromarray(picture).save(draft, format="PNG")
    names = list(pictures)
    if save_arrays:
        names.append(f"{stem}.npy")
        with new_file(out / names[-1]) as draft, draft.open("wb") as file:
            np.save(file, found.values, allow_pickle=False)
    return [str(out / name) for name in names]


def _json(image: str, found: "Explanation", figures: "Trust", files: list[str]) -> dict[str, Any]:
    return {
        "file": image,
        "method": found.method,
        "target": _class(found.target),
        "against": None if found.against is None else _class(found.against),
        "logit": found.logit,
        "probability": found.probability,
        "completeness_gap": found.gap,
        **figures.to_json(),
        "files": files,
    }


def _class(c: "ClassName") -> dict[str, str]:
    return {"class_id": c.id, "name": c.name}


def _print(result: dict[str, Any]) -> None:
    gap, rival = result["completeness_gap"], result["against"]
    click.echo(
        f"{result['file']}: {result['target']['name']} ({result['target']['class_id']})"
        f" {percent(result['probability'])}, logit {result['logit']:.2f}"
        + ("" if rival is None else f" more than of {rival['name']} ({rival['class_id']})")
        + ("" if gap is None else f", completeness gap {percent(gap)}")
        + f", deletion {percent(result['deletion'])}"
        + f" ({percent(result['random_deletion'])} at random)"
    )
    for file in result["files"]:
        click.echo(f"  {file}")
