"""What a person takes along, keeps, gives back or says beforehand."""

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.app.collection import Collection
from florascope.app.limits import Limits
from florascope.data.folder import folder
from florascope.identify.identifier import Identifier
from florascope.identify.prior import TablePrior

from .conftest import Planted, Serve
from .test_page import PHOTO, upload

FOXGLOVE, BELLS = "94", "3"


def test_earlier_answers_outlive_a_refresh_and_can_be_deleted(page: Page) -> None:
    expect(page.locator("#history")).to_be_hidden()
    upload(page)
    said = page.locator("#statement").inner_text()
    page.locator("#samples button").first.click()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (2)")
    page.reload()
    page.locator("#history-count").click()
    page.locator("#earlier .entry", has_text=said).last.click()
    expect(page.locator("#statement")).to_have_text(said)
    page.locator("#mapped").click()
    expect(page.locator("#question")).to_contain_text("Why ")
    page.locator("#earlier .button").first.click()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (1)")
    page.locator("#forget-all").click()
    expect(page.locator("#history")).to_be_hidden()
    assert page.evaluate("localStorage.getItem('florascope-history')") == "[]"


def test_a_history_written_by_others_does_no_harm(page: Page) -> None:
    page.evaluate("localStorage.setItem('florascope-history', '{broken')")
    page.reload()
    upload(page)
    expect(page.locator("#history-count")).to_have_text("Earlier answers (1)")


def test_the_picture_and_the_sentence_carry_the_cautions(
    browser: Browser, identifier: Identifier, serve: Serve
) -> None:
    server = serve(Planted(identifier, {BELLS: 0.999}), Limits())
    for page in opened(browser, server, permissions=["clipboard-read", "clipboard-write"]):
        upload(page)
        page.locator("#copy").click()
        expect(page.locator("#copied")).to_have_text("Copied.")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("This is Canterbury bells")
        assert "Beware, deadly: monkshood, foxglove." in copied
        assert copied.endswith(page.locator("#advice").inner_text())
        with page.expect_download() as saved:
            page.locator("#save").click()
        with Image.open(saved.value.path()) as image:
            assert image.width == 720
            assert image.height > 720 + 3 * 28  # a line each at least
            below = image.convert("RGB").crop((0, 720, 720, image.height)).getcolors(1 << 20)
        assert below is not None
        assert {(255, 255, 255), (163, 22, 10)} <= {colour for _, colour in below}


def test_what_somebody_knows_is_kept_for_training(
    browser: Browser, identifier: Identifier, serve: Serve, tmp_path: Path
) -> None:
    collection = Collection(tmp_path, identifier.config.classes)
    complaints: list[str] = []
    for page in opened(browser, serve(identifier, Limits(), collection=collection), complaints):
        expect(page.locator("#privacy")).to_contain_text("but for those that you give to it")
        upload(page)
        assert not list(tmp_path.iterdir())  # nothing is kept before somebody says so
        page.locator("#tell summary").click()
        page.locator("#tell-name").fill("foxglove")
        page.locator("#tell-sure").check()
        page.locator("#tell-send").click()
        expect(page.locator("#told")).to_have_text("Thank you: kept as “foxglove”.")
        page.locator("#tell-name").fill("../etc")
        page.locator("#tell-send").click()
        expect(page.locator("#told")).to_contain_text("It was not kept.")
    data = folder(tmp_path)
    assert [c.name for c in data.classes] == ["foxglove"]
    assert len(data) == 1
    assert len(complaints) == 1  # the 422
    assert "422" in complaints[0]


def test_nobody_is_asked_where_nothing_is_kept(page: Page) -> None:
    upload(page)
    expect(page.locator("#tell")).to_be_hidden()
    expect(page.locator("#occasion")).to_be_hidden()
    expect(page.locator("#privacy")).to_contain_text("nothing is stored")


@pytest.mark.parametrize(("locale", "remark"), [("en-GB", "(month 6)"), ("es-ES", "(mes 6)")])
def test_a_prior_is_asked_for_and_shown_as_what_it_is(
    browser: Browser, identifier: Identifier, serve: Serve, locale: str, remark: str
) -> None:
    planted = Planted(identifier, {BELLS: 0.5, FOXGLOVE: 0.49})
    planted.prior = TablePrior({(FOXGLOVE, 6, None): 50.0})
    for page in opened(browser, serve(planted, Limits()), locale=locale):
        upload(page, PHOTO)
        expect(page.locator("#weighted")).to_be_hidden()
        first = page.locator("#candidates button").first
        expect(first).to_have_attribute("data-class", BELLS)
        page.locator("#occasion summary").click()
        page.locator("#month").select_option("6")
        expect(first).to_have_attribute("data-class", FOXGLOVE)
        expect(page.locator("#weighted")).to_contain_text(remark)
        expect(page.locator("#level")).to_have_text(
            "Not sure" if locale == "en-GB" else "No es seguro"
        )
