"""The whole page: well-formed, self-contained, accessible, and saying what was measured."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.support.chromium import browser as browser  # noqa: PLC0414 (a fixture)
from tests.support.chromium import opened

from florascope.data.oxford102 import NAME
from florascope.data.species import LANGUAGES, Language
from florascope.doctor.evidence import Finding
from florascope.explanation.attribution import Explainer
from florascope.explanation.inference import FastClassifier
from florascope.progress import Progress, silent
from florascope.report import page
from florascope.report.audited import Audited, audit_section
from florascope.report.figures import ResultRow
from florascope.report.page import explainers_for, report_html
from florascope.report.words import Words
from florascope.training.experiment import Experiment

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Reader(HTMLParser):
    """Reads a page and complains of tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module", autouse=True)
def known_explainers(ramps: list[Explainer]) -> Iterator[None]:
    """Ramps instead of maps, and one real audit of them a language for all the pages here."""
    done: dict[str, Audited] = {}

    def once(
        experiment: Experiment, explainer: Explainer, words: Words, *_: Progress | FastClassifier
    ) -> Audited:
        if words.language not in done:
            done[words.language] = audit_section(experiment, explainer, words, silent)
        return done[words.language]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "explainers_for", lambda _: ramps)
        patch.setattr(page, "audit_section", once)
        yield


@pytest.fixture(scope="module")
def html(experiment: Experiment) -> str:
    return report_html(experiment)


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_are_well_formed(seeded: Experiment, language: Language) -> None:
    reader = read(report_html(seeded, language=language))
    assert reader.all("html") == [{"lang": language}]
    assert len(reader.all("section")) == 9
    title = {"en": "Training report", "es": "Informe de entrenamiento"}[language]
    assert title in reader.words


@pytest.mark.parametrize(
    ("language", "title"), [("en", "What the doctor found"), ("es", "Lo que encontró el doctor")]
)
def test_the_doctors_findings_are_a_section_of_their_own(
    seeded: Experiment, language: Language, title: str
) -> None:
    finding = Finding("split.tiny", "split is tiny", "error", "3 <photos>", "20", "More", 0.9)
    html = report_html(seeded, findings=[finding], language=language)
    reader = read(html)
    assert len(reader.all("section")) == 10
    assert reader.words.count(title) == 2  # in the contents, and above the section
    section = html[html.index('<section id="doctor"') :]
    section = section[: section.index("</section>")]
    assert '<li class="alarm">' in section
    assert "3 &lt;photos&gt;" in section
    assert ("División diminuta" in section) == (language == "es")
    assert ('<span lang="en">3 &lt;photos' in section) == (language == "es")  # no such sentence


def _in_short(html: str) -> str:
    start, end = html.index("<ul>\n", html.index('<aside class="short"')), html.index("</aside>")
    return read(html[start:end]).words


TINY = Finding("split.tiny", "split is tiny", "error", "3", "20", "More", 0.9)
SWAPPED = replace(TINY, cause="train and validation swapped", confidence=0.8)
WARNING = replace(TINY, cause="a warning of mine", severity="warning", confidence=1.0)


@pytest.mark.parametrize(
    ("language", "one", "many", "sound"),
    [
        (
            "en",
            "act The doctor found an error, and until it is mended these figures cannot be"
            " trusted: split is tiny .",
            "act The doctor found 2 errors, and until they are mended these figures cannot be"
            " trusted. The most likely cause: split is tiny .",
            "Validation and test agree within their sampling error.",
        ),
        (
            "es",
            "actuar El doctor encontró un error, y estas cifras no son fiables mientras no se"
            " corrija: división diminuta .",
            "actuar El doctor encontró 2 errores, y estas cifras no son fiables mientras no se"
            " corrijan. La causa más probable: división diminuta .",
            "Validación y prueba coinciden dentro de su error de muestreo.",
        ),
    ],
)
def test_errors_of_the_doctor_come_first_in_short_and_nothing_is_sound_beside_them(
    seeded: Experiment, language: Language, one: str, many: str, sound: str
) -> None:
    pages = [
        report_html(seeded, findings=findings, language=language)
        for findings in ([WARNING], [WARNING, TINY], [TINY, SWAPPED])
    ]
    assert sound in read(pages[0]).words
    for html, told in zip(pages[1:], (one, many), strict=True):
        assert _in_short(html).startswith(told)
        assert sound not in read(html).words
        assert not re.search("took no part in it|no intervinieron|without overlap|solape", html)
        assert f'<span class="tone">{Words.of(language)("tone.sound")}</span>' not in html
        targets = {a["href"] for a in read(html).all("a")}
        assert targets <= {f"#{a['id']}" for _, a in read(html).tags if "id" in a}


