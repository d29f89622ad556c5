"""A person's way through the workbench, in a real browser: from a dropped folder to a model."""

import re
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.garden import garden
from florascope.identify.identifier import Identifier

SPECIES, EACH, SIDE = 10, 20, 48
PATIENCE = 90_000  # milliseconds for a worker that imports PyTorch on a busy machine
WRONG = "sun disc"  # what a photo of another species is filed under


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 200 small garden photos of ten species, the first of which is filed wrongly."""
    root, flowers = tmp_path_factory.mktemp("drawn") / "garden", garden(EACH, size=SIDE)
    chosen = [i for i, k in enumerate(flowers.labels) if k < SPECIES]
    for i in chosen:
        name = flowers.classes[int(flowers.labels[i])].name if i else WRONG
        (root / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(flowers.photos[i].read()).save(root / name / f"{i}.png")
    return root


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[str]:
    """`florascope studio` as a user starts it, without photos; its address."""
    yield from started("--project", tmp_path / "mine")


@pytest.fixture(scope="module")
def linked(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same around a folder of this machine."""
    yield from started(drawn, "--project", tmp_path_factory.mktemp("linked") / "mine")


def started(*arguments: object) -> Iterator[str]:
    words = map(str, arguments)
    command = [sys.executable, "-m", "florascope", "studio", *words, "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    yield found[0]
    process.terminate()
    process.communicate(timeout=20)


DROP = """async ([target, files]) => {
  // What a browser hands over when a folder is dropped: entries that are read in parts.
  const decoded = (bytes) => Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  const file = (path, bytes) => ({
    isFile: true, fullPath: path,
    file: (done) => done(new File([decoded(bytes)], path.split("/").at(-1))),
  });
  const entries = files.map(([path, bytes]) => file(path, bytes));
  const parts = [entries.slice(0, 100), entries.slice(100), []];
  const reader = { readEntries: (done) => done(parts.shift()) };
  const folder = { isFile: false, createReader: () => reader };
  const event = new Event("drop", { bubbles: true, cancelable: true });
  event.dataTransfer = { types: ["Files"], items: [{ webkitGetAsEntry: () => folder }] };
  document.querySelector(target).dispatchEvent(event);
}"""


def drop(page: Page, folder: Path) -> None:
    paths = sorted(folder.rglob("*.png"))
    names = [f"/{path.relative_to(folder.parent).as_posix()}" for path in paths]
    files = [b64encode(path.read_bytes()).decode() for path in paths]
    page.evaluate(DROP, ["main", list(zip(names, files, strict=True))])


def test_from_a_dropped_folder_to_a_model_that_identifies(
    browser: Browser, studio: str, drawn: Path, tmp_path: Path
) -> None:
    complaints: list[str] = []
    for page in opened(browser, studio, complaints, viewport={"width": 1366, "height": 768}):
        expect(page.get_by_role("heading", name="Drop a folder of photos here")).to_be_visible()
        drop(page, drawn)
        expect(page.locator("#notice")).to_contain_text("200 photos were added.", timeout=PATIENCE)
        expect(page.locator(".classes button").first).to_have_text("All200")
        mend(page)
        train(page)
        look(page)
        ask(page)
        label(page, drawn)
        take(page, tmp_path, drawn)
    assert complaints == []


def mend(page: Page) -> None:
    """The photo that lies in another's folder gets its class back; a slip is undone."""
    page.locator(".classes button", has_text=WRONG).click()
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(21)
    tiles.and_(page.get_by_title("0.png", exact=True)).click()
    expect(page.locator(".bar .count")).to_have_text("1 selected")
    page.get_by_label("Give a class").select_option("five star")
    expect(page.locator("#notice")).to_contain_text("One photo is now five star.")
    expect(tiles).to_have_count(20)
    tiles.first.click()
    page.get_by_role("button", name="Leave out").click()
    expect(tiles).to_have_count(19)
    page.locator("#undo").click()
    expect(tiles).to_have_count(20)
    expect(page.locator(".classes button", has_text="Left out")).to_have_count(0)


def train(page: Page) -> None:
    page.get_by_role("link", name="Train", exact=True).click()
    page.get_by_label("Name", exact=True).fill("mended")
    page.get_by_label("Starts from").select_option("flowers")
    page.locator("#start").click()
    expect(page.locator("#going")).to_be_visible()
    expect(page.get_by_role("heading", name="mended")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".figure strong")).to_have_text(re.compile(r"^\d+(\.\d)?%$"))
    expect(page.locator("main")).to_contain_text("Measured on 20 photos that took no part")


