"""The address of an answer, and what "back" and a refresh find again."""

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.app.limits import Limits
from florascope.identify.identifier import Identifier
from florascope.identify.prior import TablePrior

from .conftest import Planted, Serve
from .test_page import PHOTO, upload

BELLS, FOXGLOVE = "3", "94"


def text(page: Page, selector: str) -> str:
    return page.locator(selector).inner_text()


@pytest.mark.parametrize(("shares", "alike"), [({BELLS: 0.6, FOXGLOVE: 0.3}, 0.99), ({}, 0.1)])
def test_an_address_says_the_verdict_again_without_the_photo(
    browser: Browser, identifier: Identifier, serve: Serve, shares: dict[str, float], alike: float
) -> None:
    complaints: list[str] = []
    server = serve(Planted(identifier, shares, alike, nearest=FOXGLOVE), Limits())
    permissions = ["clipboard-read", "clipboard-write"]
    for page in opened(browser, server, complaints, permissions=permissions):
        upload(page)
        page.locator("#link").click()
        expect(page.locator("#copied")).to_contain_text("The address is copied.")
        address = page.evaluate("navigator.clipboard.readText()")
        assert address.startswith(f"{server}/#model=")
        said = {name: text(page, name) for name in ("#statement", ".rank", "#advice")}
        harm = [text(page, name) for name in ("#cautions", "#lookalikes", "#refusal")]
        status = text(page, "#status")
    posted: list[str] = []
    for page in opened(browser, "about:blank", complaints):
        page.on("request", lambda request: posted.append(request.method))
        page.goto(address)
        expect(page.locator("#result")).to_be_visible()
        expect(page.locator("#shared")).to_contain_text("The photo is not in it")
        assert {name: text(page, name) for name in said} == said
        again = [text(page, name) for name in ("#cautions", "#lookalikes", "#refusal")]
        for lines, more in zip(harm, again, strict=True):  # of "unsure", more may be taken for it
            assert set(lines.split("\n")) <= set(more.split("\n"))
        assert text(page, "#status") == status
        for name in ("#picture", "#candidates", "#save", "#recrop", "#tell"):
            expect(page.locator(name)).to_be_hidden()
        page.get_by_role("button", name="Español").click()
        expect(page.locator("#shared")).to_contain_text("La foto no va en ella")
        expect(page.locator("#statement")).not_to_have_text(said["#statement"])
        upload(page)  # a photo of one's own takes its place
        expect(page.locator("#shared")).to_be_hidden()
        expect(page.locator("#picture")).to_be_visible()
        assert "#" not in page.url
        page.go_back()
        expect(page.locator("#shared")).to_be_visible()
    assert posted.count("POST") == 1
    assert complaints == []


def test_addresses_of_other_models_and_of_nothing(browser: Browser, server: str) -> None:
    complaints: list[str] = []
    for page in opened(browser, server, complaints):
        upload(page)
        own = str(page.locator("#link").get_attribute("href")).split("#model=")[1].split("&")[0]
    for told in (f"model=0&level=unsure&member={BELLS}", f"model={own}&level=species&member=3"):
        for page in opened(browser, f"{server}/#{told}", complaints):
            expect(page.locator("#error")).to_contain_text("no answer that this model can have")
            expect(page.locator("#result")).to_be_hidden()
    assert len([said for said in complaints if "422" in said]) == len(complaints) == 1


def test_a_weighed_answer_says_so_without_its_photo(
    browser: Browser, identifier: Identifier, serve: Serve
) -> None:
    planted = Planted(identifier, {BELLS: 0.5, FOXGLOVE: 0.49})
    planted.prior = TablePrior({(FOXGLOVE, 6, None): 50.0})
    for page in opened(browser, serve(planted, Limits())):
        page.locator("#occasion summary").click()
        page.locator("#month").select_option("6")
        upload(page)
        address = str(page.locator("#link").get_attribute("href"))
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator("#weighted")).to_have_text(
            "Season and place were weighed in this answer."
        )


def test_back_and_refresh_lose_nothing(page: Page) -> None:
    upload(page)
    first = text(page, "#statement")
    page.locator("#samples button").first.click()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (2)")
    page.reload()
    expect(page.locator("#result")).to_be_visible()
    expect(page.locator("#picture")).to_be_visible()
    page.go_back()
    expect(page.locator("#statement")).to_have_text(first)
    page.go_back()
    expect(page.locator("#result")).to_be_hidden()
    page.go_forward()
    expect(page.locator("#statement")).to_have_text(first)


def test_the_answers_of_a_list_outlive_a_refresh(page: Page) -> None:
    page.set_input_files("#file", [PHOTO, PHOTO.with_name("1.webp"), PHOTO.with_name("2.webp")])
    expect(page.locator("#several")).to_have_attribute("aria-busy", "false")
    page.reload()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (3)")
