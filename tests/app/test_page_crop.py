"""A part of a photo, chosen before it is asked about."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.app.limits import Limits
from florascope.identify.identifier import Identifier

from .conftest import Serve
from .test_page import upload
from .test_page_waiting import Noting

COLOURS = {"upper left": "red", "upper right": "lime", "lower left": "blue", "lower right": "white"}


@pytest.fixture
def quarters(tmp_path: Path) -> Path:
    """A photo of 1200 x 800 in four colours."""
    photo = Image.new("RGB", (1200, 800))
    for k, colour in enumerate(COLOURS.values()):
        photo.paste(
            colour, (600 * (k % 2), 400 * (k // 2), 600 + 600 * (k % 2), 400 + k // 2 * 400)
        )
    photo.save(tmp_path / "quarters.png")
    return tmp_path / "quarters.png"


def slide(page: Page, **values: float) -> None:
    for name, value in values.items():
        page.locator(f"#{name}").fill(str(value))


def seen(body: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(body)) as image:
        return np.asarray(image.convert("RGB"), np.int64)


def test_a_part_is_asked_about(
    browser: Browser, identifier: Identifier, serve: Serve, quarters: Path
) -> None:
    noting = Noting(identifier)
    for page in opened(browser, serve(noting, Limits()), []):
        upload(page, quarters)
        page.get_by_role("button", name="Look closer at a part").click()
        slide(page, zoom=200, across=0, down=100)
        page.get_by_role("button", name="Ask about this part").click()
        expect(page.locator("#cropping")).to_be_hidden()
        expect(page.locator("#history-count")).to_have_text("Earlier answers (2)")
        part = seen(noting.arrived[1])
        assert part.shape == (400, 400, 3)  # as many pixels as the photo has there
        assert np.abs(part - (0, 0, 255)).max() < 12  # the lower left quarter, all blue
        page.locator("#recrop").click()  # goes on from there, in the whole photo
        expect(page.locator("#cropping")).to_be_visible()
        expect(page.locator("#zoom")).to_have_value("200")
        place = page.locator("#view").bounding_box()
        assert place
        x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x, y + place["height"] / 2)  # by half the view, which is half a quarter
        page.mouse.up()
        assert float(page.locator("#down").input_value()) == pytest.approx(50, abs=1)
        page.mouse.move(x, y)
        page.mouse.wheel(0, 100)
        expect(page.locator("#zoom")).not_to_have_value("200")
        assert float(page.locator("#zoom").input_value()) == pytest.approx(200 / 1.1, abs=1)
        page.locator("#cropped").click()
        expect(page.locator("#history-count")).to_have_text("Earlier answers (3)")
        part = seen(noting.arrived[2])
        assert np.abs(part[40] - (255, 0, 0)).max() < 12  # the upper quarter's red above
        assert np.abs(part[-40] - (0, 0, 255)).max() < 12
        assert len(noting.arrived) == 3


def test_before_anything_is_sent(
    browser: Browser, identifier: Identifier, serve: Serve, quarters: Path
) -> None:
    """The choice of several photos one after another; what is left out is not asked about."""
    noting = Noting(identifier)
    for page in opened(browser, serve(noting, Limits()), []):
        page.get_by_label("Choose a part of each photo first").check()
        page.set_input_files("#file", quarters)
        expect(page.locator("#cropping")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#cropping")).to_be_hidden()
        page.set_input_files("#file", [quarters, quarters, quarters])
        for across in (0, 100):
            slide(page, zoom=400, across=across, down=0)
            page.locator("#cropped").click()
            expect(page.locator("#zoom")).to_have_value("100")  # the next one's
        page.locator("#uncropped").click()
        expect(page.locator("#photos > li")).to_have_count(2)
        expect(page.locator("#several")).to_have_attribute("aria-busy", "false")
        assert [seen(body).mean((0, 1)).argmax() for body in noting.arrived] == [0, 1]  # red, green
