"""In which world of a page its activity is asked for: a number of a world is unique in one process
alone, so none outlives a document."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Error

from validators.browser.page_activity import PageActivity

FRAME = "the main frame"
LEAVES: dict[str, dict[str, Any]] = {
    "Page.frameRequestedNavigation": {"frameId": FRAME, "disposition": "currentTab"},
    "Page.frameStartedNavigating": {"frameId": FRAME, "navigationType": "reload"},
    "Page.frameNavigated": {"frame": {"id": FRAME}},
}
STAYS: dict[str, dict[str, Any]] = {
    "Page.frameRequestedNavigation": {"frameId": "an inner frame", "disposition": "currentTab"},
    "Page.frameStartedNavigating": {"frameId": FRAME, "navigationType": "sameDocument"},
    "Page.navigatedWithinDocument": {"frameId": FRAME},
}


class Protocol:
    """A page's DevTools session: every world that is made has the next number, and only the last
    one is there."""

    def __init__(self, *, meanwhile: str | None = None) -> None:
        self.listening: dict[str, Callable[[dict[str, Any]], None]] = {}
        self.made, self.asked = 0, list[int]()
        self.lost = False
        self.meanwhile = meanwhile

    def lose(self) -> None:
        """The last world is gone, and nobody announces it."""
        self.lost = True

    def on(self, event: str, listener: Callable[[dict[str, Any]], None]) -> None:
        self.listening[event] = listener

    async def send(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        match method, params or {}:
            case "Page.getFrameTree", _:
                return {"frameTree": {"frame": {"id": FRAME}}}
            case "Page.createIsolatedWorld", _:
                self.made, self.lost = self.made + 1, False
                if self.meanwhile:
                    self.listening[self.meanwhile](LEAVES[self.meanwhile])
                return {"executionContextId": self.made}
            case "Runtime.evaluate", {"contextId": number}:
                if self.lost:
                    raise Error("Cannot find context with specified id")
                self.asked.append(number)
                return {"result": {"value": {"document": 0.5, "armed": 0}}}
        return {}


def worlds(
    protocol: Protocol, between: Callable[[], None], *, times: int = 2
) -> tuple[int, list[int]]:
    """How many worlds were made, and which were asked, for so many questions."""

    async def ask() -> None:
        activity = await PageActivity(protocol).start()  # type: ignore[arg-type]
        for number in range(times):
            if number:
                between()
            await activity.run_timers()

    asyncio.run(ask())
    return protocol.made, protocol.asked


def test_one_document_is_asked_in_one_world() -> None:
    assert worlds(Protocol(), lambda: None, times=3) == (1, [1, 1, 1])


@pytest.mark.parametrize("event", LEAVES)
def test_what_may_bring_another_document_ends_its_world(event: str) -> None:
    protocol = Protocol()
    assert worlds(protocol, lambda: protocol.listening[event](LEAVES[event])) == (2, [1, 2])


@pytest.mark.parametrize("event", STAYS)
def test_what_leaves_the_document_leaves_its_world(event: str) -> None:
    protocol = Protocol()
    assert worlds(protocol, lambda: protocol.listening[event](STAYS[event])) == (1, [1, 1])


def test_a_world_that_is_gone_unannounced_is_made_again_and_the_question_asked_once() -> None:
    protocol = Protocol()
    assert worlds(protocol, protocol.lose) == (2, [1, 2])


def test_a_world_of_a_document_that_goes_while_it_is_made_is_not_kept() -> None:
    protocol = Protocol(meanwhile="Page.frameNavigated")
    assert worlds(protocol, lambda: None) == (2, [1, 2])
