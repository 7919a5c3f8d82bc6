"""One person at one browser: the port's acts and readings on a Playwright page.

What a page says is data: it is read through Playwright's isolated world, never by running a page's own functions, and
a page that does not answer a reading within READ_SECONDS is one that does not answer.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from validators.browser.locating import located
from validators.browser.wire import Wire
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.spot import Spot

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Request

T = TypeVar("T")

READ_SECONDS = 2.0
QUIET_SECONDS = 1.5  # how long a page's own background requests may keep a step waiting
TICK_SECONDS = 0.01
REST_SECONDS, REST_FACTOR = 0.5, 3  # a page is at rest after this long, and after thrice what its slowest act took
LONGEST_TEXT = 200_000


@dataclass(slots=True)
class BrowserSession:
    """Implements `validators.ports.browser.Session`."""

    page: Page
    wire: Wire
    origin: str
    failed: str = ""  # why the page's own last navigation failed, empty when it did not
    _since: int = 0
    _acted_at: float = 0.0
    _slowest: float = 0.0

    def listening(self) -> BrowserSession:
        """Itself, told from now on when a navigation fails that no act is waiting for."""
        self.page.on("requestfailed", lambda request: self._lost(request))
        return self

    def _lost(self, request: Request) -> None:
        from playwright.async_api import Error

        reason = request.failure or ""
        if not request.is_navigation_request() or "ERR_ABORTED" in reason:  # aborted: another navigation took over
            return
        with suppress(Error):  # a request whose frame is gone is nobody's page any more
            if request.frame == self.page.main_frame:
                self.failed = reason

    async def open(self, path: str, *, patience: float) -> None:
        url, limit = self.origin + path, patience * 1000
        await self._gone(lambda: self.page.goto(url, timeout=limit, wait_until="domcontentloaded"), patience)

    async def reload(self, *, patience: float) -> None:
        await self._gone(lambda: self.page.reload(timeout=patience * 1000, wait_until="domcontentloaded"), patience)

    async def back(self, *, patience: float) -> None:
        await self._gone(lambda: self.page.go_back(timeout=patience * 1000, wait_until="domcontentloaded"), patience)

    async def fill(self, spot: Spot, text: str, *, patience: float) -> None:
        await self._acted(spot, lambda found: found.fill(text, timeout=patience * 1000), patience)

    async def click(self, spot: Spot, *, patience: float) -> None:
        await self._acted(spot, lambda found: found.click(timeout=patience * 1000), patience)

    async def press(self, key: str, spot: Spot | None, *, patience: float) -> None:
        if spot is None:
            self._begin()
            await self._read(self.page.keyboard.press(key))
            await self._settled(patience)
        else:
            await self._acted(spot, lambda found: found.press(key, timeout=patience * 1000), patience)

    async def select(self, spot: Spot, option: str, *, patience: float) -> None:
        try:
            await self._acted(spot, lambda found: found.select_option(label=option, timeout=patience * 1000), patience)
        except Unable as unable:
            options = located(self.page, spot).get_by_role("option", name=option, exact=True)
            if unable.trouble == Trouble.NOT_ACTIONABLE and not await self._read(options.count()):
                raise Unable(Trouble.MISSING, "no such option") from None
            raise

    async def tick(self, spot: Spot, *, on: bool, patience: float) -> None:
        await self._acted(spot, lambda found: found.set_checked(on, timeout=patience * 1000), patience)

    async def seen(self, spot: Spot, *, patience: float) -> None:
        await self._acted(spot, lambda found: found.wait_for(state="visible", timeout=patience * 1000), patience)

    async def text(self, spot: Spot | None) -> str:
        if spot is None:
            return (await self._read(self.page.locator("body").inner_text(timeout=READ_SECONDS * 1000)))[:LONGEST_TEXT]
        found = await self._one(spot)
        return (await self._read(found.inner_text(timeout=READ_SECONDS * 1000)))[:LONGEST_TEXT]

    async def value(self, spot: Spot) -> str:
        found = await self._one(spot)
        return await self._read(found.input_value(timeout=READ_SECONDS * 1000))

    async def count(self, spot: Spot) -> int:
        return await self._read(located(self.page, spot).count())

    async def rows(self, within: Spot | None) -> tuple[tuple[str, ...], ...]:
        """A row's text has its cells apart by tabs (a table) or line breaks (ARIA rows)."""
        found = located(self.page, Spot(role="row", within=within))
        texts = await self._read(found.all_inner_texts())
        return tuple(tuple(cell.strip() for cell in re.split(r"[\t\n]+", text) if cell.strip()) for text in texts)

    async def title(self) -> str:
        return await self._read(self.page.title())

    async def path(self) -> str:
        url = urlsplit(self.page.url)
        return url.path + (f"?{url.query}" if url.query else "")

    async def at_rest(self) -> bool:
        quiet = monotonic() - max(self._acted_at, self.wire.moved)
        if not self.wire.still or self.wire.busy or quiet < max(REST_SECONDS, REST_FACTOR * self._slowest):
            return False
        from playwright.async_api import Error

        try:
            await self.page.wait_for_load_state("load", timeout=1)  # at once, when it is loaded
        except Error:
            return False
        return True

    async def _gone(self, go: Callable[[], Awaitable[object]], patience: float) -> None:
        from playwright.async_api import Error

        self._begin()
        try:
            await go()
        except Error as error:
            if "interrupted by another navigation" not in str(error):  # a page may lead on by itself
                raise self._unanswered(error) from None
        await self._settled(patience)

    def _unanswered(self, error: Exception) -> Unable:
        if self.wire.cut:
            return Unable(Trouble.TOO_LARGE, "the app answered with more than a page should be")
        if "crashed" in str(error) or "has been closed" in str(error):
            return Unable(Trouble.BROKEN, "the browser failed")
        return Unable(Trouble.NO_ANSWER, _first_line(error))

    async def _acted(self, spot: Spot, act: Callable[[Locator], Awaitable[object]], patience: float) -> None:
        """Act once the element is there, alone and ready. An element that is double for a moment gets its patience."""
        from playwright.async_api import Error, TimeoutError

        self._begin()
        found, deadline = located(self.page, spot), monotonic() + patience
        while True:
            try:
                await self._unless_in_vain(act(found), found)
                break
            except TimeoutError:
                raise await self._why_not(found) from None
            except Error as error:
                if "strict mode violation" not in str(error):
                    raise self._unusable(error) from None
                if monotonic() > deadline or await self.at_rest():
                    raise Unable(Trouble.AMBIGUOUS, "more than one element is so named") from None
                await asyncio.sleep(TICK_SECONDS * 5)
        await self._settled(patience)

    async def _unless_in_vain(self, act: Awaitable[object], found: Locator) -> None:
        """Let the library act and wait, but raise once the element is not there on a page at rest: it never will be.

        Once the app was asked for something, the act may be what asked, and be over before the library says so: a click on
        a busy machine was called missing on the page that it had led to. From then on the library has the last word."""
        acting, moved = asyncio.ensure_future(act), self.wire.moved
        try:
            while not (await asyncio.wait({acting}, timeout=TICK_SECONDS * 10))[0]:
                if await self.at_rest() and not await self._read(found.count()) and self.wire.moved == moved:
                    raise Unable(Trouble.MISSING, "no such element")
            await acting
        finally:
            acting.cancel()

    async def _why_not(self, found: Locator) -> Unable:
        there = await self._read(found.count())
        if there == 0:
            return Unable(Trouble.MISSING, "no such element")
        if there > 1:
            return Unable(Trouble.AMBIGUOUS, f"{there} elements are so named")
        return Unable(Trouble.NOT_ACTIONABLE, "it is there, but cannot be used: disabled, covered, moving or not a field")

    def _unusable(self, error: Exception) -> Unable:
        if any(sign in str(error) for sign in ("net::", "crashed", "has been closed")):
            return self._unanswered(error)
        return Unable(Trouble.NOT_ACTIONABLE, _first_line(error))

    async def _one(self, spot: Spot) -> Locator:
        found = located(self.page, spot)
        there = await self._read(found.count())
        if self.failed:
            raise Unable(Trouble.NO_ANSWER, self.failed)
        if there != 1:
            trouble = Trouble.AMBIGUOUS if there else Trouble.MISSING
            raise Unable(trouble, f"{there or 'no'} such element{'s' if there else ''}")
        return found

    async def _read(self, reading: Awaitable[T]) -> T:
        from playwright.async_api import Error

        try:
            return await asyncio.wait_for(reading, READ_SECONDS)
        except TimeoutError:
            raise Unable(Trouble.NO_ANSWER, "the page does not respond") from None
        except Error as error:
            if "crashed" in str(error) or "has been closed" in str(error):
                raise Unable(Trouble.BROKEN, "the browser failed") from None
            raise Unable(Trouble.MISSING, f"the page changed while it was read: {_first_line(error)}") from None

    async def _settled(self, patience: float) -> None:
        """Return when the app owes this run no answer. A document it owes for longer than the patience is no answer."""
        began = monotonic()
        while self.wire.busy:
            waited = monotonic() - began
            if waited > patience and self.wire.owes_document:
                raise Unable(Trouble.NO_ANSWER, "the app did not answer")
            if waited > min(QUIET_SECONDS, patience) and not self.wire.owes_document:
                break
            await asyncio.sleep(TICK_SECONDS)
        began, self._acted_at = self._acted_at, monotonic()
        self._slowest = max(self._slowest, self._acted_at - began)
        if self.wire.cut:
            raise Unable(Trouble.TOO_LARGE, "the app answered with more than a page should be")
        broken = [one.broken for one in self.wire.exchanges[self._since :] if one.document and one.broken]
        if self.failed or broken:
            raise Unable(Trouble.NO_ANSWER, self.failed or broken[0])

    def _begin(self) -> None:
        self.failed, self._since, self._acted_at = "", len(self.wire.exchanges), monotonic()


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
