"""`florascope train`: photos to a measured classifier; `recipes`: by what recipes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import (
    LOCAL_PATH,
    Command,
    data_options,
    json_option,
    print_json,
    print_table,
    said_on_stderr,
)
from florascope.errors import FlorascopeError

if TYPE_CHECKING:
    from florascope.api.run import Run
    from florascope.training.experiment import Experiment
    from florascope.training.settings import Setting


def overwrite_option(command: Command) -> Command:
    """Add --overwrite to a command that writes a run."""
    option = click.option(
        "--overwrite", is_flag=True, help="Also replace a run of other data in --out."
    )
    return option(command)


@click.command()
@click.argument("source", metavar="DATA")
@click.option(
    "--recipe", "name", default="probe", show_default=True, help="probe, finetune, class-report."
)
@click.option("--split", help="official, 80-10-10, folder, csv, garden or FILE.csv.")
@click.option("--backbone", help="Any timm model name.  [default: mobilenetv2_100]")
@click.option("--weights", help="torchvision, google, timm, random, a shipped bundle or a FILE.")
@click.option("--seed", default=0, show_default=True, help="Same seed, same numbers.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting; `florascope recipes NAME` lists them.",
)
@click.option(
    "--engine",
    metavar="NAME",
    help="Who embeds photos for a frozen backbone: fast takes bfloat16 where this machine has it,"
    " openvino, ... (see FLORASCOPE_ENGINE).  [default: onnxruntime, exact]",
)
@click.option(
    "--keypoints/--no-keypoints",
    default=None,
    help="Keep by what crops and edits of the photos are recognised when the bundle is evaluated;"
    " doubles the time that a new photo takes.  [default: up to 1,000 photos]",
)
@click.option("--force", is_flag=True, help="Also train in a precision that is slow here.")
@click.option("--half", is_flag=True, help="Store the bundle's weights in half precision.")
@click.option("--tensorboard", is_flag=True, help="Log fine-tuning to --out/tensorboard, too.")
@click.option(
    "--report/--no-report",
    default=True,
    help="Explain and audit the classifier in report.html, which often takes longer than training.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "es"]),
    default="en",
    help="Of report.html.  [default: en]",
)
@click.option("--out", type=LOCAL_PATH, required=True, help="Folder of the run.")
@overwrite_option
@data_options
@json_option
def train(
    source: str,
    out: Path,
    *,
    as_json: bool,
    report: bool,
    language: str,
    half: bool,
    overwrite: bool,
    **asked: Any,  # noqa: ANN401 (options of `run_training`)
) -> None:
    """Train on DATA: writes bundle/, metrics.json, history.csv and report.html into --out."""
    from florascope.files import claimed
    from florascope.run_folder import check_out

    check_out(out)
    with claimed(out):
        run = run_training(source, out, overwrite=overwrite, **asked)
        if not as_json:
            print_results(run.experiment)
        files = run.save(out, half=half, overwrite=overwrite)
        if report:
            files["report"] = str(out / "report.html")
            with run_is_kept(out):
                run.report(files["report"], language=language)
    if as_json:
        print_json({**run.to_json(), "files": files})
        return
    for part in ("report", "bundle"):
        if part in files:
            click.echo(f"{part.capitalize()}: {files[part]}")


def run_training(  # noqa: PLR0913 (one an option)
    source: str,
    out: Path,
    *,
    name: str,
    settings: tuple[str, ...] = (),
    split: str | None = None,
    backbone: str | None = None,
    weights: str | None = None,
    seed: int = 0,
    engine: str | None = None,
    keypoints: bool | None = None,
    data_dir: str | None = None,
    strict: bool = False,
    force: bool = False,
    tensorboard: bool = False,
    overwrite: bool = False,
) -> "Run":
    """Train as the options ask; findings and skipped photos are said on standard error."""
    from florascope.api.training import train
    from florascope.run_folder import check_out
    from florascope.source import load
    from florascope.training.logbook import Logbook
    from florascope.training.logbook import tensorboard as listener
    from florascope.training.recipes import make_recipe

    given = {"backbone": backbone, "weights": weights}
    named = {key: value for key, value in given.items() if value is not None}
    recipe = make_recipe(name, **named, seed=seed, **parse_settings(settings))
    listeners = [listener(out / "tensorboard")] if tensorboard else []
    logbook = Logbook(out, listeners=listeners)
    data = load(source, data_dir=data_dir)
    check_out(out, data, overwrite=overwrite)
    with said_on_stderr():
        return train(
            data,
            recipe,
            split=split,
            engine=engine,
            keypoints=keypoints,
            strict=strict,
            force=force,
            checkpoints=logbook,
        )


@contextmanager
def run_is_kept(out: Path) -> Iterator[None]:
    """Say, where a report cannot be made, that the run is whole without it.

    Raises:
        FlorascopeError: in place of whatever went wrong, which may be a fault of ours, too.
    """
    try:
        yield
    except Exception as error:
        reason = error if isinstance(error, FlorascopeError) else repr(error)
        raise FlorascopeError(
            f"the report could not be made: {reason}",
            fix=f"The run in {out} is whole without it; --no-report leaves it out",
        ) from error


def parse_settings(settings: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE pairs.

    Raises:
        click.UsageError: one has no equals sign.
    """
    pairs = [text.partition("=") for text in settings]
    for name, equals, value in pairs:
        if not equals:
            raise click.UsageError(f"--set {name}{value}: expected NAME=VALUE")
    return {name: value for name, _, value in pairs}


def print_results(experiment: "Experiment", title: str = "") -> None:
    """Print the results table."""
    from florascope.api.results import MetricsTable

    print_table(MetricsTable.HEADERS, MetricsTable(experiment.metrics).rows(), title)
    click.echo(f"{experiment.seconds:.1f} s")


@click.command()
@click.argument("name", required=False, metavar="[RECIPE]")
@json_option
def recipes(name: str | None, *, as_json: bool) -> None:
    """List the recipes of `florascope train`, or all settings of one RECIPE.

    A setting is given as `--set NAME=VALUE`.
    """
    from dataclasses import asdict

    from florascope.training.recipes import RECIPES, recipe_named
    from florascope.training.settings import settings_of

    if name is None:
        told = [_about(kind) for kind in RECIPES.values()]
        print_json({"recipes": told}) if as_json else _print_recipes(told)
        return
    kind = recipe_named(name)
    settings = settings_of(kind)
    if as_json:
        print_json({**_about(kind), "settings": list(map(asdict, settings))})
        return
    _print_recipes([_about(kind)])
    for setting in settings:
        _print_setting(setting)


def _about(kind: Any) -> dict[str, Any]:  # noqa: ANN401 (a recipe's class)
    first = (kind.__doc__ or "").partition("\n\n")[0]
    return {"recipe": kind.name, "about": " ".join(first.split())}


def _print_recipes(recipes: list[dict[str, Any]]) -> None:
    for one in recipes:
        click.echo(f"{one['recipe']}: {one['about']}")


def _print_setting(setting: "Setting") -> None:
    """Print a setting with its default, what it may be, and what it does."""
    import json

    default = setting.default
    value = default if isinstance(default, str) else json.dumps(default)
    allowed = f", {setting.allowed}" if setting.allowed else ""
    click.echo(f"\n  {setting.name}={value}  ({setting.kind}{allowed})")
    click.echo(click.wrap_text(setting.meaning, 78, "      ", "      "))
