"""Accept-Language as RFC 9110 has it."""

import pytest

from florascope.app.answer import accepted


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("es", "es"),
        ("es-MX,es;q=0.9,en;q=0.8", "es"),
        ("fr-FR, es;q=0.5, en;q=0.4", "es"),
        ("en;q=0.3, ES-419;q=0.7", "es"),
        ("en-GB,es;q=0.9", "en"),
        ("fr,de", "en"),
        ("es;q=0", "en"),
        ("es;q=much", "en"),
        ("*", "en"),
        ("estonian", "en"),
    ],
)
def test_the_language_that_is_liked_best(header: str, language: str) -> None:
    assert accepted(header) == language
