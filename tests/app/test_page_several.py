"""Several photos on the page: a list, its files, and one answer for views of one plant."""

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened
from tests.support.held import Held

from florascope.app import static_folder
from florascope.app.limits import Limits
from florascope.app.similar import Album
from florascope.identify.identifier import Identifier

from .conftest import Planted, Serve

PHOTOS = [static_folder() / "samples" / f"{k}.webp" for k in (1, 2, 3)]
FOXGLOVE, BELLS = "94", "3"


@pytest.fixture(scope="module")
def planted(identifier: Identifier) -> Identifier:
    """Canterbury bells, and perhaps foxglove, whatever the photo."""
    return Planted(identifier, {BELLS: 0.97, FOXGLOVE: 0.02})


def choose(page: Page, *photos: Path) -> None:
    page.set_input_files("#file", list(photos))
    expect(page.locator("#several")).to_have_attribute("aria-busy", "false")


def test_each_photo_is_answered_and_each_failure_named(
    browser: Browser, planted: Identifier, serve: Serve, broken: Path
) -> None:
    complaints: list[str] = []
    for page in opened(browser, serve(planted, Limits()), complaints):
        choose(page, *PHOTOS, broken)
        cards = page.locator("#photos > li")
        expect(cards).to_have_count(4)
        for card, photo in zip(cards.all(), [*PHOTOS, broken], strict=True):
            expect(card.locator("h3")).to_have_text(photo.name)
        expect(cards.first).to_contain_text("It may be Canterbury bells")
        width = "image => image.decode().then(() => image.naturalWidth)"
        assert cards.first.locator("img").evaluate(width) > 0
        deadly = cards.first.locator("li", has=page.locator(".harm[data-harm='deadly']"))
        expect(deadly).to_have_count(2)  # foxglove, which is a candidate too, once
        expect(deadly.first).to_contain_text("foxglove")
        expect(cards.last).to_contain_text("not a photo that can be read")
        status = page.locator("#status")
        expect(status).to_contain_text("3 of 4 photos are answered.")
        expect(status).to_contain_text("Without an answer: broken.jpg.")
        expect(status).to_contain_text("Beware, deadly: foxglove")
        cards.nth(1).get_by_role("button").click()
        expect(page.locator("#statement")).to_contain_text("Canterbury bells")
        expect(page.locator("#result")).to_be_focused()
        page.get_by_role("button", name="Español").click()
        expect(status).to_contain_text("Se respondieron 3 de 4 fotos.")
        expect(cards.first).to_contain_text("Puede ser campanilla de Canterbury")
    assert len([said for said in complaints if "422" in said]) == len(complaints) == 2


def test_the_list_is_taken_along_as_a_table_and_as_data(
    browser: Browser, planted: Identifier, serve: Serve, broken: Path, tmp_path: Path
) -> None:
    formula = tmp_path / "=cmd(1).webp"
    formula.write_bytes(PHOTOS[0].read_bytes())
    for page in opened(browser, serve(planted, Limits())):
        choose(page, formula, PHOTOS[1], broken)
        with page.expect_download() as table:
            page.locator("#csv").click()
        text = table.value.path().read_text("utf-8-sig")
        rows = list(csv.DictReader(text.splitlines()))
        assert [row["file"] for row in rows] == ["'=cmd(1).webp", "2.webp", "broken.jpg"]
        assert rows[0]["class_id"] == BELLS
        assert float(rows[0]["probability"]) == pytest.approx(0.97, abs=1e-3)
        assert "foxglove (deadly/deadly)" in rows[0]["cautions"]
        assert "monkshood (deadly/deadly)" in rows[0]["lookalikes"]
        assert "not a photo" in rows[2]["error"]
        with page.expect_download() as data:
            page.locator("#json").click()
        told = json.loads(data.value.path().read_text("utf-8"))
        assert told["schema"] == "florascope/1"
        assert [r["file"] for r in told["results"]] == ["=cmd(1).webp", "2.webp", "broken.jpg"]
        assert "crop" not in told["results"][0]


def test_views_of_one_plant_have_one_answer_and_each_its_map(
    browser: Browser, planted: Identifier, serve: Serve
) -> None:
    complaints: list[str] = []
    for page in opened(browser, serve(planted, Limits()), complaints):
        choose(page, *PHOTOS)
        page.locator("#together").click()
        expect(page.locator("#views button")).to_have_count(3)
        expect(page.locator("#statement")).to_contain_text("This is Canterbury bells")
        expect(page.locator("#of-photos")).to_have_text("3 photos together")
        expect(page.locator("#cautions")).to_contain_text("foxglove")
        page.locator("#mapped").click()
        drawn = "canvas => canvas.toDataURL()"
        pictures = set()
        for button in page.locator("#views button").all():
            button.click()
            expect(button).to_have_attribute("aria-pressed", "true")
            pictures.add(page.locator("#picture").evaluate(drawn))
        assert len(pictures) == 3
        page.locator("#candidates button").nth(1).click()  # its map is there for every photo
        expect(page.locator("#question")).to_contain_text("foxglove")
    assert complaints == []


def test_a_photo_alone_ends_the_list(browser: Browser, planted: Identifier, serve: Serve) -> None:
    for page in opened(browser, serve(planted, Limits())):
        choose(page, *PHOTOS[:2])
        page.set_input_files("#file", PHOTOS[2])
        expect(page.locator("#result")).to_be_visible()
        expect(page.locator("#several")).to_be_hidden()
        expect(page.locator("#views")).to_be_hidden()


def test_more_than_twenty(browser: Browser, planted: Identifier, serve: Serve) -> None:
    for page in opened(browser, serve(planted, Limits())):
        Held(page, "**/api/identify?*")
        page.set_input_files("#file", [PHOTOS[0]] * 22)
        expect(page.locator("#photos > li")).to_have_count(20)
        page.locator("#several-cancel").click()
        expect(page.locator("#several")).to_have_attribute("aria-busy", "false")
        expect(page.locator("#status")).to_contain_text("At most 20 at a time: 2 more were left")


def test_the_guards_hold_for_several(
    browser: Browser, identifier: Identifier, serve: Serve, album: Album
) -> None:
    """A refused photo has no candidates in the table and no marks in the list."""
    refusing = Planted(identifier, {FOXGLOVE: 0.99}, alike=0.1)
    for page in opened(browser, serve(refusing, Limits(), album=album)):
        choose(page, *PHOTOS[:2])
        expect(page.locator("#photos .marks")).to_have_count(0)
        with page.expect_download() as table:
            page.locator("#csv").click()
        rows = list(csv.DictReader(table.value.path().read_text("utf-8-sig").splitlines()))
        assert [(row["level"], row["class_id"], row["cautions"]) for row in rows] == [
            ("none", "", "")
        ] * 2
        page.locator("#together").click()
        expect(page.locator("#level")).to_have_text("Not known")
