"""`florascope explain`: why a bundle answers as it does."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from itertools import accumulate, chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import (
    json_option,
    model_options,
    note,
    note_left_out,
    percent,
    print_json,
    said_on_stderr,
    told_of,
)
from florascope.cli.identify import expand
from florascope.cli.job import JobOptions, job_options, run
from florascope.errors import FlorascopeError
from florascope.files import check_path
from florascope.progress import progress_bars

if TYPE_CHECKING:
    from florascope.audit.photo_by_photo import Explained
    from florascope.data.dataset import ClassName
    from florascope.nets.classifier import Classifier


@click.command()
@click.argument("bundle", metavar="BUNDLE|MODEL.onnx|MODEL.keras")
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--method",
    help="sharp, cam, direct, legrad, gradcam, layercam, ig or occlusion."
    "  [default: what suits the network best]",
)
@click.option(
    "--layers", metavar="NAMES", help="Layers for layercam, as blocks.3,blocks.5 (fused)."
)
@click.option("--target", metavar="CLASS", help="Id or name of a class.  [default: the answer]")
@click.option(
    "--against",
    metavar="CLASS",
    help="Show what speaks for the target and not for this class; nearest for the likeliest other.",
)
@click.option("--save-arrays", is_flag=True, help="Also write the evidence as float32 .npy.")
@click.option(
    "--trust/--no-trust",
    "trusted",
    default=True,
    help="Measure how the answer falls as the evidence is removed: 11 more passes a photo.",
)
@job_options(
    required=True,
    out="Folder for pictures; with --engine for Parquet, shard by shard: the same command goes on"
    " where it was stopped.",
)
@model_options
@json_option
def explain(  # noqa: PLR0913 (one an option)
    bundle: str,
    images: tuple[str, ...],
    method: str | None,
    layers: str | None,
    target: str | None,
    against: str | None,
    job: JobOptions,
    *,
    save_arrays: bool,
    trusted: bool,
    as_json: bool,
    **described: Any,  # noqa: ANN401 (values of `model_options`)
) -> None:
    """Draw what in each IMAGE (files or folders) speaks for (orange) and against (blue) a class.

    A model of another framework says itself how it takes pictures, or --size, --scaling and
    --classes do, or MODEL.json beside it.

    With --engine, IMAGE is one source of any number of photos: a folder, a .csv or .parquet list of
    paths or addresses, or .tar shards; here or in object storage (s3://, gs://).
    """
    if job.asked:
        from florascope.cluster.explaining import Explain

        _check_bundle(bundle)
        job.check_alone("--engine", images, ["--layers"] if layers else (), "no --layers")
        task = Explain(bundle, method, target, against, trusted, save_arrays)
        run(images[0], task, job, as_json=as_json)
        return
    out = Path(str(job.out))
    check_path(str(out))
    from florascope.audit.photo_by_photo import explain_photos
    from florascope.data.listing import check_apart
    from florascope.errors import PhotoError
    from florascope.explanation.explanation import Question, layers_method
    from florascope.explanation.occlusion import announce
    from florascope.files import check_folder

    ignored = Counter[str]()
    names = picture_names(expand(images, ignored))
    check_folder(out)
    check_apart(out, images)
    photos = list(names)
    classifier = _open(bundle, **described)
    how = layers_method(layers.split(",") if layers else (), method)
    question = Question.of(classifier, how, target, against)
    if how is None and classifier.backbone.obstacle:
        note(f"{classifier.backbone.obstacle}: explained by {question.how.name}")
    with said_on_stderr():
        announce(question.how, classifier, len(photos))
    finish = partial(_finish, names=names, out=out, save_arrays=save_arrays)
    with progress_bars() as told:
        made = explain_photos(classifier, question, photos, finish, trusted=trusted, progress=told)
        found = list(made)
    problems = [result for result in found if isinstance(result, PhotoError)]
    results = [result for result in found if not isinstance(result, PhotoError)]
    if len(photos) == 1 and problems:
        raise problems[0]
    for problem in problems:
        note(f"Skipped: {problem}")
    if not results:
        raise PhotoError(f"none of the {len(photos)} photos could be read", expected="photos")
    left = {"skipped": [str(problem) for problem in problems], "ignored": note_left_out(ignored)}
    if as_json:
        print_json({"method": question.how.name, "results": results, **left})
        return
    for result in results:
        _print(result)


def _check_bundle(model: str) -> None:
    """Refuse a model that was made elsewhere, which no job explains.

    Raises:
        FlorascopeError: it is one.
    """
    from florascope.nets.outside import ENDINGS

    if Path(model).suffix in ENDINGS:
        raise FlorascopeError(
            f"--engine with {Path(model).name}",
            expected="a bundle",
            fix=f"florascope import {model} --out BUNDLE makes a bundle of it",
        )


def _open(bundle: str, **described: Any) -> "Classifier":  # noqa: ANN401 (of `model_options`)
    """Open a bundle, or a model that was made elsewhere."""
    from florascope.bundle.config import find_bundle
    from florascope.nets.outside import ENDINGS, open_model
    from florascope.nets.saving import load_classifier

    if Path(bundle).suffix in ENDINGS:
        return open_model(Path(bundle), told_of(**described))
    if given := [name for name, value in described.items() if value is not None]:
        raise click.UsageError(f"--{given[0]} with a bundle, which says it itself")
    return load_classifier(find_bundle(bundle))


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


def _finish(
    explained: "Explained", *, names: Mapping[str, str], out: Path, save_arrays: bool
) -> dict[str, Any]:
    """Draw one photo's evidence into files; return its figures."""
    import numpy as np

    from florascope.audit.card import card
    from florascope.files import new_file
    from florascope.overlay import full_colour, overlay, png

    photo, found, figures = explained
    stem = f"{names[photo]}.{found.method}"
    scale = full_colour(found.values)
    pictures = {
        f"{stem}.png": overlay(found.crop, found.values, scale),
        f"{stem}.card.png": card(found, scale, figures),
    }
    for name, picture in pictures.items():
        with new_file(out / name) as draft:
            draft.write_bytes(png(picture))
    files = list(pictures)
    if save_arrays:
        files.append(f"{stem}.npy")
        with new_file(out / files[-1]) as draft, draft.open("wb") as file:
            np.save(file, found.values, allow_pickle=False)
    return _json(explained, [str(out / name) for name in files])


def _json(explained: "Explained", files: list[str]) -> dict[str, Any]:
    photo, found, figures = explained
    return {
        "file": photo,
        "method": found.method,
        "target": _class(found.target),
        "against": None if found.against is None else _class(found.against),
        "logit": found.logit,
        "probability": found.probability,
        "completeness_gap": found.gap,
        **({} if found.left_out is None else {"left_out": found.left_out}),
        **({} if figures is None else figures.to_json()),
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
        + (f", {percent(result['left_out'])} left out" if "left_out" in result else "")
        + _deletion(result)
    )
    for file in result["files"]:
        click.echo(f"  {file}")


def _deletion(result: dict[str, Any]) -> str:
    if "deletion" not in result:
        return ""
    measured, random = percent(result["deletion"]), percent(result["random_deletion"])
    return f", deletion {measured} ({random} at random)"
