"""What the pages share: sentences and numbers in every language, templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Self

from jinja2 import Environment, PackageLoader, StrictUndefined

from florascope.data.species import LANGUAGES, Language
from florascope.errors import FlorascopeError, joined
from florascope.sentences import MINUS, NARROW, Told, all_told, sentences, told

TIMES = "\N{MULTIPLICATION SIGN}"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Words:
    """One language's texts and number formats.

    Attributes:
        language: BCP 47 code, for the page's lang attribute.
        texts: sentence by key, with named placeholders.
    """

    language: Language
    texts: Mapping[str, str]

    @classmethod
    def of(cls, language: str) -> Self:
        """Return the words of a language, "en" or "es".

        Raises:
            FlorascopeError: the report is not written in that language.
        """
        if language not in LANGUAGES:
            known = ", ".join(LANGUAGES)
            raise FlorascopeError(f"no report in language {language!r}", expected=f"one of {known}")
        return cls(language, sentences("report", language))

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key with its placeholders filled in."""
        text = self.texts[key].format(**values)
        return text.replace(" %", f"{NARROW}%")  # Spanish: never break before the sign

    def counted(self, key: str, n: int, **values: object) -> str:
        """Return "1 photo" or "12 photos": the key's singular or plural with {n} filled in."""
        return self(f"{key}.{'one' if n == 1 else 'many'}", n=self.integer(n), **values)

    def listed(self, parts: Sequence[str]) -> str:
        """Join parts: "a, b and c"."""
        if len(parts) < 2:
            return "".join(parts)
        return self("list.last", first=", ".join(parts[:-1]), last=parts[-1])

    def integer(self, n: int) -> str:
        """Group thousands: "6,552", or as Spanish does, from five digits on, "12 345"."""
        if self.language == "es":
            return str(n) if abs(n) < 10_000 else f"{n:,}".replace(",", NARROW)
        return f"{n:,}"

    def number(self, value: float, digits: int = 3) -> str:
        """Write with a fixed number of decimals and a true minus sign."""
        return self._marked(f"{value:.{digits}f}")

    def signed(self, value: float, digits: int = 2) -> str:
        """Write with its sign, + included."""
        return self._marked(f"{value:+.{digits}f}")

    def short(self, value: float) -> str:
        """Write with up to three significant digits, in powers of ten where very small."""
        digits, _, exponent = f"{value:.3g}".partition("e")
        if not exponent:
            return self._marked(digits)
        power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
        return power if digits == "1" else f"{self._marked(digits)} {TIMES} {power}"

    def percent(self, share: float, digits: int = 1) -> str:
        """Write a share as a percentage: "94.3%" or "94,3 %"."""
        space = NARROW if self.language == "es" else ""
        return f"{self.number(100 * share, digits)}{space}%"

    def points(self, share: float, digits: int = 1) -> str:
        """Write a difference of shares in percentage points."""
        return self("points", n=self.number(100 * share, digits))

    def between(self, low: float, high: float) -> str:
        """Write an interval of shares in percent."""
        return self("between", low=self.percent(low), high=self.percent(high))

    def told(self, text: str) -> Told:
        """Say what the doctor says in English, as far as it is known in this language."""
        return told("doctor", text, self.language)

    def problem(self, text: str) -> Told:
        """Say why a photo cannot be read; in English where one of its sentences is not known."""
        texts = all_told("problem", text.removesuffix(".").split(". "), self.language)
        return Told(text, "en") if texts is None else Told(joined(texts), self.language)

    def meaning(self, setting: str) -> str:
        """Say what a recipe's setting is; nothing for one this report does not know."""
        return self.texts.get(f"setting.{setting}", "")

    def setting(self, value: object) -> str:
        """Write a recipe's value."""
        if isinstance(value, bool):
            return self("yes" if value else "no")
        if value is None:
            return self("automatic")
        if isinstance(value, list | tuple):
            return "; ".join(self.setting(part) for part in value)
        return self.short(value) if isinstance(value, float) else str(value)

    def _marked(self, digits: str) -> str:
        text = digits.replace("-", MINUS)
        return text.replace(".", ",") if self.language == "es" else text


@cache
def environment() -> Environment:
    """Return the templates' environment: it escapes text, and a missing value is an error."""
    return Environment(
        loader=PackageLoader("florascope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
