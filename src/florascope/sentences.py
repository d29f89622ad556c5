"""What is said in English and Spanish: files in texts/ that a translator can edit.

One file a use and language: the sentences of an answer (answer.en.json), of the app's page, of the
report, of the workbench, and of the page that teaches. {names} are filled in. JSON, since every
start of `florascope identify` reads one, and the pages do.

What is made in English as a record (a finding of the doctor, a server's problem) is said in another
language by templates: doctor.es.json holds each sentence by its English one, {} for each value.
"""

import json
import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

Use = Literal["answer", "page", "report", "studio", "teaching"]
Record = Literal["doctor", "problem"]
FOLDER = Path(__file__).parent / "texts"
NARROW = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"

HOLE = "{}"
NUMBERS = re.compile(r"[-+]?\d[\d.,;e+\- ]*%?( [-+]?[\d.]+)*")
PROSE = re.compile(r"[a-z] [a-zA-Z]")
QUOTED = re.compile(r"^['\"]|[/\\]")
SEPARATORS = ("; ", ", ")
READ = 10_000  # parts of sentences that are kept


def sentences(use: Use, language: str) -> dict[str, Any]:
    """Return a use's sentences in a language: by key a sentence, or several by a key of their own.

    What "things" holds goes before the rest where a model knows anything else than the 102 flowers.

    Raises:
        OSError: there is no such language.
    """
    found: dict[str, Any] = json.loads((FOLDER / f"{use}.{language}.json").read_bytes())
    return found


class Told(NamedTuple):
    """A sentence as it is shown.

    Attributes:
        text: the sentence.
        language: that it is in, for the lang attribute: English where no template knows it.
    """

    text: str
    language: str


def told(record: Record, text: str, language: str) -> Told:
    """Say an English sentence of a record in a language, as far as its templates know it."""
    said = None if language == "en" else _templates(record, language).said(text)
    return Told(text, "en") if said is None else Told(said.replace(" %", f"{NARROW}%"), language)


def all_told(record: Record, parts: Sequence[str], language: str) -> list[str] | None:
    """Say several sentences of a record; None where one of them is not known in the language."""
    every = [told(record, part, language) for part in parts]
    return [part.text for part in every] if all(p.language == language for p in every) else None


@cache
def _templates(record: Record, language: str) -> "Templates":
    found: dict[str, str] = json.loads((FOLDER / f"{record}.{language}.json").read_bytes())
    return Templates(found)


class Templates:
    """Sentences of a language by their English ones, in which {} stands for each value.

    A value is a number, a name, or a sentence (or several, joined) that has a template itself.

    Args:
        sentences: by the English one; in the other language {0}, {1} put values in another order.
    """

    def __init__(self, sentences: dict[str, str]) -> None:
        self._whole = {key: text for key, text in sentences.items() if HOLE not in key}
        # What is more of a sentence fits better.
        holed = sorted(sentences.keys() - self._whole.keys(), key=lambda key: -len(key))
        self._holed = [(key.split(HOLE), sentences[key]) for key in holed]
        # A part of a sentence is met in many ways of reading the whole.
        self.said: Callable[[str], str | None] = lru_cache(READ)(self._said)
        """Translate a sentence; None where no template fits it."""

    def _said(self, text: str) -> str | None:
        if text in self._whole:
            return self._whole[text]
        if NUMBERS.fullmatch(text):
            return _numbers(text)
        for parts, template in self._holed:
            values = [self._value(value) for value in _values(text, parts)]
            if values and None not in values:
                return template.format(*values)
        return self._joined(text)

    def _joined(self, text: str) -> str | None:
        for separator in SEPARATORS:
            if separator in text:
                parts = [self._value(part) for part in text.split(separator)]
                return None if None in parts else separator.join(filter(None, parts))
        return None

    def _value(self, text: str) -> str | None:
        """Translate a value; a name stays as it is, and None is said of any other prose."""
        named = QUOTED.search(text) or not PROSE.search(text)
        return self.said(text) or (text if named else None)


def _values(text: str, parts: list[str]) -> list[str]:
    """What stands between the parts of a template, [] where it does not fit."""
    first, *inner, last = parts
    end = len(text) - len(last)
    if not text.startswith(first) or not text.endswith(last) or end < len(first):
        return []
    found, at = [], len(first)
    for part in inner:
        place = text.find(part, at, end)
        if place < 0:
            return []
        found.append(text[at:place])
        at = place + len(part)
    return [*found, text[at:end]]


def _numbers(text: str) -> str:
    """Write numbers with a decimal comma, a true minus sign and a space before the per cent sign.

    Thousands are set apart by a space, from five digits on.
    """
    text = text.replace(", ", "; ") if "." in text else text
    text = re.sub(r"\b\d{1,3}(,\d{3})+\b", _thousands, text)
    text = re.sub(r"(?<=\d)\.(?=\d)", ",", text)
    return re.sub(r"(?<![\de])-(?=\d)", MINUS, text).replace("%", f"{NARROW}%")


def _thousands(number: re.Match[str]) -> str:
    return number[0].replace(",", NARROW if len(number[0]) > len("1,234") else "")
