"""Answers of the server that come when the user of the workbench has gone on."""

from base64 import b64decode
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Page, expect
from tests.support.chromium import opened
from tests.support.held import SETTLED, Held
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


def leave_out(page: Page, place: int) -> None:
    page.locator(".tile").nth(place).click()
    page.get_by_role("button", name="Leave out").click()


def test_edits_are_told_in_the_order_in_which_they_were_made(page: Page) -> None:
    """The first edit's answer is late: the second one waits for it, or the first would be shown."""
    held = Held(page, "**/api/edits")
    tile = page.locator(".tile").first
    for name in ("rose", "violet"):
        tile.click()
        page.get_by_label("Give a class").select_option(name)
        page.keyboard.press("Escape")
    held.wait_for(1)
    page.evaluate(SETTLED)
    assert len(held.kept) == 1
    held.let_go()
    held.let_go()
    expect(page.locator("#notice")).to_contain_text("One photo is now violet.")
    expect(page.locator(".classes button", has_text="rose")).to_have_text("rose12")
    expect(page.locator(".classes button", has_text="violet")).to_have_text("violet13")


def test_photos_that_come_do_not_take_an_edit_back(page: Page) -> None:
    """The project as it was before the edit is told after it."""
    held = Held(page, "**/api/project")
    page.evaluate("import('./static/store.js').then(({ load }) => void load())")
    held.wait_for(1)
    leave_out(page, 0)
    page.evaluate(SETTLED)
    held.let_go()
    expect(page.locator(".classes button").first).to_have_text("All35")
    expect(page.locator(".classes button", has_text="Left out")).to_have_text("Left out1")


def test_a_job_that_has_begun_is_not_ended_by_an_older_look(page: Page) -> None:
    """A look from before the job began is answered after it."""
    watch = "import('./static/work.js').then(({ watch }) => void watch())"
    held = Held(page, "**/api/job")
    page.evaluate(watch)
    page.evaluate(watch)
    held.wait_for(2)
    running = {"work": "inspect", "state": "running", "step": "x", "done": 1, "total": 2}
    held.let_go(1, json=running)
    expect(page.locator("#work")).to_be_visible()
    held.let_go()
    expect(page.locator("#work")).to_be_visible()


def test_who_goes_on_elsewhere_stays_there(page: Page, trained: Project) -> None:
    """A training that goes on leads to its progress, unless the person has gone somewhere else."""
    unfinished = [{"number": 2, "finished": False, "recipe": "finetune", "title": "half"}]
    page.route("**/api/runs", lambda route: route.fulfill(json=unfinished))
    held = Held(page, "**/api/job")
    go(page, "#runs")
    page.get_by_role("button", name="Go on").click()
    held.wait_for(1)
    page.get_by_role("link", name="Photos", exact=True).click()
    done = {"work": "train", "run": 2, "state": "done"}
    held.let_go(json=done)  # of the wish
    held.let_go(json=done)  # of the look that follows
    expect(page.locator("h1")).to_have_text("Photos")
    assert page.url.endswith("#photos")


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"


def photos(*names: str) -> list[FilePayload]:
    return [{"name": name, "mimeType": "image/png", "buffer": b64decode(PNG)} for name in names]


def test_photos_given_while_others_travel_go_after_them(page: Page) -> None:
    """Their progress stands until then, whatever is told meanwhile."""
    page.clock.install()
    leave_out(page, 0)
    expect(page.locator("#notice")).to_contain_text("Undo")
    held = Held(page, "**/api/photos?*")
    files, progress = page.locator(".bar #files"), page.locator("#notice progress")
    files.set_input_files(photos("one.png"))
    held.wait_for(1)
    expect(progress).to_be_visible()
    leave_out(page, 1)
    expect(page.locator("#notice")).to_contain_text("Undo")
    page.clock.run_for(9_100)
    expect(progress).to_be_visible()
    expect(page.locator("#notice").get_by_role("button", name="Stop")).to_be_visible()
    files.set_input_files(photos("two.png", "three.png"))
    added = {"id": None}
    for _ in range(3):
        held.let_go(json=added)
    expect(page.locator("#notice")).to_contain_text("3 were there already.")
    expect(progress).to_be_hidden()


def test_a_renamed_class_stays_open(page: Page) -> None:
    page.locator(".classes button", has_text="rose").click()
    page.get_by_role("button", name="Rename").click()
    held = Held(page, "**/api/edits")
    page.locator("#ask-value").fill("red rose")
    page.locator("#ask-yes").click()
    held.wait_for(1)
    page.evaluate("import('./static/store.js').then(({ load }) => void load())")
    held.let_go()
    expect(page.locator(".classes [aria-pressed=true]")).to_have_text("red rose12")


def test_a_dialog_closes_with_its_view(page: Page) -> None:
    go(page, "#train")
    expect(page.locator("h1")).to_have_text("Train")
    go(page, PHOTOS)
    page.locator(".tile").first.dblclick()
    expect(page.locator("#large")).to_be_visible()
    page.go_back()
    expect(page.locator("h1")).to_have_text("Train")
    expect(page.locator("#large")).to_be_hidden()


def test_the_training_counts_what_came_meanwhile(page: Page) -> None:
    go(page, "#train")
    lead = page.locator("main .lead")
    expect(lead).to_contain_text("36")
    page.evaluate(
        """async () => {
          const { edit } = await import("./static/store.js");
          await edit({ kind: "remove", photos: [0], to: "", of: "" });
        }"""
    )
    expect(lead).to_contain_text("35")


def test_a_double_click_asks_once(page: Page) -> None:
    go(page, "#health")
    held = Held(page, "**/api/job")
    page.locator("#look").dblclick()
    held.wait_for(1)
    page.evaluate(SETTLED)
    assert len(held.kept) == 1
