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
from tests.support.held import Held

from florascope.data.species import Language
from florascope.garden import garden
from florascope.identify.identification import Identification
from florascope.identify.model import Model

from .conftest import Site

PER_CLASS = 5
LEARNT = 3
NAMES = ("foxglove", "Sweet  pea", 'a "plant", mine')  # two are of known species
IDENTIFY = """async ([text, language]) => {
    const { identify } = await import(new URL("static/local.js", document.baseURI));
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return identify(new Blob([bytes]), { language });
}"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLORASCOPE_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Five photos of each of three garden species: three to learn from, the last for later."""
    folder, drawn = tmp_path_factory.mktemp("garden"), garden(PER_CLASS, size=96)
    made: dict[str, list[Path]] = {}
    for label, name in enumerate(NAMES):
        for place in np.flatnonzero(drawn.labels == label).tolist():
            path = folder / f"{label}-{place}.png"
            Image.fromarray(drawn.photos[place].read()).save(path)
            made.setdefault(" ".join(name.split()), []).append(path)
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


def identified(page: Page, photo: Path, language: Language = "en") -> Any:
    text = base64.b64encode(photo.read_bytes()).decode()
    return page.evaluate(IDENTIFY, [text, language])


def downloaded(page: Page, path: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the model").click()
    download.value.save_as(path)
    return path


def agree(found: Any, truth: Identification, language: Language) -> None:
    """That the browser and Python say the same of a photo."""
    gap = np.abs(np.array(found["logits"]) - truth.observation.logits).max()
    assert gap <= 1e-4
    expected = truth.to_json(language)
    assert found["verdict"]["statement"] == expected["verdict"]["statement"]
    for part in ("prediction_set", "cautions", "lookalikes", "calibration", "advice"):
        assert found[part] == expected[part], part
    for one, other in zip(found["candidates"], expected["candidates"], strict=True):
        assert one.pop("probability") == pytest.approx(other.pop("probability"), abs=1e-5)
        assert one == other
    assert truth.observation.maps is not None
    first = truth.candidates()[0]
    maps = found["maps"]["values"][first.class_id]
    np.testing.assert_allclose(maps, truth.observation.maps[first.index].ravel(), atol=1e-3)


def test_what_is_taught_answers_alike_in_python(
    page: Page, site: Site, photos: dict[str, list[Path]], tmp_path: Path
) -> None:
    teach(page, photos)
    learn(page)
    expect(page.locator("#outcome-title")).to_have_text("It learnt 3 classes from 9 photos")
    expect(page.locator("#tested")).to_contain_text("Of 9 photos that were each answered")
    expect(page.locator("#harms li")).to_have_count(3)
    expect(page.locator("#harms li").first).to_contain_text("deadly to people")
    model = Model(downloaded(page, tmp_path / "taught.zip"))
    page.locator("#use").click()
    expect(page.locator("#known-count")).to_have_text("It knows 3 kinds, and nothing else.")
    assert [one.name for one in model.classes] == list(photos)
    languages: tuple[Language, ...] = ("en", "es", "en")
    for paths, language in zip(photos.values(), languages, strict=True):
        truth = model.identify(paths[-1])
        assert truth.calibration is not None
        assert truth.calibration.photos == 9
        found = identified(page, paths[-1], language)
        assert "9" in found["calibration"]["remark"]
        agree(found, truth, language)


def test_one_photo_of_a_class_gives_candidates_alone(
    page: Page, site: Site, photos: dict[str, list[Path]], tmp_path: Path
) -> None:
    """Nothing could be left out to test it, so no confidence is claimed."""
    teach(page, photos, 1)
    learn(page)
    expect(page.locator("#tested")).to_contain_text("it only ever names candidates")
    model = Model(downloaded(page, tmp_path / "taught.zip"))
    page.locator("#use").click()
    path = photos["foxglove"][-1]
    truth = model.identify(path)
    assert truth.calibration is None
    agree(identified(page, path), truth, "en")
    assert truth.to_json()["verdict"]["level"] == "unsure"


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
    page.get_by_role("button", name="Remove photo 1 of").first.click()
    expect(page.get_by_role("button", name="Learn")).to_be_disabled()
    page.get_by_role("button", name="Delete all that was taught").click()
    expect(page.locator("#classes > li")).to_have_count(0)
    page.goto(f"{site.address}?model=taught")
    expect(page.locator("h1")).to_have_text("Which flower is this?")


def test_what_is_added_before_all_is_there_comes_after_what_was_kept(
    browser: Browser, site: Site
) -> None:
    for page in opened(browser, f"{site.address}teach.html", service_workers="block"):
        name, classes = page.locator("#name"), page.locator("#classes h2")
        name.fill("rose")
        name.press("Enter")
        expect(classes).to_have_text(["rose"])
        held = Held(page, "**/model.json")
        page.reload()
        held.wait_for(1)
        page.get_by_role("button", name="Español").click()
        name.fill("tulip")
        name.press("Enter")
        held.let_go()
        held.end()
        expect(classes).to_have_text(["rose", "tulip"])
        expect(page.locator("html")).to_have_attribute("lang", "es")
        page.reload()
        expect(classes).to_have_text(["rose", "tulip"])


def test_what_cannot_be_taught_is_told(
    page: Page, photos: dict[str, list[Path]], tmp_path: Path
) -> None:
    def add(name: str) -> None:
        page.locator("#name").fill(name)
        page.locator("#name").press("Enter")

    wrong = [tmp_path / name for name in ("broken.jpg", "empty.png", "notes.txt")]
    for path, data in zip(wrong, (b"\xff\xd8\xff no photo", b"", b"text"), strict=True):
        path.write_bytes(data)
    path = photos["foxglove"][0]
    smaller = tmp_path / "again.jpg"
    Image.open(path).convert("RGB").resize((80, 80)).save(smaller, quality=85)
    error = page.locator("#error")
    add("Foxglove")
    for name in ("FOXGLOVE", "Digitalis purpurea", "dedalera"):  # the same plant
        add(name)
        expect(error).to_have_text("That is the class Foxglove already.")
    add("rose")
    page.get_by_label("Choose photos of Foxglove").set_input_files([path, *wrong, smaller])
    expect(error).to_have_text(
        "Not photos that can be read: broken.jpg, empty.png, notes.txt. There already, or nearly"
        " the same, and so left out: again.jpg (Foxglove)."
    )
    page.get_by_label("Choose photos of rose").set_input_files(path)
    expect(error).to_contain_text(f"left out: {path.name} (Foxglove).")
    expect(page.locator("#classes img")).to_have_count(1)
    add("r\u202eose")
    expect(error).to_have_text("This name holds signs that cannot be shown.")
    page.get_by_role("button", name="Español").click()
    add("rose")
    expect(error).to_have_text("Esa ya es la clase rose.")
