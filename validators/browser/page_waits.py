"""Waiting on a page: when an act is over, and when the page can change no more.

Properties:
- An act is over when the dialogs that it had to cause have come, the app owes this run no answer,
  and the timers that it armed have run.
- A page is at rest when nothing can change it and nothing is outstanding. Waiting for more is then
  useless, so a missing element is reported at once and not after the whole patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Self

from validators.browser.network.wire import Wire
from validators.browser.page_activity import PageActivity
from validators.browser.page_events import PageEvents
from validators.browser.reading import Latest, Reader, first_line
from validators.domain.bounds import Bounds
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble

if TYPE_CHECKING:
    from playwright.async_api import Page, Request

TICK_SECONDS = 0.01
# A page is at rest this long after it last moved, or after thrice the time of its slowest answer.
REST_SECONDS, REST_FACTOR = 0.2, 3
# Requests of these types may stay open for ever; nothing on the page depends on their end.
ENDLESS_TYPES = ("eventsource", "websocket", "ping")


@dataclass(slots=True)
class PageWaits(Reader):
    """A reader of one page that also knows when the page has finished with an act."""

    page: Page
    wire: Wire
    origin: str
    page_events: PageEvents
    bounds: Bounds
    activity: PageActivity
    # Why the page's own last navigation failed; empty when it did not.
    failed: str = ""
    # The HTTP status of every page so far.
    answers: list[int] = field(default_factory=list)
    latest: Latest | None = None
    # How many exchanges the wire had when the latest act began.
    _first_exchange: int = 0
    _act_began_at: float = 0.0
    # When the act before the latest began: the latest act may wait for what that one requested.
    _previous_act_at: float = 0.0
    _last_active_at: float = 0.0
    _slowest_turn: float = 0.0
    # Requests that the page has made and that have not reached the wire yet.
    _on_their_way: set[Request] = field(default_factory=set)

    def subscribe(self) -> Self:
        """Follow every request, answer and failed navigation of the page from now on."""
        self.page.on("response", lambda response: self._note_status(response))
        self.page.on("requestfailed", lambda request: self._request_failed(request))
        self.page.on("request", lambda request: self._request_sent(request))
        self.page.on("requestfinished", lambda request: self._on_their_way.discard(request))
        return self

    async def at_rest(self) -> bool:
        from playwright.async_api import Error

        if not self._calm:
            return False
        try:
            # With this limit the library answers at once when the page is loaded already.
            await self.page.wait_for_load_state("load", timeout=1)
            # Once the page has answered, every request that it had queued is known.
            await self._run_timers(0, 0)
        except (Error, Unable):
            return False
        return self._calm

    @property
    def _calm(self) -> bool:
        """Whether nothing can change the page, nothing of it is outstanding, and both have been so
        for a while."""
        if not self.wire.still or self.wire.busy or self._setting_out:
            return False
        return monotonic() - max(self._last_active_at, self.wire.moved) >= max(
            REST_SECONDS, REST_FACTOR * self._slowest_turn
        )

    async def watch(self) -> None:
        await self._read(self.activity.watch(deep=not self.wire.still))

    async def unchanged(self) -> bool:
        return await self._read(self.activity.unchanged(deep=not self.wire.still))

    def awaits_answer(self) -> bool:
        return self.activity.leaving or self.wire.owes(
            self._previous_act_at, habit=self.bounds.quiet_seconds
        )

    async def aftermath(self) -> None:
        """Return when each timer that the page armed has run, but for those that are due later than
        `aftermath_seconds` after the latest act."""
        left = self.bounds.aftermath_seconds - (monotonic() - self._last_active_at)
        if not self.wire.still and left > 0:
            with suppress(Unable):
                await self._run_timers(left, 0)

    async def _begin_act(self) -> None:
        self.failed, self.latest = "", None
        self._first_exchange = len(self.wire.exchanges)
        self._previous_act_at = self._act_began_at
        self._act_began_at = self._last_active_at = monotonic()
        self.page_events.stayed = self.page_events.met = False
        if not self.wire.still:
            await self._read(self.activity.mark_timers())

    async def _settle(self, patience: float, *, opened: bool = False) -> None:
        """Return when the dialogs that were prepared for have come and nothing that the act set off
        is outstanding. `opened`: the act only opened a page; what that page does later by itself
        does not belong to the act."""
        try:
            await self._wait_for_answers(patience)
            if self.page_events.prepared or self.page_events.otherwise:
                await self._wait_for_dialogs(patience)
                await self._wait_for_answers(patience)
            # Two rounds: only a page that armed a timer is given the time for timers to be due.
            if not opened and not self.wire.still and await self._run_timers(0, patience):
                await self._run_timers(self.bounds.aftermath_seconds, patience)
                await self._wait_for_answers(patience)
        finally:
            self.page_events.forget()

    async def _wait_for_dialogs(self, patience: float) -> None:
        async def all_came() -> bool:
            self.page_events.refuse_otherwise()
            return not self.page_events.prepared

        missing = "; then ".join(map(str, self.page_events.prepared))
        await self._wait_until(
            all_came,
            patience,
            Unable(Trouble.NOT_COME, f"the step was to be asked by {missing}; none came"),
        )

    async def _run_timers(self, seconds: float, patience: float) -> bool:
        """Let the page run everything that is due within so many seconds. Returns whether the act
        armed a timer."""
        began = monotonic()
        armed = await self._read(
            self.activity.run_timers(seconds),
            within=seconds + max(patience, self.bounds.read_seconds),
        )
        self._slowest_turn = max(self._slowest_turn, monotonic() - began - seconds)
        return armed

    async def _wait_for_answers(self, patience: float) -> None:
        """Return when the app owes this run no answer. Raises Unable when a whole page is owed for
        longer than the patience; any other answer is given up after `quiet_seconds`."""
        began = monotonic()
        await self._run_timers(0, patience)
        while self.wire.busy or self._setting_out:
            waited = monotonic() - began
            owes_page = self.wire.owes_document or self.activity.leaving
            if waited > patience and owes_page:
                raise Unable(Trouble.TIMED_OUT, f"the app did not answer in {patience:g} s")
            if waited > min(self.bounds.quiet_seconds, patience) and not owes_page:
                # A request that never reaches the wire, or a navigation that came to nothing, must
                # not hold up every later act as well.
                self._on_their_way.clear()
                self.activity.asked = False
                break
            await asyncio.sleep(TICK_SECONDS)
        self._last_active_at = monotonic()
        if self.wire.cut:
            raise Unable(Trouble.TOO_LARGE, "the app answered with more than a page should be")
        latest = self.wire.exchanges[self._first_exchange :]
        broken = [one.broken for one in latest if one.document and one.broken]
        if self.failed or broken:
            raise Unable(Trouble.NO_ANSWER, self.failed or broken[0])

    @property
    def _setting_out(self) -> bool:
        """Whether the page is on its way to another, or has made a request that the wire does not
        know of yet."""
        on_wire = {one.path for one in self.wire.exchanges[self._first_exchange :]}
        self._on_their_way = {
            one
            for one in self._on_their_way
            if one.url[len(self.origin) :].partition("#")[0] not in on_wire
        }
        return bool(self._on_their_way) or self.activity.leaving or self.activity.asked

    async def _wait_until(
        self, holds: Callable[[], Awaitable[bool]], patience: float, otherwise: Unable
    ) -> None:
        """Return once it holds. Raises `otherwise` when the patience is spent, or when the page is
        at rest: then it never will hold."""
        deadline = monotonic() + patience
        while not await holds():
            if monotonic() > deadline:
                raise self._late(otherwise)
            # Ask once more: it may have come to hold while we asked whether the page is at rest.
            if await self.at_rest() and not await holds():
                raise otherwise
            await asyncio.sleep(TICK_SECONDS)

    def _late(self, otherwise: Unable) -> Unable:
        """Why an act came to nothing within its patience: a timeout if an answer may still change
        that, else the given reason."""
        return (
            Unable(Trouble.TIMED_OUT, f"{otherwise}; the app had not answered yet")
            if self.awaits_answer()
            else otherwise
        )

    def _unanswered(self, error: Exception) -> Unable:
        if self.wire.cut:
            return Unable(Trouble.TOO_LARGE, "the app answered with more than a page should be")
        if "crashed" in str(error) or "has been closed" in str(error):
            return Unable(Trouble.BROKEN, "the browser failed")
        from playwright.async_api import TimeoutError

        late = isinstance(error, TimeoutError)
        return Unable(Trouble.TIMED_OUT if late else Trouble.NO_ANSWER, first_line(error))

    def _request_sent(self, request: Request) -> None:
        if request.url.startswith(self.origin) and request.resource_type not in ENDLESS_TYPES:
            self._on_their_way.add(request)

    def _request_failed(self, request: Request) -> None:
        from playwright.async_api import Error

        self._on_their_way.discard(request)
        reason = request.failure or ""
        # Aborted: another navigation took over, so this one did not fail.
        if not request.is_navigation_request() or "ERR_ABORTED" in reason:
            return
        # A request whose frame is gone raises here, and is no page's any more.
        with suppress(Error):
            if request.frame == self.page.main_frame:
                self.failed = reason
