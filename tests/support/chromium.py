"""A real Chromium, and pages in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 60_000  # milliseconds
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium for one module: Playwright's event loop must end before another test's begins.

    What is expected of a page may take as long as a busy machine does.
    """
    expect.set_options(timeout=PATIENCE)
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


def opened(
    browser: Browser, address: str, complaints: list[str] | None = None, **settings: Any
) -> Iterator[Page]:
    """A page of its own; what its console says is added to the complaints."""
    said = [] if complaints is None else complaints
    context = browser.new_context(**{"locale": "en-GB", **settings})
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    yield page
    context.close()
