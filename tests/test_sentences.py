"""Both languages say everything, with the same placeholders; records are said by templates."""

import json
import re
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest

import florascope
from florascope.data.species import LANGUAGES
from florascope.sentences import FOLDER, NARROW, Record, Templates, Told, Use, sentences, told

USES = get_args(Use)
SYMBOLS = {"no", "top1", "top5", "method.gradcam", "errors.one", "pictured", "severity.error"}


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


TEMPLATES = Templates(
    {
        "{} of {} photos are blurred": "{} de {} fotos están borrosas",
        "{} of {} photos are blurred ({} first)": "{} de {} fotos están borrosas (la primera: {})",
        "the {} of {} is {}": "es {2} {0} de {1}",
        "loss": "la pérdida",
        "train": "entrenamiento",
        "look at {}": "mire {}",
    }
)


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("loss", "la pérdida"),
        ("the loss of train is 0.5", "es 0,5 la pérdida de entrenamiento"),
        ("3 of 12 photos are blurred", "3 de 12 fotos están borrosas"),
        ("25% of 12 photos are blurred", f"25{NARROW}% de 12 fotos están borrosas"),
        # What is more of a sentence fits better, and names stay as they are, numbers in them too.
        ("3 of 12 photos are blurred (a/b 1.5.jpg first)", None),
        ("the loss of head.0.5 is 1", "es 1 la pérdida de head.0.5"),
        ("the loss of 'my own flowers' is 1", "es 1 la pérdida de 'my own flowers'"),
        ("look at loss, train", "mire la pérdida, entrenamiento"),
        ("look at loss; look at train", "mire la pérdida; mire entrenamiento"),
        ("look at 0.5, 0.25, 1", "mire 0,5; 0,25; 1"),
        ("look at 1, 2", "mire 1, 2"),
        ("look at 8,189", "mire 8189"),
        ("look at 12,345,678", f"mire 12{NARROW}345{NARROW}678"),
        ("look at -1.5e-05", "mire \N{MINUS SIGN}1,5e-05"),
    ],
)
def test_records_are_said_by_templates(english: str, spanish: str | None) -> None:
    photo = "3 de 12 fotos están borrosas (la primera: a/b 1.5.jpg)"
    assert TEMPLATES.said(english) == (spanish or photo)


@pytest.mark.parametrize("text", ["", "a sentence of mine", "look at what I found", "losses"])
def test_no_sentence_is_translated_in_part(text: str) -> None:
    assert TEMPLATES.said(text) is None


def test_a_sentence_that_can_be_read_in_many_ways_takes_no_longer() -> None:
    text = "the loss of my own and all of the others at home, and " * 40
    assert told("doctor", text, "es") == Told(text, "en")  # each part is read once


def test_what_is_not_known_stays_english() -> None:
    assert told("doctor", "softmax twice", "es") == Told("softmax dos veces", "es")
    assert told("doctor", "a check of my own", "es") == Told("a check of my own", "en")
    assert told("doctor", "softmax twice", "en") == Told("softmax twice", "en")


@pytest.mark.parametrize("record", get_args(Record))
def test_every_template_stands_once_and_takes_the_same_values(record: Record) -> None:
    path = FOLDER / f"{record}.es.json"
    pairs = json.loads(path.read_text("utf-8"), object_pairs_hook=lambda pairs: pairs)
    keys = [key for key, _ in pairs]
    assert [key for key in keys if keys.count(key) > 1] == []
    for english, spanish in pairs:
        holes = [f"<{i}>" for i in range(english.count("{}"))]
        assert all(hole in spanish.format(*holes) for hole in holes), english
        assert len(list(Formatter().parse(spanish))) <= len(holes) + 1, english
