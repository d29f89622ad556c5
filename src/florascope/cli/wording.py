"""What the library says in Python, said as options: `size=160` is --set size=160 or --size 160.

Messages of the library name parameters and calls between backticks, as Python knows them. They are
true for whoever imports florascope; here they become what one types.
"""

import re
from typing import Any

import click

from florascope.errors import FlorascopeError

SPAN = re.compile(r"`([^`\n]+)`")
PARAMETER = re.compile(r"([a-z]\w*)(?:=(.+))?")

CALLS = {
    "florascope.train('photos/').save('runs/mine')": (
        "florascope train DATA --recipe probe --out runs/mine"
    ),
    "florascope.load('garden')": "florascope train garden --out runs/garden",
    "florascope.explain(model, photo)": "florascope explain BUNDLE IMAGE --out FOLDER",
    "florascope.map(photos, out=folder, model=Embed())": "florascope embed SOURCE --out FOLDER",
    "preprocessing='torch'": "--scaling torch",
    "preprocessing=florascope.Preprocessing(size=224)": "--size 224",
}
"""What has another form on the command line."""


class Commands(click.Group):
    """A group whose commands say the library's errors in their own options."""

    def members(self) -> dict[str, click.Command]:
        """Give every command by its name, in the order of the list."""
        context = click.Context(self)
        found = {name: self.get_command(context, name) for name in self.list_commands(context)}
        return {name: command for name, command in found.items() if command}

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's)
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except FlorascopeError as error:
            command = self.get_command(ctx, ctx.invoked_subcommand or "") or self
            raise error.reworded(lambda text: in_options(text, command)) from error


def said_here(text: str) -> str:
    """Say a text of the library in the options of the command that runs; else as it is."""
    context = click.get_current_context(silent=True)
    return in_options(text, context.command) if context else text


def in_options(text: str, command: click.Command) -> str:
    """Say what stands between backticks as options of a command.

    Args:
        text: a message of the library.
        command: whose options they become. A parameter that it has no option for becomes a recipe's
            setting where the command takes those, else it is left as Python says it.
    """
    return SPAN.sub(lambda span: CALLS.get(span[1]) or _option(span[1], command), text)


def _option(code: str, command: click.Command) -> str:
    options = {name for parameter in command.params for name in parameter.opts}
    parameter = PARAMETER.fullmatch(code)
    if parameter is None:
        return f"`{code}`"
    name, value = parameter.groups()
    option = f"--{name.replace('_', '-')}"
    if option in options:
        return option if value in {None, "True"} else f"{option} {_typed(value)}"
    if "--set" in options:
        return f"--set {name}" if value is None else f"--set {name}={_typed(value)}"
    return f"`{code}`"


def _typed(value: str) -> str:
    """Write a Python literal as a shell takes it."""
    import ast
    import shlex

    try:
        return shlex.quote(str(ast.literal_eval(value)))
    except (ValueError, SyntaxError):
        return value
