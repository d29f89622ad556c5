"""Errors that say what was found, what was expected and what to do next."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, wraps
from inspect import Signature, signature
from operator import index
from types import NoneType, UnionType
from typing import Any, Literal, Self, TypeVar, Union, get_args, get_origin, get_type_hints


class FlorascopeError(Exception):
    """Anything a user can mend: bad input, a missing file, an option that does not fit.

    Parameters and calls stand between backticks, as Python writes them: "Use `size=160`". The
    command line says them as options, prints the message alone, without a traceback, and exits with
    status 1.

    Args:
        found: what was met, naming the file or value.
        expected: what would have been right, as a phrase ("a folder of class folders").
        fix: what to do or type next, as a sentence.
    """

    def __init__(self, found: str, *, expected: str = "", fix: str = "") -> None:
        self.found, self.expected, self.fix = found, expected, fix
        super().__init__(joined(self.sentences))

    @property
    def sentences(self) -> list[str]:
        """What the message consists of."""
        parts = [self.found, f"expected {self.expected}" if self.expected else "", self.fix]
        return [part for part in parts if part]

    def reworded(self, say: Callable[[str], str]) -> Self:
        """Return the same error in other words."""
        return type(self)(say(self.found), expected=say(self.expected), fix=say(self.fix))


def joined(sentences: Sequence[str]) -> str:
    """Join the sentences of a message."""
    return ". ".join(sentence.rstrip(".") for sentence in sentences) + "."


class PhotoError(FlorascopeError):
    """A photo that cannot be read, or that is refused for its size or format."""


class DataError(FlorascopeError):
    """A data set, split or manifest that cannot be used as it is."""


class DownloadError(FlorascopeError):
    """A download that failed or whose bytes are not the published ones."""


class WeightsError(FlorascopeError):
    """Backbone weights that are missing or do not fit the backbone."""


class BundleError(FlorascopeError):
    """A folder that is not a usable model bundle."""


class ExplanationError(FlorascopeError):
    """An explanation that does not exist for this network or request."""


class TrainingError(FlorascopeError):
    """A training run that cannot start or go on."""


Function = TypeVar("Function", bound=Callable[..., Any])


def check_arguments(
    error: type[FlorascopeError] = FlorascopeError, known_as: str = ""
) -> Callable[[Function], Function]:
    """Have a public function, or a class as it is made, refuse what its annotations exclude.

    `Any` takes anything. A list may be any collection but text and mappings, a number any that
    converts, such as NumPy's; what a collection holds is not looked at.

    Args:
        error: what is raised.
        known_as: the function's name below `florascope`; else its own.
    """

    def decorate(function: Function) -> Function:
        if isinstance(function, type):
            made: Any = function
            made.__init__ = decorate(made.__init__)
            return function
        name = known_as or function.__qualname__.removesuffix(".__init__")

        @wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (whatever it takes)
            _refuse_others(_promised(function), args, kwargs, (error, name))
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


@cache
def _promised(function: Callable[..., Any]) -> tuple[Signature, dict[str, Any]]:
    return signature(function), get_type_hints(function)


def _refuse_others(
    promised: tuple[Signature, dict[str, Any]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    told: tuple[type[FlorascopeError], str],
) -> None:
    (taken, hints), (error, name) = promised, told
    fix = f"Type help(florascope.{name}) to see what it takes"
    try:
        given = taken.bind(*args, **kwargs).arguments
    except TypeError as reason:
        expected = ", ".join(key for key in taken.parameters if key != "self")
        raise error(f"{name}: {reason}", expected=expected, fix=fix) from reason
    for key, value in given.items():
        hint = hints.get(key, Any)
        if not _fits(value, hint):
            if isinstance(value, type):
                fix = f"Make an object of it: {value.__name__}()"
            raise error(f"{name} got {described(value)} as {key!r}", expected=_words(hint), fix=fix)


_NUMBERS: dict[Any, Callable[[Any], Any]] = {bool: float, int: index, float: float}
_LISTS = (Sequence, tuple)


def _fits(value: Any, hint: Any) -> bool:  # noqa: ANN401
    """Whether an argument is what an annotation promises."""
    kind = get_origin(hint) or hint
    if kind in {Union, UnionType}:
        return any(_fits(value, part) for part in get_args(hint))
    if kind is Any:
        return True
    if kind is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if isinstance(value, type):
        return kind is Callable
    if kind in _LISTS:
        return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
    return _converts(value, _NUMBERS[kind]) if kind in _NUMBERS else isinstance(value, kind)


def _converts(value: Any, number: Callable[[Any], Any]) -> bool:  # noqa: ANN401
    if isinstance(value, str | bytes):
        return False
    try:
        number(value)
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


_WORDS: dict[Any, str] = {
    str: "text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    NoneType: "None",
    os.PathLike: "a path",
    Mapping: "a dictionary",
    Callable: "a function",
    **dict.fromkeys(_LISTS, "a list"),
}


def _words(hint: Any) -> str:  # noqa: ANN401
    """Say what an annotation promises."""
    kind = get_origin(hint) or hint
    if kind in {Union, UnionType}:
        kinds = [get_origin(part) or part for part in get_args(hint)]
        parts = [p for p in get_args(hint) if p is not str or os.PathLike not in kinds]
        *most, last = dict.fromkeys(map(_words, parts))
        return f"{', '.join(most)} or {last}" if most else last
    if kind is Literal:
        return " or ".join(map(repr, get_args(hint)))
    return _WORDS.get(kind) or _one(kind)


def _one(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'AEIOUaeiou' else 'a'} {kind.__name__}"


def described(value: object, most: int = 60) -> str:
    """Name an argument for people: short values as they are, others by their type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    plain = isinstance(value, str | bytes | int | float | os.PathLike | NoneType)
    return repr(value) if plain and len(repr(value)) <= most else _one(type(value))