def test_a_cause_that_has_no_spanish_is_marked_in_short(seeded: Experiment) -> None:
    finding = replace(TINY, cause="a cause of mine")
    html = report_html(seeded, findings=[finding], language="es")
    assert '<span lang="en">a cause of mine</span>.</a>' in html


def test_a_run_without_findings_says_so(seeded: Experiment) -> None:
    assert "The doctor found nothing wrong." in report_html(seeded, findings=[])


def test_nothing_comes_from_elsewhere(html: str) -> None:
    reader = read(html)
    addresses = [a[k] for _, a in reader.tags for k in ("src", "href", "xlink:href") if k in a]
    assert addresses
    assert all(a and a.startswith(("data:image/jpeg;base64,", "#")) for a in addresses)
    assert not reader.all("script")
    assert not reader.all("link")
    assert not re.search(r"url\((?!#)|@import", html)


def test_every_link_within_the_page_arrives(html: str) -> None:
    reader = read(html)
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for a in reader.all("a")}
    assert targets <= {f"#{i}" for i in ids}


def test_every_picture_is_described(html: str) -> None:
    reader = read(html)
    assert all(a.get("alt") for a in reader.all("img"))
    assert all(a.get("aria-label") for a in reader.all("svg"))


def test_tables_have_captions_and_headers(html: str) -> None:
    reader = read(html)
    assert len(reader.all("table")) == len(reader.all("caption"))
    scopes = {a.get("scope") for a in reader.all("th")}
    assert scopes == {"col", "row", "rowgroup"}


def test_hostile_names_stay_text(html: str) -> None:
    assert "<script" not in html
    assert "<b>co</b>" not in html
    reader = read(html)
    assert "<script>alert(1)</script>" in reader.words
    assert "Swatches & <b>co</b>" in reader.words


def test_the_table_has_the_metrics(experiment: Experiment, html: str) -> None:
    text = read(html).words
    for metrics in experiment.metrics.values():
        assert f"{100 * metrics.top1:.2f}%" in text
        assert f"{100 * metrics.top5:.2f}%" in text
        assert f"{100 * metrics.mean_class:.2f}%" in text
        assert f"{metrics.loss:.4f}" in text
    assert "test 8 75.00% 40.9% to 92.9%" in text  # 6 of 8, Wilson
    assert "5.20%" not in text  # the class report's, of Oxford 102
    assert "4.6937" not in text
    assert "1.3863" in text  # ln 4


@pytest.fixture
def phone(browser: Browser, html: str, tmp_path: Path) -> Iterator[Page]:
    """The page, 390 pixels wide."""
    file = tmp_path / "report.html"
    file.write_text(html, encoding="utf-8")
    yield from opened(browser, file.as_uri(), viewport={"width": 390, "height": 844})


def test_on_a_phone_nothing_is_wider_than_the_page(phone: Page) -> None:
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_on_a_phone_charts_with_few_marks_are_seen_whole(phone: Page) -> None:
    """What is ranked stands at the right end: a chart that scrolls hides it."""
    ranking = phone.locator("#results figure svg").bounding_box()
    assert ranking is not None
    assert ranking["x"] + ranking["width"] <= 390
    assert phone.locator("#results figure .scroll").count() == 0


