"""Names: their natural order, and which classes of two sources are the same."""

import re
import unicodedata
from collections.abc import Sequence
from itertools import product

from florascope.data.dataset import ClassName
from florascope.data.species import species_of

_DIGITS = re.compile(r"([0-9]+)")
_JOINTS = str.maketrans("_-", "  ")


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that puts "2" before "10" and "Rose 9" before "rose 10".

    Letters compare without case; names that then look alike fall back on their exact spelling,
    so the order never depends on the file system.
    """
    parts = [part for part in _DIGITS.split(name) if part]
    key = [(0, int(p), "") if _DIGITS.fullmatch(p) else (1, 0, p.casefold()) for p in parts]
    return key, name


def match_classes(classes: Sequence[ClassName], known: Sequence[ClassName]) -> list[int]:
    """Find each class among the known ones, by its id or else by its name.

    Exact spelling wins. Otherwise case, Unicode form, and hyphens or underscores for spaces make
    no difference, and species of Oxford 102 are found by their English, Spanish and scientific
    names, too. What fits several classes fits none.

    Returns:
        The index into `known` of each class; -1 where there is no such class.
    """
    ids, names, more = [[k.id] for k in known], [[k.name] for k in known], _further_names(known)
    exact = [_table(words) for words in (ids, names)]
    loose = [_table([list(map(_folded, own)) for own in words]) for words in (ids, names, more)]

    def find(c: ClassName) -> int:
        words, folded = (c.id, c.name), (_folded(c.id), _folded(c.name))
        tries = [*product(exact, words), *product(loose, folded)]
        return next((table[word] for table, word in tries if word in table), -1)

    return [find(c) for c in classes]


def _table(words: Sequence[Sequence[str]]) -> dict[str, int]:
    """Index of what each word names, without the words that name several."""
    owners: dict[str, set[int]] = {}
    for index, own in enumerate(words):
        for word in own:
            owners.setdefault(word, set()).add(index)
    return {word: min(among) for word, among in owners.items() if len(among) == 1}


def _further_names(known: Sequence[ClassName]) -> list[list[str]]:
    species = species_of(known)
    return [[*s.names.values(), s.scientific] if s else [] for s in species]


def _folded(name: str) -> str:
    return look(name.translate(_JOINTS))


def look(name: str) -> str:
    """Return what names have in common that differ in case, spaces or Unicode form alone."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
