"""Answers of the server that come when the user of the workbench has gone on."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened
from tests.support.held import Held
from tests.support.serving import served

from florascope.app.guards import Access
from florascope.studio.project import Project
from florascope.studio.server import create_studio

from .conftest import TOKEN

PHOTOS = "#photos"
VIEWS = {"#health": "**/api/health", "#runs": "**/api/runs", "#run-1": "**/api/runs/1"}


@pytest.fixture
def address(trained: Project) -> Iterator[str]:
    with served(create_studio(trained, TOKEN, Access(), "florascope studio")) as root:
        yield f"{root}/{TOKEN}/"


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def page(browser: Browser, address: str, complaints: list[str]) -> Iterator[Page]:
    """The photos of a project with one run; whatever the console says must be expected."""
    for page in opened(browser, address, complaints):
        expect(page.locator(".tile").first).to_be_visible()
        yield page
    assert complaints == []


def go(page: Page, view: str) -> None:
    page.evaluate("view => { location.hash = view; }", view)


@pytest.mark.parametrize(("view", "asked"), VIEWS.items())
def test_a_view_that_was_left_writes_nothing(page: Page, view: str, asked: str) -> None:
    held = Held(page, asked)
    go(page, view)
    held.wait_for(1)
    go(page, PHOTOS)
    held.let_go()
    expect(page.locator("h1")).to_have_text("Photos")
    expect(page.locator(".classes button").first).to_have_text("All36")


def test_neither_does_its_error_show(page: Page, complaints: list[str]) -> None:
    held = Held(page, "**/api/runs")
    go(page, "#runs")
    held.wait_for(1)
    go(page, PHOTOS)
    held.let_go(status=404, json={"detail": "there is none"})
    expect(page.locator("h1")).to_have_text("Photos")
    expect(page.locator("#trouble")).to_be_empty()
    assert "404" in complaints.pop()


def test_a_view_asked_for_twice_is_there_once(page: Page) -> None:
    """In the language of the second time, whichever answer comes first."""
    held = Held(page, "**/api/runs")
    go(page, "#runs")
    held.wait_for(1)
    page.get_by_role("button", name="Español").click()
    held.let_go(1)
    expect(page.locator("h1")).to_have_text("Modelos")
    held.let_go()
    expect(page.locator("h1")).to_have_text("Modelos")


def test_the_last_cell_chosen_is_shown(page: Page) -> None:
    go(page, "#run-1")
    cells = page.locator(".matrix button")
    expect(cells.first).to_be_visible()
    held = Held(page, "**/answers?*")
    cells.nth(0).click()
    cells.nth(1).click()
    held.let_go(1)
    shown = page.locator("#cell h3")
    name = cells.nth(1).get_attribute("aria-label")
    assert name
    expect(shown).to_have_text(name)
    held.let_go()
    expect(shown).to_have_text(name)
