"""What the page says of harm, and that its figures go with its verdict."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.chromium import opened

from florascope.app.limits import Limits
from florascope.identify.identifier import Identifier

from .conftest import Planted, Serve
from .test_page import upload

BELLS, ROSE_OF_LENT, FOXGLOVE, HIBISCUS = "3", "40", "94", "55"
Answered = Callable[..., Page]


@pytest.fixture
def answered(browser: Browser, identifier: Identifier, serve: Serve) -> Iterator[Answered]:
    """Open the page and have a photo answered as it is planted."""
    pages: list[Iterator[Page]] = []
    complaints: list[str] = []

    def ask(shares: dict[str, float], alike: float = 0.99, nearest: str = "1") -> Page:
        server = serve(Planted(identifier, shares, alike, nearest), Limits())
        pages.append(opened(browser, server, complaints))
        page = next(pages[-1])
        upload(page)
        return page

    yield ask
    for page in pages:
        next(page, None)
    assert complaints == []


def colour(page: Page, selector: str, what: str) -> str:
    script = f"node => getComputedStyle(node).{what}"
    return str(page.locator(selector).first.evaluate(script))


def test_a_deadly_lookalike_is_marked_beside_the_verdict(answered: Answered) -> None:
    """Canterbury bells themselves do no known harm; monkshood and foxglove look like them."""
    page = answered({BELLS: 0.999})
    expect(page.locator("#cautions")).to_be_hidden()
    box = page.locator(".verdict #lookalikes")
    expect(box).to_have_attribute("data-harm", "deadly")
    marked = box.locator("li", has=page.locator(".harm[data-harm='deadly']"))
    expect(marked).to_have_text(
        [re.compile("monkshood.*deadly to people and pets"), re.compile("foxglove")]
    )
    expect(box.locator("li").first).to_contain_text("monkshood")  # the worst first
    expect(page.locator("#status")).to_have_text(
        "The answer is ready. Beware, deadly: monkshood, foxglove."
    )
    assert "lookalikes" in str(page.locator("#result").get_attribute("aria-describedby"))
    page.get_by_role("button", name="Español").click()
    expect(page.locator("#status")).to_contain_text("Cuidado, mortal: acónito, dedalera.")
    expect(marked.first).to_contain_text("mortal para personas y mascotas")


def test_every_plant_that_is_named_carries_its_harm(answered: Answered) -> None:
    """Foxglove at 0.5 % is a mere candidate, and its photos are linked."""
    page = answered({BELLS: 0.99, FOXGLOVE: 0.005})
    for place in ("#candidates", "#elsewhere"):
        plant = page.locator(f"{place} li", has_text=re.compile("foxglove|Digitalis"))
        expect(plant.locator(".harm[data-harm='deadly']")).to_be_visible()


def test_degrees_of_harm_look_different(answered: Answered) -> None:
    page = answered({FOXGLOVE: 0.4, ROSE_OF_LENT: 0.3, HIBISCUS: 0.29})
    items = page.locator("#cautions li")
    assert [item.get_attribute("data-harm") for item in items.all()] == [
        *("deadly", "poisonous", "unknown")
    ]
    grounds = {
        colour(page, f"#cautions .harm[data-harm='{harm}']", "backgroundColor")
        for harm in ("deadly", "poisonous", "unknown")
    }
    assert len(grounds) == 3
    size = float(colour(page, "#cautions li[data-harm='unknown']", "fontSize").removesuffix("px"))
    assert size < float(colour(page, "#statement", "fontSize").removesuffix("px"))


def test_unknown_harm_alone_is_a_quiet_line(answered: Answered) -> None:
    page = answered({HIBISCUS: 0.999})
    expect(page.locator("#cautions")).to_contain_text("harm to people is not known")
    expect(page.locator("#cautions h3")).to_be_hidden()
    assert colour(page, "#cautions", "borderLeftWidth") == "0px"


def test_a_refusal_shows_no_share_map_or_caution(answered: Answered) -> None:
    """The owl that was "86 % snake's head fritillary", under a caution of foxglove."""
    page = answered({FOXGLOVE: 0.999}, alike=0.5, nearest="9")
    expect(page.locator("#statement")).to_have_text("This is unlike anything I was shown.")
    expect(page.locator("#nearest")).to_contain_text("monkshood")
    expect(page.locator("#nearest .harm")).to_have_text("deadly to people and pets")
    expect(page.locator("#reason")).to_contain_text("resemblance to that is 0.5,")
    for hidden in ("#cautions", "#lookalikes", "#candidates", "#evidence"):
        expect(page.locator(hidden)).to_be_hidden()
    assert "%" not in page.locator("#result").inner_text()
    assert "foxglove" not in page.locator("#result").inner_text()
    expect(page.locator("#status")).to_contain_text("Beware, deadly: monkshood.")


def test_certainty_stands_beside_the_verdict(answered: Answered) -> None:
    page = answered({BELLS: 0.99})
    expect(page.locator("#certainty")).to_have_text("99.0 % sure")
    one, other = (page.locator(place).bounding_box() for place in ("#certainty", "#statement"))
    assert one
    assert other
    assert 0 <= other["y"] - one["y"] < 60


def test_where_nothing_is_named_it_says_from_where_on_it_would_be(answered: Answered) -> None:
    page = answered({FOXGLOVE: 0.95})
    expect(page.locator("#level")).to_have_text("Not sure")
    expect(page.locator("#certainty")).to_be_empty()
    expect(page.locator("#basis")).to_contain_text("818 photos of what it knows")
    expect(page.locator("#basis")).to_contain_text("It names something from 98.2 % on.")
