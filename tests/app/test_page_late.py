"""Answers that come when the person has gone on: they show nowhere."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened
from tests.support.held import Held

from .test_page import PHOTO, crop, upload
from .test_page_several import choose

PHOTOS = [PHOTO, PHOTO.with_name("1.webp"), PHOTO.with_name("2.webp")]


@pytest.fixture
def address(browser: Browser, server: str) -> str:
    """Of an answer, without its photo."""
    for page in opened(browser, server):
        upload(page)
        return str(page.locator("#link").get_attribute("href"))
    raise AssertionError


@pytest.fixture
def shared(browser: Browser, address: str, complaints: list[str]) -> Iterator[tuple[Page, Held]]:
    """That address, just opened: its answer is on the way."""
    for page in opened(browser, "about:blank", complaints):
        held = Held(page, "**/api/verdict*")
        page.goto(address)
        held.wait_for(1)
        yield page, held
    assert complaints == []


@pytest.mark.parametrize("status", [200, 422])
def test_a_shared_answer_takes_no_photos_place(
    shared: tuple[Page, Held], status: int, complaints: list[str]
) -> None:
    page, held = shared
    upload(page, PHOTOS[1])
    said, seen = page.locator("#statement").inner_text(), crop(page)
    held.let_go(status=status)
    expect(page.locator("#shared")).to_be_hidden()
    expect(page.locator("#picture")).to_be_visible()
    expect(page.locator("#statement")).to_have_text(said)
    expect(page.locator("#error")).to_be_empty()
    assert crop(page) == seen
    complaints[:] = [said for said in complaints if "422" not in said]


def test_a_shared_answer_stays_in_the_language_chosen_last(shared: tuple[Page, Held]) -> None:
    page, held = shared
    page.get_by_role("button", name="Español").click()
    held.let_go(1)
    expect(page.locator("#result")).to_be_visible()
    said = page.locator("#statement").inner_text()
    held.let_go()
    expect(page.locator("#statement")).to_have_text(said)


def test_a_photo_chosen_before_the_model_is_known_is_seen_to_be_asked_about(
    browser: Browser, server: str
) -> None:
    for page in opened(browser, "about:blank"):
        model = Held(page, "**/api/model")
        page.goto(server)
        model.wait_for(1)
        page.set_input_files("#file", PHOTO)
        answer = Held(page, "**/api/identify?*")
        model.let_go()
        answer.wait_for(1)
        expect(page.locator("#waiting")).to_be_visible()
        answer.let_go()
        expect(page.locator("#result")).to_be_visible()


def test_the_drawing_clicked_last_is_asked_about(page: Page) -> None:
    held = Held(page, "**/samples/1.webp")
    page.locator("#samples button").nth(0).click()
    held.wait_for(1)
    page.locator("#samples button").nth(1).click()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (1)")
    held.let_go()
    expect(page.locator("#waiting")).to_be_hidden()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (1)")


def test_one_answer_for_all_leaves_what_was_opened_since(page: Page) -> None:
    choose(page, *PHOTOS)
    held = Held(page, "**/api/identify/several*")
    page.locator("#together").click()
    held.wait_for(1)
    page.locator("#photos .button").nth(1).click()
    said = page.locator("#statement").inner_text()
    held.let_go()
    expect(page.locator("#views")).to_be_hidden()
    expect(page.locator("#statement")).to_have_text(said)
    expect(page.locator("#together")).to_be_enabled()


def test_its_error_does_not_show_under_another_photo(page: Page, complaints: list[str]) -> None:
    choose(page, *PHOTOS)
    held = Held(page, "**/api/identify/several*")
    page.locator("#together").click()
    held.wait_for(1)
    upload(page, PHOTOS[1])
    status = page.locator("#status").inner_text()
    held.let_go(status=500)
    expect(page.locator("#error")).to_be_empty()
    expect(page.locator("#status")).to_have_text(status)
    assert "500" in complaints.pop()


def test_a_part_of_one_photo_ends_no_list(page: Page) -> None:
    held = Held(page, "**/api/identify?*")
    page.set_input_files("#file", PHOTOS)
    held.let_go()
    page.locator("#photos .button").first.click()
    held.wait_for(1)  # of the second photo
    page.locator("#recrop").click()
    page.locator("#cropped").click()
    held.let_go(1)
    held.end()
    expect(page.locator("#photos .button")).to_have_count(3)
    expect(page.locator("#several")).to_have_attribute("aria-busy", "false")


HOLD = """() => {
  // The first photo's pixels come when `release` is called, any other's at once.
  const decode = createImageBitmap;
  const held = new Promise((release) => Object.assign(globalThis, { release }));
  let first = true;
  globalThis.createImageBitmap = async (...given) => {
    if (first) {
      first = false;
      await held;
    }
    return decode(...given);
  };
}"""


def test_the_photo_chosen_last_is_the_one_that_a_part_is_chosen_of(page: Page) -> None:
    page.get_by_label("Choose a part of each photo first").check()
    page.evaluate(HOLD)
    page.set_input_files("#file", PHOTOS[:1])
    page.set_input_files("#file", PHOTOS[1:2])
    expect(page.locator("#cropping")).to_be_visible()
    seen = page.locator("#view").evaluate("canvas => canvas.toDataURL()")
    page.evaluate("release()")
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert page.locator("#view").evaluate("canvas => canvas.toDataURL()") == seen
    page.locator("#zoom").fill("200")
    page.locator("#cropped").click()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (1)")
    expect(page.locator("#cropping")).to_be_hidden()


PASTE = """async () => {
  const photo = await (await fetch("static/samples/1.webp")).blob();
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([photo], "pasted.webp", { type: "image/webp" }));
  document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
}"""


@pytest.mark.parametrize("closer", [False, True])
def test_another_photo_while_a_part_is_chosen(page: Page, closer: bool) -> None:
    """It takes the place of the one in the dialog, or closes it."""
    box = page.get_by_label("Choose a part of each photo first")
    box.check()
    page.set_input_files("#file", PHOTOS)
    expect(page.locator("#cropping")).to_be_visible()
    seen = page.locator("#view").evaluate("canvas => canvas.toDataURL()")
    box.evaluate("(box, closer) => { box.checked = closer; }", closer)
    page.evaluate(PASTE)
    if closer:
        expect(page.locator("#cropping")).to_be_visible()
        page.wait_for_function(
            "seen => document.getElementById('view').toDataURL() !== seen", arg=seen
        )
        page.locator("#cropped").click()
    expect(page.locator("#cropping")).to_be_hidden()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (1)")
    expect(page.locator("#several")).to_be_hidden()


def test_a_note_of_copying_stands_under_its_own_answer(page: Page) -> None:
    page.evaluate(
        """() => {
          const writeText = () => new Promise((release) => Object.assign(globalThis, { release }));
          Object.defineProperty(navigator, "clipboard", { value: { writeText } });
        }"""
    )
    upload(page)
    page.locator("#copy").click()
    page.locator("#samples button").first.click()
    expect(page.locator("#history-count")).to_have_text("Earlier answers (2)")
    page.evaluate("release()")
    expect(page.locator("#copied")).to_be_empty()
