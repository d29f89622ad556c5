"""Requests that a test holds back, so that a person can act before their answers come."""

import time
from typing import Any

from playwright.sync_api import APIResponse, Page, Route

# A later answer of the same server, and a frame: what came before has been dealt with.
SETTLED = """async () => {
  await (await fetch(document.querySelector("script[src]").src)).text();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""


class Held:
    """A page's requests of an address, each held back.

    What is asked for (GET) is given as the server had it when it was asked; what is sent reaches
    the server only when it is let go, since a test sees no body that is made of files.

    Args:
        page: whose requests.
        address: a glob of Playwright's.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.kept: list[tuple[Route, APIResponse | None]] = []
        page.route(address, self._keep)

    def _keep(self, route: Route) -> None:
        self.kept.append((route, route.fetch() if route.request.method == "GET" else None))

    def wait_for(self, count: int) -> None:
        """Wait until so many are held."""
        deadline = time.monotonic() + 30
        while len(self.kept) < count:
            assert time.monotonic() < deadline, f"{len(self.kept)} of {count} {self.address} asked"
            self.page.wait_for_timeout(10)

    def let_go(self, place: int = 0, **changed: Any) -> None:
        """Hand one over, the oldest unless told otherwise, and wait until the page has its answer.

        Args:
            place: of the one, in the order in which they were asked for.
            changed: what to say in place of the server's answer, as in Playwright's `fulfill`.
        """
        self.wait_for(place + 1)
        route, response = self.kept.pop(place)
        with self.page.expect_response(lambda answer: answer.request == route.request):
            if response is None and not changed:
                route.continue_()
            else:
                route.fulfill(response=response, **changed)
        self.page.evaluate(SETTLED)

    def end(self) -> None:
        """Hold no more back; what is held stays so."""
        self.page.unroute(self.address, self._keep)
