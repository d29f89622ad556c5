"""The photo and the evidence over it, in a real browser."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from florascope.identify.identification import Identification
from florascope.identify.identifier import Identifier

from .test_page import PHOTO, crop, upload


@pytest.fixture(scope="module")
def found(identifier: Identifier) -> Identification:
    return identifier(PHOTO)


def pixels(page: Page) -> np.ndarray:
    """(size, size, 3) of the canvas."""
    address = crop(page).split(",")[1]
    with Image.open(io.BytesIO(base64.b64decode(address))) as image:
        return np.asarray(image.convert("RGB"), np.int64)


def test_the_photo_comes_first_as_it_is(page: Page, found: Identification) -> None:
    upload(page)
    assert np.abs(pixels(page) - found.observation.crop).mean() < 2  # JPEG's own loss
    expect(page.locator("#mapping")).to_be_hidden()
    bare = crop(page)
    page.get_by_role("button", name="Show where the evidence lies").click()
    expect(page.locator("#mapping")).to_be_visible()
    assert crop(page) != bare
    page.get_by_role("button", name="Show the photo as it is").click()
    assert crop(page) == bare


def test_the_map_follows_the_candidate_and_the_rival(page: Page, found: Identification) -> None:
    upload(page)
    one, two = found.candidates(top=2)
    page.locator("#mapped").click()
    first = crop(page)
    page.locator("#candidates button").nth(1).click()
    expect(page.locator("#question")).to_have_text(f"Why {two.name}?")
    second = crop(page)
    page.select_option("#against", one.class_id)
    expect(page.locator("#question")).to_have_text(f"Why {two.name} and not {one.name}?")
    assert len({first, second, crop(page)}) == 3
    page.select_option("#for", one.class_id)  # a class is never compared with itself
    expect(page.locator("#against")).to_have_value("")
    assert crop(page) == first


def test_a_candidate_brings_the_map(page: Page) -> None:
    upload(page)
    page.locator("#candidates button").nth(1).click()
    expect(page.locator("#mapping")).to_be_visible()


def test_the_map_is_accounted_for_under_figures(page: Page, found: Identification) -> None:
    """The logit less the sum of its map, with one digit, in both languages."""
    upload(page)
    page.locator("#mapped").click()
    expect(page.locator("#account")).to_be_hidden()
    page.get_by_text("Figures").click()
    one, two = found.candidates(top=2)
    logits, maps = found.observation.logits, found.observation.maps
    assert maps is not None
    biases = logits - maps.sum((1, 2))
    whole, rest = minus(logits[one.index]), minus(biases[one.index])
    told = f"Of the logit of {whole}, {rest} is independent of the photo."
    expect(page.locator("#account")).to_have_text(told)
    page.select_option("#against", two.class_id)
    gap, rest = (minus(values[one.index] - values[two.index]) for values in (logits, biases))
    told = f"Of the difference of {gap}, {rest} is independent of the photo."
    expect(page.locator("#account")).to_have_text(told)
    page.get_by_role("button", name="Español").click()
    expect(page.locator("#status")).to_contain_text("lista")
    page.locator("#mapped").click()
    expect(page.locator("#account")).to_contain_text("no depende de la foto")


def minus(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")


def test_the_slider_uncovers_the_photo(page: Page) -> None:
    upload(page)
    bare = crop(page)
    page.locator("#mapped").click()
    assert crop(page) != bare
    page.locator("#opacity").fill("0")
    assert crop(page) == bare
    page.select_option("#against", index=2)
    assert crop(page) == bare  # without strength there is the photo alone


def test_colours_stay_and_light_is_the_evidence(page: Page, found: Identification) -> None:
    """Pixels are the photo's times one number a place, the larger the more speaks for the class."""
    upload(page)
    photo = pixels(page)
    page.locator("#mapped").click()
    page.locator("#opacity").fill("100")
    lit = pixels(page).sum(2) / np.maximum(photo.sum(2), 1)
    evidence = found.evidence(found.candidates(top=1)[0].index)
    clear = photo.sum(2) > 150  # in the dark, rounding is all there is
    strong, weak = evidence > np.quantile(evidence, 0.97), evidence < np.quantile(evidence, 0.3)
    assert np.median(lit[strong & clear]) > np.median(lit[weak & clear]) + 0.1
    dimmed = pixels(page)[weak & clear]
    before = photo[weak & clear]
    hue = np.abs(dimmed / dimmed.sum(1, keepdims=True) - before / before.sum(1, keepdims=True))
    assert np.median(hue) < 0.02


def test_words_say_where_the_evidence_lies(page: Page, found: Identification) -> None:
    """The two ninths with the most of what speaks for the class, computed here by NumPy."""
    upload(page)
    page.locator("#mapped").click()
    maps, first = found.observation.maps, found.candidates(top=1)[0]
    assert maps is not None
    positive = maps[first.index].clip(0)
    rows = np.minimum((np.arange(len(positive)) + 0.5) * 3 // len(positive), 2).astype(int)
    shares = np.zeros((3, 3))
    np.add.at(shares, (rows[:, None], rows[None, :]), positive / positive.sum())
    names = [
        f"{down} {across}".replace("middle centre", "centre").replace(
            "centre", "middle", down != "middle"
        )
        for down in ("upper", "middle", "lower")
        for across in ("left", "centre", "right")
    ]
    best = names[int(shares.argmax())]
    said = f"{round(100 * shares.max())} % lies in the {best}"
    expect(page.locator("#where")).to_contain_text(said)
    label = str(page.locator("#picture").get_attribute("aria-label"))
    assert f"Why {first.name}?" in label
    assert said in label
