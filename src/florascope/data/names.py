"""Natural order: numbers inside names count as numbers."""

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that puts "2" before "10" and "Rose 9" before "rose 10".

    Letters compare without case; names that then look alike fall back on their exact spelling,
    so the order never depends on the file system.
    """
    parts = [part for part in _DIGITS.split(name) if part]
    key = [(0, int(p), "") if _DIGITS.fullmatch(p) else (1, 0, p.casefold()) for p in parts]
    return key, name