def look(page: Page) -> None:
    """A cell of the confusions shows its photos, each with its map."""
    cell = page.locator(".matrix button").first
    count = int(cell.inner_text())
    cell.click()
    expect(page.locator("#cell figure")).to_have_count(count)
    image = page.locator("#cell img").first
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("image => image.naturalWidth") == 224
    page.locator("#cell button.picture").first.click()
    expect(page.locator("#large figure")).not_to_have_count(0)
    page.get_by_role("button", name="Close").click()
    assert not re.search("null|undefined|NaN", page.locator("main").inner_text())


def ask(page: Page) -> None:
    page.locator("#ask-doctor").click()
    expect(page.locator("#ask-doctor")).to_have_text("Ask again", timeout=PATIENCE)
    expect(page.locator("#doctor .finding, #doctor p").nth(1)).to_be_visible()
    page.locator("[data-language=es]").click()
    expect(page.locator("#doctor h2")).to_have_text("El doctor")
    expect(page.locator("#doctor [lang=en]")).to_have_count(0)
    page.locator("[data-language=en]").click()
    expect(page.locator("#doctor h2")).to_have_text("The doctor")


def label(page: Page, drawn: Path) -> None:
    """Two photos come in unsorted; the run asks for them, and what they are told can be undone."""
    run = page.url
    expect(page.locator("#next")).to_contain_text("There are no unsorted photos.")
    expect(page.locator("#suggest")).to_be_disabled()
    page.get_by_role("link", name="Photos", exact=True).click()
    page.locator(".bar #files").set_input_files(
        [drawn / "spiral rose" / f"{k}.png" for k in (181, 182)]
    )
    expect(page.locator("#notice")).to_contain_text("2 photos were added.")
    page.goto(run)
    page.locator("#suggest").click()
    rows = page.locator("#next .mend")
    expect(rows).to_have_count(2, timeout=PATIENCE)
    expect(rows.first).to_contain_text("Looks like ")
    rows.first.get_by_role("button", name="It is ").click()
    expect(rows).to_have_count(1)
    page.locator("#notice").get_by_role("button", name="Undo").click()
    expect(rows).to_have_count(2)
    for left in (1, 0):
        rows.first.get_by_label("Give a class").select_option("spiral rose")
        expect(rows).to_have_count(left)
    done = "All that was suggested has a label: train again."
    expect(page.locator("#next")).to_contain_text(done)


def take(page: Page, folder: Path, drawn: Path) -> None:
    """The bundle identifies on its own, and the page offers to try it."""
    with page.expect_download() as saved:
        page.locator("#bundle").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        archive.extractall(folder)
    photo = drawn / "spiral rose" / "180.png"
    found = Identifier(folder / "bundle")(photo)
    assert found.candidates(top=1)[0].class_id in {path.name for path in drawn.iterdir()}
    with page.context.expect_page() as tried:  # not of this page: noopener
        page.locator("#try").click()
    tried.value.wait_for_load_state()  # before, nobody listens for a photo
    tried.value.locator("#file").set_input_files(photo)
    expect(tried.value.locator("#statement")).not_to_be_empty(timeout=PATIENCE)


@pytest.mark.parametrize("width", [390, 1366])
def test_every_view_fits_in_both_languages(browser: Browser, linked: str, width: int) -> None:
    size = {"width": width, "height": 800}
    complaints: list[str] = []
    for page in opened(browser, linked, complaints, viewport=size, locale="es-ES"):
        for view in ("photos", "health", "train", "runs"):
            page.goto(f"{linked}#{view}")
            expect(page.locator("nav a[aria-current]")).to_have_attribute("href", f"#{view}")
            expect(page.locator("h1")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, view
        expect(page.locator("html")).to_have_attribute("lang", "es")
        expect(page.locator("nav")).to_contain_text("Salud")
        page.get_by_role("button", name="English").click()
        expect(page.locator("nav")).to_contain_text("Health")
    assert complaints == []


def test_the_grid_goes_by_keyboard(browser: Browser, linked: str) -> None:
    for page in opened(browser, linked, viewport={"width": 800, "height": 700}):
        page.locator(".tile").first.focus()
        page.keyboard.press("Space")
        page.keyboard.press("Shift+ArrowRight")
        expect(page.locator(".bar .count")).to_have_text("2 selected")
        page.keyboard.press("End")
        last = page.locator(".tile:focus")
        assert last.evaluate("tile => [tile.ariaPosInSet, tile.ariaSetSize]") == ["200", "200"]
        page.keyboard.press("Control+a")
        expect(page.locator(".bar .count")).to_have_text("200 selected")
        page.keyboard.press("Escape")
        expect(page.locator(".bar .count")).to_have_text("200 photos")
        assert page.locator(".tile").count() < 100
