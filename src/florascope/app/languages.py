"""The language that an answer should be in: as asked for, else as the client's settings say."""

from typing import Annotated

from fastapi import Header, Query

from florascope.data.species import LANGUAGES, Language

Asked = Annotated[Language | None, Query(description="Of names and sentences")]
Short = Annotated[Language | None, Query(description="The same, in short")]
Accepted = Annotated[str, Header(description="Where neither is given (RFC 9110)")]


def spoken(language: Asked = None, lang: Short = None, accept_language: Accepted = "") -> Language:
    """Return the language of a request's answer."""
    return language or lang or accepted(accept_language)


def accepted(header: str) -> Language:
    """Return the language of ours that an Accept-Language header likes best, English where none.

    RFC 9110, 12.5.4: "es-MX,es;q=0.9,en;q=0.8"; a quality of 0 means "not this one".
    """
    liked: dict[Language, float] = dict.fromkeys(LANGUAGES, 0.0)
    for part in header.split(","):
        tag, _, quality = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        for language in LANGUAGES:
            if name == language:
                liked[language] = max(liked[language], _quality(quality))
    return max(LANGUAGES, key=lambda language: liked[language])


def _quality(text: str) -> float:
    name, _, value = text.strip().partition("=")
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
