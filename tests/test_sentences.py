"""Both languages say everything, with the same placeholders."""

import re
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest

import florascope
from florascope.data.species import LANGUAGES
from florascope.sentences import Use, sentences

USES = get_args(Use)
SYMBOLS = {"no", "top1", "top5", "method.gradcam", "errors.one", "pictured"}


def flat(value: Any, key: str = "") -> dict[str, str]:
    """Sentences by their whole key."""
    if isinstance(value, str):
        return {key: value}
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    found: dict[str, str] = {}
    for name, part in parts:
        found |= flat(part, f"{key}/{name}".lstrip("/"))
    return found


def said(use: Use, language: str) -> dict[str, str]:
    return flat(sentences(use, language))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("use", USES)
def test_both_languages_have_the_same_keys_in_one_order(use: Use) -> None:
    english, spanish = (sentences(use, language) for language in LANGUAGES)
    for own in (english, spanish):
        things = flat(own.pop("things", {}))
        assert things.keys() <= flat(own).keys()  # grammar decides what else must change
    assert list(flat(english)) == list(flat(spanish))


@pytest.mark.parametrize("use", USES)
def test_both_languages_have_the_same_placeholders(use: Use) -> None:
    english = said(use, "en")
    for key, text in said(use, "es").items():
        model = english.get(key) or english[key.removeprefix("things/")]
        assert placeholders(text) == placeholders(model), key


@pytest.mark.parametrize("use", USES)
def test_nothing_is_left_untranslated(use: Use) -> None:
    english, spanish = said(use, "en"), said(use, "es")
    assert {key for key in english if english[key] == spanish.get(key)} <= SYMBOLS


@pytest.mark.parametrize(("use", "place"), [("page", "app/static"), ("teaching", "export/web")])
def test_every_word_of_the_page_is_used(use: Use, place: str) -> None:
    folder = Path(florascope.__file__).parent / place
    code = "".join(p.read_text("utf-8") for p in [*folder.glob("*.js"), *folder.glob("*.html")])
    used = set(re.findall(r"[\w-]+", code))
    spoken = {re.sub(r"-(\w)", lambda m: m[1].upper(), word) for word in used} | used
    assert sentences(use, "en").keys() - spoken == set()


def test_the_workbench_translates_causes_that_the_doctor_names() -> None:
    folder = Path(florascope.__file__).parent / "doctor"
    code = "".join(p.read_text("utf-8") for p in folder.rglob("*.py"))
    causes = sentences("studio", "en")["causes"]
    assert causes
    assert {cause for cause in causes if f'= "{cause}"' not in code} == set()
