"""The page for everybody: what axe-core finds against WCAG, in each state, light and dark."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.app.limits import Limits
from florascope.identify.identifier import Identifier
from florascope.identify.prior import TablePrior

from .conftest import Planted, Serve
from .test_page import PHOTO, upload

BELLS, FOXGLOVE = "3", "94"


def check(page: Page, state: str) -> None:
    found = Axe().run(page).response["violations"]
    assert found == [], (state, [(one["id"], one["nodes"][0]["html"]) for one in found])


@pytest.mark.parametrize(("scheme", "locale"), [("light", "en-GB"), ("dark", "es-ES")])
def test_axe_finds_nothing(
    browser: Browser, identifier: Identifier, serve: Serve, broken: Path, scheme: str, locale: str
) -> None:
    planted = Planted(identifier, {BELLS: 0.6, FOXGLOVE: 0.3})
    planted.prior = TablePrior({(FOXGLOVE, 6, None): 50.0})
    size = {"width": 390, "height": 844} if scheme == "dark" else {"width": 1366, "height": 900}
    settings: dict[str, Any] = {"viewport": size, "color_scheme": scheme, "locale": locale}
    for page in opened(browser, serve(planted, Limits()), **settings, bypass_csp=True):  # for axe
        page.locator("#occasion summary").click()
        page.locator("#known summary").click()
        check(page, "start")
        page.set_input_files("#file", [PHOTO, PHOTO, broken])
        expect(page.locator("#several")).to_have_attribute("aria-busy", "false")
        page.locator("#together").click()
        expect(page.locator("#views")).to_be_visible()
        check(page, "several")
        upload(page)
        expect(page.locator("#views")).to_be_hidden()
        page.locator("#mapped").click()
        page.locator("#mapping summary").click()
        page.locator("#history-count").click()
        check(page, "answer")
        page.locator("#recrop").click()
        expect(page.locator("#cropping")).to_be_visible()
        check(page, "a part")
        page.locator("#uncropped").click()
        address = str(page.locator("#link").get_attribute("href"))
        page.set_input_files("#file", broken)
        expect(page.locator("#error")).not_to_be_empty()
        check(page, "no photo")
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator("#shared")).to_be_visible()
        check(page, "an address")


def test_axe_finds_nothing_where_nothing_is_known(
    browser: Browser, identifier: Identifier, serve: Serve
) -> None:
    server = serve(Planted(identifier, {FOXGLOVE: 0.99}, alike=0.1, nearest=FOXGLOVE), Limits())
    for page in opened(browser, server, bypass_csp=True):
        upload(page)
        expect(page.locator("#refusal")).to_be_visible()
        check(page, "refused")


def test_axe_can_fail(browser: Browser, server: str) -> None:
    for page in opened(browser, server, bypass_csp=True):
        page.evaluate("document.querySelector('.brand img').removeAttribute('alt')")
        with pytest.raises(AssertionError, match="image-alt"):
            check(page, "an image without words")
