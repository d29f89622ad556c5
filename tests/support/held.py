"""Responses that a test holds back, so that a person can act before they come."""

from typing import Any

from playwright.sync_api import APIResponse, Page, Route

ANSWERED = "requestfinished"
# A later answer of the same server, and a frame: what came before has been dealt with.
SETTLED = """async () => {
  await (await fetch(document.querySelector("script[src]").src)).text();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
}"""


class Held:
    """Responses to a page's requests of an address, as the server gave them, each held back.

    Args:
        page: whose requests.
        address: a glob of Playwright's.
    """

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.kept: list[tuple[Route, APIResponse]] = []
        page.route(address, self._keep)

    def _keep(self, route: Route) -> None:
        self.kept.append((route, route.fetch()))

    def wait_for(self, count: int) -> None:
        """Wait until so many are held."""
        while len(self.kept) < count:
            self.page.wait_for_timeout(10)

    def let_go(self, place: int = 0, **changed: Any) -> None:
        """Hand one over, the oldest unless told otherwise, and wait until the page has it.

        Args:
            place: of the one, in the order in which they were asked for.
            changed: what to say in place of the server's answer, as in Playwright's `fulfill`.
        """
        self.wait_for(place + 1)
        route, response = self.kept.pop(place)
        with self.page.expect_event(ANSWERED, lambda request: request == route.request):
            route.fulfill(response=response, **changed)
        self.page.evaluate(SETTLED)

    def end(self) -> None:
        """Hold no more back; what is held stays so."""
        self.page.unroute(self.address, self._keep)
