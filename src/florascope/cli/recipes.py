"""`florascope recipes`: the recipes of `florascope train`, and their settings."""

from typing import TYPE_CHECKING, Any

import click

from florascope.cli.console import json_option, print_json

if TYPE_CHECKING:
    from florascope.training.settings import Setting


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
        print_json({"recipes": told}) if as_json else _print_all(told)
        return
    kind = recipe_named(name)
    settings = settings_of(kind)
    if as_json:
        print_json({**_about(kind), "settings": list(map(asdict, settings))})
        return
    _print_all([_about(kind)])
    for setting in settings:
        _print(setting)


def _about(kind: Any) -> dict[str, Any]:  # noqa: ANN401 (a recipe's class)
    first = (kind.__doc__ or "").partition("\n\n")[0]
    return {"recipe": kind.name, "about": " ".join(first.split())}


def _print_all(recipes: list[dict[str, Any]]) -> None:
    for one in recipes:
        click.echo(f"{one['recipe']}: {one['about']}")


def _print(setting: "Setting") -> None:
    """Print a setting with its default, what it may be, and what it does."""
    import json

    default = setting.default
    value = default if isinstance(default, str) else json.dumps(default)
    allowed = f", {setting.allowed}" if setting.allowed else ""
    click.echo(f"\n  {setting.name}={value}  ({setting.kind}{allowed})")
    click.echo(click.wrap_text(setting.meaning, 78, "      ", "      "))