def test_shares_leave_names_their_room(phone: Page) -> None:
    row = phone.locator(".candidates tr").nth(1)
    name, share = (row.locator(cell).bounding_box() for cell in ("th", "td"))
    assert name is not None
    assert share is not None
    assert name["width"] > share["width"]


def test_wrong_and_right_photos_are_named(html: str) -> None:
    text = read(html).words
    assert text.count("wrong <script>alert(1)</script>") == 0
    assert 'wrong R&D "$5$", taken for <script>alert(1)</script>' in text
    assert 'wrong blue flax, taken for R&D "$5$"' in text
    assert "swatch_06.png" in text
    assert "swatch_14.png" in text
    assert len(re.findall(r"\bright (grey willow|blue flax|R&D|<script>)", text)) == 3


def test_the_audit_says_which_checks_are_passed(html: str) -> None:
    text = read(html).words
    assert "Can the maps be believed?" in text
    assert re.search(r"Class activation map passes \d of 7 checks on these photos", text)
    assert "does not pass The maps may show the photo rather than what was learned" in text
    assert "Areas under the curves" in text


def test_skipped_photos_are_named_and_escaped(seeded: Experiment) -> None:
    html = report_html(seeded)
    text = read(html).words
    assert "1 photo could not be read and took no part:" in text
    assert "swatch_00.png : swatch_00.png is damaged & <i>cut</i> short" in text
    assert "<i>cut</i>" not in html


def test_why_photos_were_skipped_is_said_in_spanish(seeded: Experiment) -> None:
    why = "/a b/1.jpg is empty (0 bytes). expected a photo."
    bank = replace(seeded.bank, problems={0: why, 1: "it is odd."})
    html = report_html(replace(seeded, bank=bank), language="es")
    assert "<span>/a b/1.jpg no contiene nada (0 bytes). Se espera: una foto.</span>" in html
    assert '<span lang="en">it is odd.</span>' in html


def test_of_many_skipped_photos_the_first_are_named(seeded: Experiment) -> None:
    problems = dict.fromkeys(range(25), "damaged")
    bank = replace(seeded.bank, problems=problems)
    text = read(report_html(replace(seeded, bank=bank))).words
    assert text.count(": damaged") == 20
    assert "and 5 photos more" in text


def test_every_setting_is_listed(seeded: Experiment) -> None:
    text = read(report_html(seeded)).words
    assert "learning_rate 0.001 step size of Adam" in text
    assert "augment yes" in text
    assert "crop_mode squash" in text


def test_only_oxfords_photos_are_compared_with_the_class_report(
    experiment: Experiment, html: str
) -> None:
    assert "class report" not in read(html).words.lower()
    oxford = replace(experiment, dataset=replace(experiment.dataset, published=NAME))
    text = read(report_html(oxford)).words
    assert "The class report, Oxford 102 train" in text
    assert "Its test loss is above ln 102" in text


def test_rivals_stand_in_the_table(experiment: Experiment) -> None:
    rival = ResultRow("Done <right>", "test", 0.8861, 0.97, 0.88, 0.51, 819)
    text = read(report_html(experiment, rivals=[rival])).words
    assert "Done <right> test 819 88.61% 86.3% to 90.6% 97.00% 88.00% 0.5100" in text


def test_a_run_without_errors_says_so(experiment: Experiment) -> None:
    labels = experiment.logits.argmax(1)
    perfect = replace(experiment, dataset=replace(experiment.dataset, labels=labels))
    text = read(report_html(perfect)).words
    assert text.count("No test photo was misnamed, so there is no confusion to show.") == 2


def test_progress_counts_the_explained_photos(experiment: Experiment) -> None:
    calls: list[tuple[str, int, int]] = []
    report_html(experiment, progress=lambda *call: calls.append(call))
    assert calls == [("Explaining photos", done, 5) for done in range(6)]


def test_the_page_is_small(html: str) -> None:
    assert len(html) < 1_000_000


def test_the_real_explainers_fit_the_network(experiment: Experiment) -> None:
    names = [explainer.name for explainer in explainers_for(experiment.classifier)]
    assert names == ["sharp", "ig"]
