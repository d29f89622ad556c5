"""`florascope explain`: why a bundle answers as it does."""

import os
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import LOCAL_PATH, json_option, note, percent, print_json
from florascope.cli.identify import expand, note_left_out

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
@click.option("--out", type=LOCAL_PATH, required=True, help="Folder for pictures.")
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
    """Draw what in each IMAGE (files or folders) speaks for (orange) and against (blue) a class."""
    from florascope.audit.card import trust
    from florascope.bundle.config import find_bundle
    from florascope.errors import PhotoError
    from florascope.explanation.explanation import default_method, explainer, find_class
    from florascope.explanation.explanation import explain as run
    from florascope.images import read_photo
    from florascope.nets.saving import load_classifier

    ignored = Counter[str]()
    names = picture_names(expand(images, ignored))
    classifier = load_classifier(find_bundle(bundle))
    how = explainer(method or default_method(classifier))
    chosen, rival = (
        None if name is None else find_class(classifier, name) for name in (target, against)
    )
    results: list[dict[str, Any]] = []
    problems: list[str] = []
    for image, name in names.items():
        try:
            found = run(classifier, read_photo(Path(image)), how, chosen, rival)
        except PhotoError as error:
            if len(names) == 1:
                raise
            problems.append(str(error))
            note(f"Skipped: {error}")
            continue
        figures = trust(classifier, found)
        files = _write(found, figures, out, f"{name}.{how.name}", save_arrays=save_arrays)
        results.append(_json(image, found, figures, files))
        if not as_json:
            _print(results[-1])
    if not results:
        raise PhotoError(f"none of the {len(names)} photos could be read", expected="photos")
    left = {"skipped": problems, "ignored": note_left_out(ignored)}
    if as_json:
        print_json({"method": how.name, "results": results, **left})


def picture_names(images: Iterable[str]) -> dict[str, str]:
    """Name each photo's pictures: by its stem, or by as much of its path as tells it from others.

    Returns:
        By photo: "rose", or "rose.jpg" beside rose.png, or "b-rose.jpg" where a/rose.jpg is asked
        for, too. A photo that is given twice is there once.
    """
    named: dict[str, str] = {}
    taken: set[str] = set()  # in lower case: some disks do not tell "Rose" from "rose"
    for image in images:
        if image in named:
            continue
        path = Path(os.path.normpath(Path(image).absolute()))
        longer = accumulate(path.parent.parts[:0:-1], lambda below, above: f"{above}-{below}")
        names = (path.stem, path.name, *(f"{above}-{path.name}" for above in longer))
        numbered = (f"{path.stem}-{n}" for n in count(2))
        named[image] = next(n for n in chain(names, numbered) if n.casefold() not in taken)
        taken.add(named[image].casefold())
    return named


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
