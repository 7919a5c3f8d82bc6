"""What one person reads on a page at this moment. No reading waits, and none changes the page.

What a page shows is data. It is read through the library's isolated world, never by running the
page's own functions. A page that does not answer a reading within `read_seconds` (a whole tree
within `tree_seconds`) counts as one that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urljoin, urlsplit

from validators.browser.aria_snapshot import nodes
from validators.browser.locating import located
from validators.domain.bounds import Bounds
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys import aria
from validators.domain.journeys.aria import AriaNode, Table
from validators.domain.journeys.looks import State
from validators.domain.journeys.spot import Spot
from validators.domain.journeys.wording import well_formed

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page, Response

T = TypeVar("T")

# Shorter than the shortest pause between two looks at what has not come yet.
MOMENT_SECONDS = 0.025
LONGEST_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class Latest:
    """The tree that was read last, its place on the page and the time. Any other reading and any
    act drop it."""

    within: Spot | None
    tree: tuple[AriaNode, ...]
    at: float


class Reader:
    """The readings of `validators.ports.browser.Session`, for whoever has a page."""

    page: Page
    origin: str
    bounds: Bounds
    failed: str
    answers: list[int]
    latest: Latest | None

    async def text(self, spot: Spot | None) -> str:
        found = self.page.locator("body") if spot is None else await self._one(spot)
        text = await self._read(found.inner_text(timeout=self.bounds.read_seconds * 1000))
        if len(text) > LONGEST_TEXT:
            # What must not be there could stand behind the end of what is read.
            raise Unable(Trouble.BROKEN, f"there are more than {LONGEST_TEXT:,} characters of text")
        return text

    async def value(self, spot: Spot) -> str:
        found = await self._one(spot)
        if await self._read(found.and_(self.page.locator("select")).count()):
            picked = [
                one
                for one in aria.options(await self._tree(found))
                if ("selected", "true") in one.states
            ]
            return ", ".join(one.name or one.reads for one in picked)
        return await self._read(found.input_value(timeout=self.bounds.read_seconds * 1000))

    async def options(self, spot: Spot) -> tuple[str, ...]:
        return tuple(one.name or one.reads for one in aria.options(await self.tree(spot)))

    async def count(self, spot: Spot) -> int:
        return await self._read(located(self.page, spot).count())

    async def rows(self, within: Spot | None) -> tuple[tuple[str, ...], ...]:
        return aria.rows(await self.tree(within))

    async def tables(self, within: Spot | None) -> tuple[Table, ...]:
        return aria.tables(await self.tree(within))

    async def tree(self, within: Spot | None) -> tuple[AriaNode, ...]:
        # Several looks at one place in a row count as one moment: a large table is read once.
        if (
            self.latest
            and self.latest.within == within
            and monotonic() - self.latest.at < MOMENT_SECONDS
        ):
            return self.latest.tree
        tree = await self._tree(await self._one(within) if within else self.page.locator("body"))
        self.latest = Latest(within, tree, monotonic())
        return tree

    async def in_state(self, spot: Spot, state: State) -> bool:
        found = await self._one(spot)
        return await self._read(found.locator(f"state={state}").count()) > 0

    async def description(self, spot: Spot) -> str:
        found = await self._one(spot)
        describing = found.locator("describes=it").filter(visible=True)
        texts = [await self._read(one.inner_text()) for one in await self._read(describing.all())]
        attributes = [
            await self._read(found.get_attribute(name)) for name in ("aria-description", "title")
        ]
        return " ".join(filter(None, texts or attributes))

    async def leads_to(self, spot: Spot) -> str:
        found = await self._one(spot)
        href = await self._read(found.get_attribute("href"))
        if href is None:
            raise Unable(Trouble.NOT_ACTIONABLE, "it is no link: it has no address")
        base = self.page.locator("base[href]")
        base_href = (
            await self._read(base.first.get_attribute("href"))
            if await self._read(base.count())
            else None
        )
        try:
            url = urlsplit(urljoin(urljoin(self.page.url, base_href or ""), href))
        except ValueError:
            # No browser can follow it, and it stands there all the same.
            return href
        if f"{url.scheme}://{url.netloc}" != self.origin:
            return url.geturl()
        return (
            (url.path or "/")
            + (f"?{url.query}" if url.query else "")
            + (f"#{url.fragment}" if url.fragment else "")
        )

    async def status(self) -> int:
        shown = self.page.locator("html")
        # The last status is not always that of the page shown: going back shows an older page, and
        # a download shows none. So the document itself is asked for its status.
        for status in dict.fromkeys(reversed(self.answers)):
            if await self._read(shown.locator(f"answered={status}").count()):
                return status
        raise Unable(Trouble.NO_ANSWER, "no answer of the app is shown")

    async def title(self) -> str:
        return await self._read(self.page.title())

    async def path(self) -> str:
        url = urlsplit(self.page.url)
        return url.path + (f"?{url.query}" if url.query else "")

    def _note_status(self, response: Response) -> None:
        """Note the status of a page, not of a resource in it."""
        if response.request.is_navigation_request() and response.frame == self.page.main_frame:
            self.answers.append(response.status)

    async def _tree(self, found: Locator) -> tuple[AriaNode, ...]:
        try:
            seconds = self.bounds.tree_seconds
            return nodes(
                await self._read(found.aria_snapshot(timeout=seconds * 1000), within=seconds)
            )
        except ValueError as error:
            raise Unable(Trouble.BROKEN, str(error)) from None

    async def _one(self, spot: Spot) -> Locator:
        found = located(self.page, spot)
        there = await self._read(found.count())
        if self.failed:
            raise Unable(Trouble.NO_ANSWER, self.failed)
        if there != 1:
            trouble = Trouble.AMBIGUOUS if there else Trouble.MISSING
            raise Unable(trouble, f"{there or 'no'} such element{'s' if there else ''}")
        return found

    async def _read(self, reading: Awaitable[T], *, within: float | None = None) -> T:
        from playwright.async_api import Error

        # Whatever is read next is read later than the tree was.
        self.latest = None
        try:
            read = await asyncio.wait_for(reading, within or self.bounds.read_seconds)
            return cast(T, well_formed(read)) if isinstance(read, str) else read
        except TimeoutError:
            raise Unable(Trouble.TIMED_OUT, "the page does not respond") from None
        except Error as error:
            if "crashed" in str(error) or "has been closed" in str(error):
                raise Unable(Trouble.BROKEN, "the browser failed") from None
            raise Unable(
                Trouble.MISSING, f"the page changed while it was read: {first_line(error)}"
            ) from None


def first_line(error: Exception) -> str:
    """What went wrong, without the library's log below it."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
