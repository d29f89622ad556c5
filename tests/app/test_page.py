"""The page in a real browser, as a person uses it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.app import static_folder
from florascope.app.limits import Limits
from florascope.app.similar import Album
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier

from .conftest import Serve

PHOTO = static_folder() / "samples" / "4.webp"


@pytest.fixture(scope="module")
def found(identifier: Identifier) -> Identification:
    return identifier(PHOTO)


def sent(page: Page, photo: Path = PHOTO) -> None:
    """Choose a photo and wait for the server's answer: what was shown before has gone by then."""
    with page.expect_response("**/api/identify?*"):
        page.set_input_files("#file", photo)


def upload(page: Page, photo: Path = PHOTO) -> None:
    """Choose a photo and wait until its answer is shown."""
    sent(page, photo)
    expect(page.locator("#result")).to_be_visible()


def crop(page: Page) -> str:
    return str(page.locator("#picture").evaluate("canvas => canvas.toDataURL()"))


def test_a_photo_is_answered(page: Page, found: Identification) -> None:
    expect(page.locator("#result")).to_be_hidden()
    upload(page)
    expect(page.locator("#statement")).to_have_text(found.statement())
    expect(page.locator("#candidates button")).to_have_count(5)
    first = page.locator("#candidates button").first
    expect(first).to_contain_text(found.candidates()[0].name)
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#status")).to_contain_text("The answer is ready.")
    expect(page.locator("#result")).to_be_focused()
    shown = page.locator("#cautions li").count()
    assert shown == len(found.cautions())
    assert page.locator("#cautions").is_visible() == bool(shown)
    expect(page.locator("#advice")).to_contain_text("do not eat")


def test_spanish(page: Page, found: Identification) -> None:
    upload(page)
    page.get_by_role("button", name="Español").click()
    expect(page.locator("#statement")).to_have_text(found.statement("es"))
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.locator("h1")).to_have_text("¿Qué flor es esta?")
    assert not re.search(r"undefined|\{", page.locator("body").inner_text())


def test_a_spanish_browser_begins_in_spanish(browser: Browser, server: str) -> None:
    for page in opened(browser, server, [], locale="es-MX"):
        expect(page.locator("h1")).to_have_text("¿Qué flor es esta?")


def test_a_drawing_is_a_click_away(page: Page) -> None:
    page.locator("#samples button").first.click()
    expect(page.locator("#result")).to_be_visible()
    for image in page.locator("#samples img").all():
        assert image.evaluate("image => image.naturalWidth") > 0
        assert image.get_attribute("alt")


def test_dropped_and_pasted_photos(page: Page) -> None:
    transfer = page.evaluate_handle(
        """async () => {
            const photo = await (await fetch("static/samples/1.webp")).blob();
            const transfer = new DataTransfer();
            transfer.items.add(new File([photo], "dropped.webp", { type: "image/webp" }));
            return transfer;
        }"""
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#result")).to_be_visible()
    first = crop(page)
    page.evaluate(
        """async () => {
            const photo = await (await fetch("static/samples/2.webp")).blob();
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([photo], "pasted.webp", { type: "image/webp" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
        }"""
    )
    expect(page.locator("#history-count")).to_have_text("Earlier answers (2)")
    assert crop(page) != first


def test_similar_photos_stand_beside_the_answer(
    browser: Browser, identifier: Identifier, serve: Serve, album: Album
) -> None:
    complaints: list[str] = []
    for page in opened(browser, serve(identifier, Limits(), album=album), complaints):
        upload(page)
        expect(page.locator("#held h4")).to_have_count(2)
        images = page.locator("#held img")
        expect(images).to_have_count(8)
        name = identifier(PHOTO).candidates(top=1)[0].name
        expect(images.first).to_have_attribute("alt", f"{name}, similar photo 1")
        images.first.scroll_into_view_if_needed()
        width = images.first.evaluate("image => image.decode().then(() => image.naturalWidth)")
        assert width > 0
        images.first.click()
        large = page.locator("#large-photo")
        expect(large).to_have_attribute("alt", f"{name}, similar photo 1")
        script = "image => image.decode().then(() => image.naturalWidth)"
        assert large.evaluate(script) >= width
        page.keyboard.press("Escape")
        expect(page.locator("#large")).to_be_hidden()
        page.get_by_role("button", name="Español").click()
        expect(images.first).to_have_attribute("alt", re.compile(", foto parecida 1$"))
    assert complaints == []


def test_without_photos_there_are_links_that_open_on_a_click_alone(
    page: Page, found: Identification
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    upload(page)
    links = page.locator("#elsewhere a")
    named = [c for c in found.candidates() if c.scientific_name]
    expect(links.first).to_have_text(f"photos of {named[0].scientific_name}")
    assert links.count() >= len(named)
    for link in links.all():
        assert str(link.get_attribute("href")).startswith("https://www.gbif.org/species/search?q=")
        assert link.get_attribute("rel") == "noreferrer noopener"
    expect(page.locator("#held img")).to_have_count(0)
    assert not [url for url in asked if "gbif" in url]
    page.get_by_role("button", name="Español").click()
    expect(links.first).to_have_text(f"fotos de {named[0].scientific_name}")


def test_by_keyboard_alone(page: Page) -> None:
    upload(page)
    page.locator("#candidates button").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#candidates button").nth(1)).to_have_attribute("aria-pressed", "true")
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, canvas")].filter(
            (node) => !(node.textContent.trim() || node.getAttribute("aria-label")
                || node.labels?.[0]?.textContent.trim() || node.querySelector("img[alt]")?.alt)
        ).map((node) => node.outerHTML)"""
    )
    assert unnamed == []


def test_a_broken_photo_is_explained(page: Page, broken: Path, complaints: list[str]) -> None:
    upload(page)
    page.set_input_files("#file", broken)
    expect(page.locator("#error")).to_contain_text("not a photo that can be read")
    expect(page.locator("#result")).to_be_hidden()
    (complaint,) = complaints
    assert "422" in complaint
    complaints.clear()
    upload(page)  # and the next photo is answered
    expect(page.locator("#error")).to_be_empty()


def test_a_server_that_is_gone(page: Page, complaints: list[str]) -> None:
    page.context.set_offline(offline=True)
    page.set_input_files("#file", PHOTO)
    expect(page.locator("#error")).to_contain_text("cannot be reached")
    complaints.clear()


def test_a_drawing_that_does_not_come(page: Page, complaints: list[str]) -> None:
    page.context.set_offline(offline=True)
    page.locator("#samples button").first.click()
    expect(page.locator("#error")).to_contain_text("cannot be reached")
    complaints.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, server: str, scheme: str) -> None:
    settings = {"viewport": {"width": 360, "height": 740}, "color_scheme": scheme}
    for page in opened(browser, server, [], has_touch=True, is_mobile=True, **settings):
        upload(page)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        for button in page.locator("button:visible, select:visible").all():
            box = button.bounding_box()
            assert box
            assert box["height"] >= 40
