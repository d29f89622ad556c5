"""One declaration a setting: type, range, default and meaning, checked by pydantic."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from dataclasses import dataclass as plain_dataclass
from typing import Any, TypeVar, cast, dataclass_transform, get_args, get_type_hints

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from florascope.errors import TrainingError

Made = TypeVar("Made")
CONFIG = ConfigDict(allow_inf_nan=False, extra="forbid")


def about(
    meaning: str,
    *,
    gt: float | None = None,
    ge: float | None = None,
    lt: float | None = None,
    le: float | None = None,
) -> Any:  # noqa: ANN401 (pydantic's Field)
    """Say what a setting means, and what it must be above, from, below or up to."""
    return Field(description=meaning, gt=gt, ge=ge, lt=lt, le=le)


@dataclass_transform(frozen_default=True, field_specifiers=())
def recipe(made: type[Made]) -> type[Made]:
    """Make a class of annotated settings a frozen record that checks itself.

    A setting is declared once, `epochs: Annotated[int, about("passes", gt=0)] = 6`; the class's
    help lists them all. Text is read as the setting's type, as a command line gives it.
    Whatever does not fit is a TrainingError that names the setting.
    """
    record = dataclass(frozen=True, slots=True, config=CONFIG)(made)
    checked: Callable[..., None] = record.__init__

    def speaking(self: Made, *args: Any, **settings: Any) -> None:  # noqa: ANN401
        try:
            checked(self, *args, **settings)
        except ValidationError as error:
            raise _problem(record, error) from None

    speaking.__name__, speaking.__qualname__ = "__init__", f"{made.__qualname__}.__init__"
    record.__signature__ = speaking.__signature__ = _signature(record)  # type: ignore[attr-defined]
    record.__init__ = speaking  # type: ignore[assignment]
    lines = [f"    {s.name}: {s.meaning}." for s in settings_of(record)]
    record.__doc__ = "\n".join([inspect.cleandoc(made.__doc__ or ""), "", "Attributes:", *lines])
    return cast("type[Made]", record)


def _signature(record: type) -> inspect.Signature:
    """What `help` shows: names, plain types and defaults, without `self` for its callers."""
    found, hints = inspect.signature(record), get_type_hints(record)
    plain = [p.replace(annotation=hints[p.name]) for p in found.parameters.values()]
    return found.replace(parameters=plain)


@plain_dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a recipe.

    Attributes:
        name: as `--set NAME=VALUE` and the recipe's argument take it.
        kind: "int", "float", "bool", "str", or the values it may take.
        allowed: its range in words; "" where any value of the kind will do.
        default: what it is unless it is given.
        meaning: what it does.
    """

    name: str
    kind: str
    allowed: str
    default: Any
    meaning: str


def settings_of(made: type) -> list[Setting]:
    """Return a recipe's settings in the order of their declaration."""
    hints = get_type_hints(made, include_extras=True)
    return [
        Setting(
            field.name,
            _kind(hints[field.name]),
            " and ".join(_bounds(hints[field.name])),
            None if field.default is MISSING else field.default,
            _meaning(hints[field.name]),
        )
        for field in fields(made)
    ]


def _infos(hint: Any) -> list[FieldInfo]:  # noqa: ANN401 (an annotation)
    own = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, FieldInfo)]
    return own + [info for part in get_args(hint) if part is not hint for info in _infos(part)]


def _meaning(hint: Any) -> str:  # noqa: ANN401
    return next((info.description for info in _infos(hint) if info.description), "")


def _bounds(hint: Any) -> list[str]:  # noqa: ANN401
    parts = [part for info in _infos(hint) for part in info.metadata]
    return [
        f"{words} {getattr(part, key):g}"
        for part in parts
        for key, words in BOUNDS.items()
        if hasattr(part, key)
    ]


BOUNDS = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}


def _kind(hint: Any) -> str:  # noqa: ANN401
    while hasattr(hint, "__metadata__"):
        hint = get_args(hint)[0]
    parts = [part for part in get_args(hint) if part is not type(None)]
    if not parts:
        return str(hint.__name__)
    if isinstance(parts[0], str):
        return ", ".join(parts)
    return _kind(parts[0])


WRONG = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number from {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number up to {le}",
    "finite_number": "a finite number {allowed}",
    "literal_error": "one of {expected}",
}


def _problem(made: type, error: ValidationError) -> TrainingError:
    """Say the first thing that does not fit in this project's words."""
    first = error.errors(include_url=False)[0]
    key, kind = str(first["loc"][0]), first["type"]
    known = {s.name: s for s in settings_of(made)}
    name = getattr(made, "name", made.__name__)
    if key not in known:
        names = ", ".join(sorted(known))
        return TrainingError(f"recipe {name} has no setting {key!r}", expected=f"one of {names}")
    setting = known[key]
    wanted = WRONG.get(kind, f"a value of type {setting.kind}")
    if setting.kind == "bool":
        wanted = "one of true, yes, 1, false, no, 0"
    limits = {k: f"{v:g}" for k, v in first.get("ctx", {}).items() if isinstance(v, float | int)}
    expected = wanted.format(**limits, allowed=setting.allowed, expected=setting.kind)
    return TrainingError(f"{key}={first['input']}", expected=expected.strip())
