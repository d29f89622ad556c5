"""JSON from strangers: one meaning or none."""

import json
from typing import Any

MAX_DEPTH = 32
MAX_DIGITS = 19  # of a whole number: what 64 bits hold


def parse_json(data: bytes) -> Any:  # noqa: ANN401 (any JSON value)
    """Read JSON in UTF-8, refusing what two readers could read differently or choke on.

    Raises:
        ValueError: the text is no JSON, names a key twice, nests deeper than MAX_DEPTH, or holds a
            number that is not finite or has more digits than 64 bits.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_whole,
        )
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH}") from error
    _check_depth(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for key, value in pairs:
        if key in read:
            raise ValueError(f"key {key[:60]!r} twice")
        read[key] = value
    return read


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError(f"{text[:60]} is too large for a number")
    return value


def _whole(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > MAX_DIGITS:
        raise ValueError(f"a number of {digits} digits")
    return int(text)


def _check_depth(value: Any) -> None:  # noqa: ANN401 (any JSON value)
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = [
            x.values() if isinstance(x, dict) else x for x in level if isinstance(x, dict | list)
        ]
        level = [child for group in inner for child in group]
        if not level:
            return
    raise ValueError(f"nested deeper than {MAX_DEPTH}")
