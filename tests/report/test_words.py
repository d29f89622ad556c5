"""Every sentence is used; numbers are written by the rules of each language."""

import re
from pathlib import Path

import pytest

import florascope.report
from florascope.doctor.evidence import Finding
from florascope.report.words import Words, environment
from florascope.sentences import sentences
from florascope.training.recipes import ClassReport, Finetune, Probe, Recipe, describe

EN, ES = Words.of("en"), Words.of("es")
ENGLISH = sentences("report", "en")
NARROW = "\N{NARROW NO-BREAK SPACE}"


def test_every_text_is_used() -> None:
    folder = Path(florascope.report.__file__).parent
    sources = [*folder.rglob("*.py"), *folder.rglob("*.jinja2")]
    code = "".join(p.read_text(encoding="utf-8") for p in sources)
    used = set(re.findall(r"""["']([a-z0-9_.]+)["']""", code))
    stems = {f"{prefix}{used_part}" for prefix in ("", "analysis.") for used_part in used}
    prefixes = ["tone", "subset", "purpose", "reason", "method", "setting", "curves"]
    prefixes += ["audited", "severity"]  # by criterion: see test_audited
    families = tuple(f"{prefix}." for prefix in prefixes)
    unused = [
        key
        for key in ENGLISH
        if key not in stems and key.rsplit(".", 1)[0] not in stems and not key.startswith(families)
    ]
    titles = {key for key in unused if key.endswith(".title")}
    assert set(unused) - titles == {
        f"explained.methods.{method}" for method in ("sharp", "direct", "gradcam", "ig")
    }


def test_english_numbers() -> None:
    assert EN.integer(12345) == "12,345"
    assert EN.number(-1.5, 2) == "\N{MINUS SIGN}1.50"
    assert EN.signed(2.0) == "+2.00"
    assert EN.percent(0.9426) == "94.3%"
    assert EN.points(0.057) == "5.7 points"
    assert EN.between(0.1, 0.25) == "10.0% to 25.0%"


def test_spanish_numbers() -> None:
    assert ES.integer(8189) == "8189"
    assert ES.integer(12345) == f"12{NARROW}345"
    assert ES.number(4.6937, 4) == "4,6937"
    assert ES.percent(0.9426) == f"94,3{NARROW}%"
    assert ES.between(0.1, 0.25) == f"de 10,0{NARROW}% a 25,0{NARROW}%"


def test_short_numbers() -> None:
    short = [EN.short(v) for v in (0.0123456, 32.0, 1e-6, 3.1623e-5)]
    assert short == ["0.0123", "32", "10⁻⁶", "3.16 \N{MULTIPLICATION SIGN} 10⁻⁵"]


def test_counts_agree_with_their_noun() -> None:
    photos = [EN.counted("photos", n) for n in (0, 1, 6552)]
    assert photos == ["0 photos", "1 photo", "6,552 photos"]
    assert [ES.counted("times", n) for n in (1, 2)] == ["una vez", "2 veces"]


def test_lists_end_with_and() -> None:
    assert EN.listed(["a", "b", "c"]) == "a, b and c"
    assert ES.listed(["a", "b"]) == "a y b"
    assert EN.listed(["a"]) == "a"
    assert EN.listed([]) == ""


def test_settings_of_every_kind() -> None:
    values = {True: "yes", None: "automatic", 0.001: "0.001", 224: "224", (0.5, 0.25): "0.5; 0.25"}
    assert [EN.setting(v) for v in values] == list(values.values())
    assert EN.setting("squash") == "squash"
    assert ES.setting(0.5) == "0,5"


def test_meaning_of_known_and_unknown_settings() -> None:
    assert EN.meaning("seed") == ENGLISH["setting.seed"]
    assert EN.meaning("unheard_of") == ""


@pytest.mark.parametrize("words", [EN, ES], ids=["en", "es"])
@pytest.mark.parametrize("recipe", [Probe(), Finetune(), ClassReport()], ids=lambda r: r.name)
def test_every_setting_of_every_recipe_has_a_meaning(recipe: Recipe, words: Words) -> None:
    assert [name for name in describe(recipe) if not words.meaning(name)] == []


def test_spanish_does_not_break_before_the_percent_sign() -> None:
    assert f"95{NARROW}%" in ES("results.interval")


def doctor(words: Words, *findings: Finding) -> str:
    section = environment().get_template("doctor.html.jinja2")
    return section.render(t=words, findings=findings)


def test_each_finding_is_an_item_and_text_is_escaped() -> None:
    finding = Finding("a.b", "x < y", "error", "3", "4", "Add 1", 0.9)
    page = doctor(EN, finding, finding)
    assert page.count('<li class="alarm">') == 2
    assert "X &lt; y" in page
    assert "90% sure" in page
    assert "lang=" not in page


def test_a_finding_is_said_in_the_pages_language() -> None:
    cause, found = "weights are not finite", "2 parameters hold NaN or infinity (head.bias first)"
    fix = "Call model.eval()?"
    page = doctor(ES, Finding("loop.finite", cause, "error", found, "finite weights", fix, 0.9))
    assert "Hay pesos que no son finitos" in page
    assert "2 parámetros contienen NaN o infinito (el primero: head.bias)" in page
    assert f"90{NARROW}% de seguridad" in page
    assert '<span lang="en">Call model.eval()?</span> ' in page  # its own mark ends it


def test_what_no_template_knows_stays_english_and_says_so() -> None:
    own = Finding("my.own", "too few roses", "note", "3 roses", "more", "Plant some", 0.5)
    assert '<span lang="en">Too few roses</span>' in doctor(ES, own)


@pytest.mark.parametrize(("words", "text"), [(EN, "nothing wrong"), (ES, "nada malo")])
def test_none_is_said(words: Words, text: str) -> None:
    assert text in doctor(words)
