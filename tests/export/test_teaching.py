"""Teaching in a real Chromium: garden photos in, a bundle out that Python answers alike."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.garden import garden
from florascope.identify.model import Model

from .conftest import Site

PER_CLASS = 5
LEARNT = 3
IDENTIFY = """async (text) => {
    const { identify } = await import(new URL("static/local.js", document.baseURI));
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return identify(new Blob([bytes]), { language: "en" });
}"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Five photos of each of three garden species: three to learn from, the last for later."""
    folder, drawn = tmp_path_factory.mktemp("garden"), garden(PER_CLASS, size=96)
    made: dict[str, list[Path]] = {}
    for label, known in list(enumerate(drawn.classes))[:3]:
        for place in np.flatnonzero(drawn.labels == label):
            path = folder / f"{known.id}-{place}.png"
            Image.fromarray(drawn.photos[place].read()).save(path)
            made.setdefault(known.name, []).append(path)
    return made


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The teaching page, which may ask its own server and nobody else."""
    complaints: list[str] = []
    asked: list[str] = []
    for page in opened(browser, "about:blank", complaints, accept_downloads=True):
        page.context.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        page.goto(f"{site.address}teach.html")
        yield page
    own = tuple(f"GET {start}" for start in (site.address, "data:", "blob:http://127"))
    assert [one for one in asked if not one.startswith(own)] == []
    assert complaints == []


def teach(page: Page, photos: dict[str, list[Path]], count: int = LEARNT) -> None:
    for name, paths in photos.items():
        page.locator("#name").fill(name)
        page.get_by_role("button", name="Add the class").click()
        page.get_by_label(f"Choose photos of {name}").set_input_files(paths[:count])
        card = page.locator("#classes > li").filter(has_text=name)
        expect(card.locator("img")).to_have_count(count)


def learn(page: Page) -> None:
    page.get_by_role("button", name="Learn").click()
    expect(page.locator("#outcome")).to_be_visible()


def identified(page: Page, photo: Path) -> Any:
    return page.evaluate(IDENTIFY, base64.b64encode(photo.read_bytes()).decode())


def test_what_is_taught_answers_alike_in_python(
    page: Page, site: Site, photos: dict[str, list[Path]], tmp_path: Path
) -> None:
    teach(page, photos)
    learn(page)
    expect(page.locator("#outcome-title")).to_have_text("It learnt 3 classes from 9 photos")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the model").click()
    download.value.save_as(tmp_path / "taught.zip")
    page.locator("#use").click()
    expect(page.locator("#known-count")).to_have_text("It knows 3 kinds, and nothing else.")
    model = Model(tmp_path / "taught.zip")
    assert [one.name for one in model.classes] == list(photos)
    for paths in photos.values():
        found, truth = identified(page, paths[-1]), model.identify(paths[-1])
        gap = np.abs(np.array(found["logits"]) - truth.observation.logits).max()
        assert gap <= 1e-4
        assert found["verdict"]["statement"] == truth.statement()
        assert truth.calibration is not None
        assert truth.calibration.photos == 9
        expected = truth.to_json()
        assert found["prediction_set"] == expected["prediction_set"]
        assert "9 photos" in found["calibration"]["remark"]
        assert truth.observation.maps is not None
        first = truth.candidates()[0]
        maps = found["maps"]["values"][first.class_id]
        np.testing.assert_allclose(maps, truth.observation.maps[first.index].ravel(), atol=1e-3)


def test_it_is_kept_until_it_is_deleted(
    page: Page, site: Site, photos: dict[str, list[Path]]
) -> None:
    teach(page, photos, 2)
    learn(page)
    page.reload()
    expect(page.locator("#outcome-title")).to_have_text("It learnt 3 classes from 6 photos")
    page.get_by_role("button", name="Español").click()
    expect(page.locator("#outcome-title")).to_have_text("Aprendió 3 clases con 6 fotos")
    page.get_by_role("button", name="English").click()
    page.get_by_role("button", name="Remove photo 1 of").first.click()
    expect(page.locator("#outcome")).to_be_hidden()  # what was learnt from it is gone
    expect(page.get_by_role("button", name="Learn")).to_be_disabled()
    page.get_by_role("button", name="Delete all that was taught").click()
    expect(page.locator("#classes > li")).to_have_count(0)
    page.goto(f"{site.address}?model=taught")
    expect(page.locator("h1")).to_have_text("Which flower is this?")


def test_what_cannot_be_taught_is_told(page: Page, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    for _ in range(2):
        page.locator("#name").fill("rose")
        page.get_by_role("button", name="Add the class").click()
    expect(page.locator("#error")).to_have_text("There is a class of this name already.")
    page.get_by_label("Choose photos of rose").set_input_files(tmp_path / "broken.jpg")
    expect(page.locator("#error")).to_have_text("Not photos that can be read: broken.jpg.")
    page.locator("#name").fill("r\u202eose")
    page.get_by_role("button", name="Add the class").click()
    expect(page.locator("#error")).to_have_text("This name holds signs that cannot be shown.")
