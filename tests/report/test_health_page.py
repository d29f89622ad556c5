"""The page of an examination, in both languages: what is there, what is not, and how it is said."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from florascope.data.folder import folder
from florascope.errors import FlorascopeError
from florascope.health.examination import Examination, examine
from florascope.health.looks import Look, Looks
from florascope.health.quick_probe import Suspect
from florascope.report.health_page import SHOWN, health_html

from .test_page import read

NAMES = ("daisy", "rose")
DAISIES, ROSES = 12, 18  # as many photos; none is small, and 18 / 12 = 1.5


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Examination:
    """Photos of noise of which one is there twice; nothing else is wrong."""
    root = tmp_path_factory.mktemp("health") / "meadow"
    draw = np.random.default_rng(0)
    for name, count in zip(NAMES, (DAISIES - 1, ROSES), strict=True):
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = draw.integers(0, 256, (80, 80, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{i}.png")
    shutil.copy(root / "daisy" / "0.png", root / "daisy" / "again.png")
    return examine(folder(root))


def broken(found: Examination, problems: list[str]) -> Examination:
    """The same photos, of which the first cannot be read, each for a reason; labels looked at."""
    named = zip(found.dataset.photos, problems, strict=False)
    told = [f"{photo.name}: {problem}" for photo, problem in named]
    unread = [Look((0, 0), bytes(16), "", 1, bytes(32), problem) for problem in told]
    looks = Looks([*unread, *list(found.looks)[len(unread) :]])
    return replace(found, looks=looks, suspects=(Suspect(2, 0, 1, 0.88),), noise=0.04)


def test_spanish_throughout(found: Examination) -> None:
    cut = "the photo is damaged or cut short (image file is truncated)."
    seen = broken(found, [f"{cut} expected a complete photo."])
    reader = read(health_html(seen, "es"))
    assert reader.all("html") == [{"lang": "es"}]
    for words in (
        "Estado de meadow",
        f"{DAISIES + ROSES} fotos de 2 clases. La clase más grande tiene 1,5 veces",
        "Alrededor del 4,0 % de las fotos",
        "etiqueta: daisy; parece rose (por 88 %)",
        "daisy/0.png: la foto llega con daños o sin terminar (el archivo está cortado)."
        " Se espera: una foto completa.",
    ):
        assert words in reader.words, words
    assert not [attributes for attributes in reader.all("span") if "lang" in attributes]
    assert " of " not in reader.words
    assert " the " not in reader.words


def test_a_reason_that_no_template_knows_is_english_and_marked_so(found: Examination) -> None:
    # Of a sentence that is known, one value is not, and names of files hold a slash.
    half = "the photo is damaged or cut short (it is odd). expected a complete photo."
    assert f'<span lang="en">daisy/0.png: {half}</span>' in health_html(broken(found, [half]), "es")
    seen = broken(found, ["the decoder gave up on it."])
    assert '<span lang="en">daisy/0.png: the decoder gave up on it.</span>' in health_html(
        seen, "es"
    )
    assert "<span>daisy/0.png: the decoder gave up on it.</span>" in health_html(seen)


def test_only_what_was_found_has_a_section(found: Examination) -> None:
    reader = read(health_html(found))
    assert len(reader.all("section")) == 1
    assert reader.all("a") == [{"href": "#s1"}]
    assert "Turned by EXIF 0" in reader.words  # in the overview
    assert "Equal photos 1" in reader.words
    assert "Suspicious labels" not in reader.words  # nobody looked


@pytest.mark.parametrize("language", ["en", "es"])
def test_links_of_the_overview_lead_to_their_sections(found: Examination, language: str) -> None:
    reader = read(health_html(broken(found, ["x"]), language))
    assert [link["href"] for link in reader.all("a")] == [
        f"#{section['id']}" for section in reader.all("section")
    ]


def test_that_not_all_are_shown_is_said_of_lines_too(found: Examination) -> None:
    few, many = (["it is broken."] * n for n in (SHOWN, SHOWN + 1))
    assert "are shown" not in read(health_html(broken(found, few))).words
    assert f"The first {SHOWN} are shown." in read(health_html(broken(found, many))).words


def test_another_language_is_refused(found: Examination) -> None:
    with pytest.raises(FlorascopeError, match="no report in language 'fr'. expected one of en"):
        health_html(found, "fr")
