"""`florascope export` and `florascope import`: bundles into other forms, and from them."""

from pathlib import Path
from typing import Any

import click

from florascope.cli.console import (
    LOCAL_PATH,
    data_options,
    json_option,
    model_options,
    note,
    open_data,
    print_json,
    told_of,
)
from florascope.progress import progress_bars

FORMS = ("web", "onnx", "int8", "small", "timm")
MEASURED = ("int8", "small")


@click.command()
@click.argument("bundle")
@click.option("--to", "form", required=True, type=click.Choice(FORMS), help="See above.")
@click.option("--out", type=LOCAL_PATH, required=True, help="Folder to write.")
@click.option(
    "--runtime",
    type=LOCAL_PATH,
    metavar="FILE.tgz",
    help="web: the npm package onnxruntime-web, where npm cannot fetch it.",
)
@click.option(
    "--prior",
    type=LOCAL_PATH,
    help="web: a CSV that says how likely each class is by month and place (docs/prior.md).",
)
@click.option("--data", "source", metavar="DATA", help="int8, small: photos to measure on.")
@click.option("--megabytes", type=float, help="small: what the graph may take.")
@click.option("--split", help="int8, small: official, csv, FILE.csv ...  [default: the run's own]")
@click.option(
    "--seed", type=int, help="int8, small: of a split that is drawn.  [default: the run's own]"
)
@data_options
@json_option
def export(bundle: str, form: str, out: Path, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Write BUNDLE in another form into --out.

    \b
    web   a page that answers and explains in the browser, offline, from any static server
    onnx  the graph (logits, class maps, features, similarities), described
    int8  the same in 8-bit integers, less than half the size; needs --data
    small the same, its weights in 8 bits or 4, a quarter of the size or less; needs --data
    timm  a folder that plain timm.create_model("local-dir:OUT") reads
    """  # noqa: D301 (\b keeps click from filling the list)
    from florascope.bundle.config import find_bundle

    check_out(out)
    measured = form in MEASURED
    if measured != bool(options["source"]):
        told = f"--to {form} without --data" if measured else f"--data with --to {form}"
        raise click.UsageError(f"{told}: photos are measured on for int8 and small, and them alone")
    if options["megabytes"] and form != "small":
        raise click.UsageError(f"--megabytes with --to {form}: it is for --to small alone")
    if options["prior"] and form != "web":
        raise click.UsageError(f"--prior with --to {form}: it is for --to web alone")
    found = _write(find_bundle(bundle), form, out, options)
    if as_json:
        print_json({"form": form, "out": str(out), **found})
        return
    for name, value in found.items():
        told = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        click.echo(f"{name.replace('_', ' ')}: {told}")
    click.echo(f"Written: {out}")


def check_out(out: Path) -> None:
    """Refuse, before any work is done, a place that holds something, such as the bundle itself.

    Raises:
        FlorascopeError: it is a file or a folder that is not empty, or may not be written.
    """
    from florascope.errors import FlorascopeError
    from florascope.files import check_folder

    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise FlorascopeError(f"{out} exists", expected="a new or empty folder for --out")
    check_folder(out)


def _write(bundle: Path, form: str, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    if form == "web":
        from florascope.export.web import export_web

        return {"bytes": export_web(bundle, out, options["runtime"], options["prior"])}
    if form in MEASURED:
        return _measured(bundle, form, out, options)
    if form == "onnx":
        from florascope.export.graph import export_onnx

        return {"files": export_onnx(bundle, out)}
    from florascope.export.timm_folder import export_timm

    return {"files": export_timm(bundle, out)}


def _measured(bundle: Path, form: str, out: Path, options: dict[str, Any]) -> dict[str, Any]:
    from florascope.evaluation.held_out import Asked, Origin, choose_division
    from florascope.export.int8 import export_int8, export_small

    with progress_bars() as progress:
        dataset = open_data(options["source"], options["data_dir"], progress)
        asked = Asked(split=options["split"], seed=options["seed"])
        split = choose_division(Origin.read(bundle), dataset, asked, progress)
        data = (dataset, split)
        if form == "small":
            most = options["megabytes"]
            return export_small(bundle, out, *data, megabytes=most, progress=progress).to_json()
        seed = options["seed"] or 0
        return export_int8(bundle, out, *data, seed=seed, progress=progress).to_json()


@click.command("import")
@click.argument("model", metavar="MODEL.keras|MODEL.onnx", type=LOCAL_PATH)
@click.option("--out", type=LOCAL_PATH, required=True, help="The bundle's folder.")
@click.option("--data", "source", metavar="DATA", help="Photos that did not train it: calibrates.")
@click.option("--data-dir", type=LOCAL_PATH, help="Folder that holds flowers-102/.")
@model_options
@json_option
def import_model(
    model: Path,
    out: Path,
    source: str | None,
    data_dir: Path | None,
    *,
    as_json: bool,
    **described: Any,  # noqa: ANN401 (values of `model_options`)
) -> None:
    """Bring a Keras or ONNX classifier over as a bundle, for identify, serve, evaluate and export.

    Its logits are held against the original's. What it does not say of itself, --size, --scaling
    and --classes do, or MODEL.json beside it.
    """
    from florascope.api.importing import import_model as bring_over

    check_out(out)
    with progress_bars() as progress:
        data = None if source is None else open_data(source, data_dir, progress)
        found = bring_over(model, out, told_of(**described), data, progress)
    if found.obstacle:
        note(f"No class maps: {found.obstacle}")
    if as_json:
        print_json({"out": str(out), "gap": found.gap, "class_maps": not found.obstacle})
        return
    click.echo(f"Written: {out}, its logits within {found.gap:.1e} of the original's largest")
