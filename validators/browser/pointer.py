"""How a visitor points: automation jumps to the exact centre, a person moves there and hits
somewhere on the thing.

These properties hold:
- Whatever the hand of automation can click, a person's can, and it does the same: where another
  place could mean another thing (a field's caret, a slider, a picture, another element in the way),
  a person's hits the middle as well.
- Nothing is pressed twice: where to press is found out before, by looking alone.
- After a pointer that rests on something comes a straight jump, because a way could close what the
  rest has opened."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import FloatRect, Locator, Page, Position

STEPS = (5, 8)  # of a way, at least and at most: a page is told of one each frame
WAY_SECONDS = 1.0  # a page that takes longer is clicked without a way
FROM_EDGE = (0.2, 0.38)  # of the thing's width or height, from one edge or the other


class Pointer:
    """The hand of automation. Times are in seconds, from which Playwright's TimeoutError comes."""

    async def click(self, found: Locator, *, patience: float) -> None:
        await found.click(timeout=patience * 1000)

    async def hover(self, found: Locator, *, patience: float) -> None:
        await found.hover(timeout=patience * 1000)

    async def tick(self, found: Locator, *, on: bool, patience: float) -> None:
        await found.set_checked(on, timeout=patience * 1000)


class PersonsPointer(Pointer):
    """The hand of a person at this page; where it goes is drawn from a seed."""

    def __init__(self, page: Page, seed: int) -> None:
        self._page = page
        self._draw = random.Random(f"hand-{seed}")  # noqa: S311  (reproducible on purpose, not a secret)
        self._at = (self._draw.uniform(200, 1000), self._draw.uniform(0, 60))
        self._rests = False

    async def click(self, found: Locator, *, patience: float) -> None:
        until = monotonic() + patience
        place = await self._there(found, patience)
        await found.click(position=place, timeout=_left(until))

    async def hover(self, found: Locator, *, patience: float) -> None:
        until = monotonic() + patience
        place = await self._there(found, patience)
        self._rests = True
        await found.hover(position=place, timeout=_left(until))

    async def tick(self, found: Locator, *, on: bool, patience: float) -> None:
        until = monotonic() + patience
        place = await self._there(found, patience)
        await found.set_checked(on, position=place, timeout=_left(until))

    async def _there(self, found: Locator, patience: float) -> Position | None:
        """Move to it. Where on it to press, from its padding's corner; None for the middle."""
        from playwright.async_api import Error

        box = await found.bounding_box(timeout=patience * 1000)
        place: Position | None = None
        with suppress(
            Error
        ):  # whatever is not as it was a moment ago: the press itself waits, and says why it cannot
            box = await self._in_sight(found, box, patience)
            if box:
                drawn: Position = {
                    "x": round(box["width"] * self._share()),
                    "y": round(box["height"] * self._share()),
                }
                place = (
                    drawn if await found.locator(f"aim={drawn['x']},{drawn['y']}").count() else None
                )
                middle = {"x": box["width"] / 2, "y": box["height"] / 2}
                to = place or middle
                await self._move((box["x"] + to["x"], box["y"] + to["y"]))
        return place

    async def _in_sight(
        self, found: Locator, box: FloatRect | None, patience: float
    ) -> FloatRect | None:
        size = self._page.viewport_size
        if box is None or size is None:
            return None
        right, bottom = box["x"] + box["width"], box["y"] + box["height"]
        if box["x"] >= 0 and box["y"] >= 0 and right <= size["width"] and bottom <= size["height"]:
            return box
        await found.scroll_into_view_if_needed(timeout=min(patience, WAY_SECONDS) * 1000)
        return await found.bounding_box(timeout=patience * 1000)

    def _share(self) -> float:
        share = self._draw.uniform(*FROM_EDGE)
        return share if self._draw.random() < 0.5 else 1 - share

    async def _move(self, to: tuple[float, float]) -> None:
        """Along a bow, a step each frame."""
        (x, y), rests, self._rests = self._at, self._rests, False
        self._at = to
        steps, bow = self._draw.randint(*STEPS), self._draw.uniform(-0.15, 0.15)
        over = (bow * (to[1] - y), bow * (x - to[0]))
        if rests:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(WAY_SECONDS):
                for step in range(1, steps + 1):
                    part = step / steps
                    aside = 4 * part * (1 - part)
                    across, down = (
                        (to[0] - x) * part + over[0] * aside,
                        (to[1] - y) * part + over[1] * aside,
                    )
                    await self._page.mouse.move(x + across, y + down)


def _left(until: float) -> float:
    """Milliseconds; never 0, which would be for ever."""
    return max(1.0, (until - monotonic()) * 1000)
