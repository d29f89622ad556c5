"""While an answer is on its way, and where none comes."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.app import static_folder
from florascope.app.limits import Limits
from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier
from florascope.identify.prior import Occasion
from florascope.images import RGB

from .conftest import Serve
from .test_page import PHOTO, sent, upload
from .test_server import Slow

OTHER = static_folder() / "samples" / "1.webp"
LIMIT_MS = 46_000


@pytest.fixture
def slow(identifier: Identifier) -> Iterator[Slow]:
    made = Slow(identifier)
    made.go.set()
    yield made
    made.go.set()


@pytest.fixture
def waiting(browser: Browser, slow: Slow, serve: Serve) -> Iterator[Page]:
    """A first photo was answered, a second one is on its way."""
    for page in opened(browser, serve(slow, Limits()), []):
        upload(page)
        slow.go.clear()
        page.set_input_files("#file", OTHER)
        expect(page.locator("#waiting")).to_be_visible()
        yield page


def test_the_old_answer_goes_at_once(waiting: Page, slow: Slow) -> None:
    expect(waiting.locator("#result")).to_be_hidden()
    width = "image => image.decode().then(() => image.naturalWidth)"
    assert waiting.locator("#preview").evaluate(width) > 0
    expect(waiting.locator("#progress")).to_be_visible()
    slow.go.set()
    expect(waiting.locator("#result")).to_be_visible()
    expect(waiting.locator("#waiting")).to_be_hidden()


def test_cancelled_and_asked_again(waiting: Page, slow: Slow) -> None:
    waiting.get_by_role("button", name="Cancel").click()
    expect(waiting.locator("#status")).to_contain_text("Stopped")
    expect(waiting.locator("#waiting")).to_be_hidden()
    slow.go.set()
    waiting.get_by_role("button", name="Try again").click()
    expect(waiting.locator("#result")).to_be_visible()
    expect(waiting.locator("#again")).to_be_hidden()


def test_a_newer_photo_ends_the_older_ones_wait(waiting: Page, slow: Slow) -> None:
    waiting.set_input_files("#file", PHOTO)
    slow.go.set()
    expect(waiting.locator("#result")).to_be_visible()
    expect(waiting.locator("#error")).to_be_empty()


def test_nobody_waits_for_ever(browser: Browser, server: str) -> None:
    for page in opened(browser, server, []):
        page.clock.install()
        page.route("**/api/identify*", lambda _: None)  # it never answers
        page.set_input_files("#file", PHOTO)
        expect(page.locator("#waiting")).to_be_visible()
        page.clock.fast_forward(LIMIT_MS)
        expect(page.locator("#error")).to_contain_text("No answer came for a long time")
        page.unroute_all(behavior="ignoreErrors")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#result")).to_be_visible()


def test_connections_and_answers_that_break_off(browser: Browser, server: str) -> None:
    for page in opened(browser, server, []):
        page.route("**/api/identify*", lambda route: route.abort("connectionreset"))
        page.set_input_files("#file", PHOTO)
        expect(page.locator("#error")).to_contain_text("The connection broke off")
        page.unroute_all(behavior="ignoreErrors")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#result")).to_be_visible()
        page.route("**/api/identify*", lambda route: route.fulfill(body='{"schema": "flor'))
        page.set_input_files("#file", OTHER)
        expect(page.locator("#error")).to_contain_text("The connection broke off")
        expect(page.locator("#result")).to_be_hidden()


class Noting(Identifier):
    """Keeps the bytes that arrive."""

    def __init__(self, identifier: Identifier) -> None:
        vars(self).update(vars(identifier))
        self.arrived: list[bytes] = []

    def __call__(
        self, photo: RGB | bytes | Path, occasion: Occasion | None = None
    ) -> Identification:
        assert isinstance(photo, bytes)
        self.arrived.append(photo)
        return super().__call__(photo)


def phone(path: Path) -> Path:
    """12 megapixels, held upright."""
    grain = np.random.default_rng(0).integers(0, 256, (500, 375, 3), dtype=np.uint8)
    turned = Image.Exif()
    turned[274] = 6
    lying = Image.fromarray(grain).resize((3000, 4000)).rotate(90, expand=True)
    lying.save(path, exif=turned, quality=92)
    return path


def noise(path: Path, side: int) -> Path:
    Image.effect_noise((side, side), 60).convert("RGB").save(path)
    return path


def test_what_travels(
    browser: Browser, identifier: Identifier, serve: Serve, tmp_path: Path
) -> None:
    """Twice the 256 pixels that the network wants; a small photo as it is, but AVIF as JPEG."""
    noting, large = Noting(identifier), phone(tmp_path / "phone.jpg")
    avif = [noise(tmp_path / f"{side}.avif", side) for side in (200, 700)]
    for page in opened(browser, serve(noting, Limits()), []):
        for photo in (large, PHOTO, *avif):
            upload(page, photo)
    sizes, forms = [], []
    for body in noting.arrived:
        with Image.open(io.BytesIO(body)) as image:
            sizes.append(image.size)
            forms.append(image.format)
    assert sizes == [(512, 683), (288, 288), (200, 200), (512, 512)]
    assert forms == ["JPEG", "WEBP", "JPEG", "JPEG"]
    assert noting.arrived[1] == PHOTO.read_bytes()
    assert len(noting.arrived[0]) < large.stat().st_size / 10


def heic(size: int) -> bytes:
    return b"\0\0\0\x18ftypheic" + bytes(size)


def test_what_is_wrong_in_a_persons_words(browser: Browser, server: str, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    for page in opened(browser, server, []):
        for content, said in (
            (b"", "empty (0 bytes)"),
            (heic(100), "This is a HEIC photo"),
            (heic(2**21), "This is a HEIC photo"),
            (b"hello", "not a photo that can be read"),
        ):
            photo.write_bytes(content)
            sent(page, photo)
            expect(page.locator("#error")).to_contain_text(said)
        page.route("**/api/identify*", lambda route: route.fulfill(status=429))
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#error")).to_contain_text("Too many photos are waiting")
