"""How a visitor points: automation jumps to the exact centre, a person moves to the element and
hits somewhere on it.

Properties:
- Both pointers can click the same elements with the same effect. Where another place could have
  another effect (a field's caret, a slider, a picture, another element in the way), the person's
  pointer hits the middle as well.
- No element is pressed twice: the place to press is found before, without an act.
- After a hover the pointer jumps straight to the next element: moving there could close what the
  hover has opened."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import FloatRect, Locator, Page, Position

# The fewest and the most steps of a move; a page gets one event each frame.
STEPS = (5, 8)
# If a page takes longer for the move, the click follows without it.
MOVE_SECONDS = 1.0
# Where on an element: this share of its width or height from one edge or the other.
FROM_EDGE = (0.2, 0.38)


class Pointer:
    """The pointer of automation. `patience` is in seconds; then Playwright raises TimeoutError."""

    async def click(self, found: Locator, *, patience: float) -> None:
        await found.click(timeout=patience * 1000)

    async def hover(self, found: Locator, *, patience: float) -> None:
        await found.hover(timeout=patience * 1000)

    async def tick(self, found: Locator, *, on: bool, patience: float) -> None:
        await found.set_checked(on, timeout=patience * 1000)


class PersonsPointer(Pointer):
    """The pointer of a person at this page. A seed decides where it goes."""

    def __init__(self, page: Page, seed: int) -> None:
        self._page = page
        self._draw = random.Random(f"hand-{seed}")  # noqa: S311  (reproducible on purpose, not a secret)
        self._at = (self._draw.uniform(200, 1000), self._draw.uniform(0, 60))
        self._hovers = False

    async def click(self, found: Locator, *, patience: float) -> None:
        until = monotonic() + patience
        place = await self._move_to(found, patience)
        await found.click(position=place, timeout=_left(until))

    async def hover(self, found: Locator, *, patience: float) -> None:
        until = monotonic() + patience
        place = await self._move_to(found, patience)
        self._hovers = True
        await found.hover(position=place, timeout=_left(until))

    async def tick(self, found: Locator, *, on: bool, patience: float) -> None:
        until = monotonic() + patience
        place = await self._move_to(found, patience)
        await found.set_checked(on, position=place, timeout=_left(until))

    async def _move_to(self, found: Locator, patience: float) -> Position | None:
        """Move to the element. Returns where on it to press, in pixels from the corner of its
        padding; None for the middle."""
        from playwright.async_api import Error

        rect = await found.bounding_box(timeout=patience * 1000)
        place: Position | None = None
        # The page may change during the move. The press that follows waits for the element, and
        # reports why it cannot be done.
        with suppress(Error):
            rect = await self._scrolled_into_view(found, rect, patience)
            if rect:
                drawn: Position = {
                    "x": round(rect["width"] * self._share()),
                    "y": round(rect["height"] * self._share()),
                }
                aim = found.locator(f"aim={drawn['x']},{drawn['y']}")
                place = drawn if await aim.count() else None
                to = place or {"x": rect["width"] / 2, "y": rect["height"] / 2}
                await self._move((rect["x"] + to["x"], rect["y"] + to["y"]))
        return place

    async def _scrolled_into_view(
        self, found: Locator, rect: FloatRect | None, patience: float
    ) -> FloatRect | None:
        size = self._page.viewport_size
        if rect is None or size is None:
            return None
        right, bottom = rect["x"] + rect["width"], rect["y"] + rect["height"]
        above = rect["x"] >= 0 and rect["y"] >= 0
        if above and right <= size["width"] and bottom <= size["height"]:
            return rect
        await found.scroll_into_view_if_needed(timeout=min(patience, MOVE_SECONDS) * 1000)
        return await found.bounding_box(timeout=patience * 1000)

    def _share(self) -> float:
        share = self._draw.uniform(*FROM_EDGE)
        return share if self._draw.random() < 0.5 else 1 - share

    async def _move(self, to: tuple[float, float]) -> None:
        """Move along a curve, a step each frame."""
        (x, y), hovered, self._hovers = self._at, self._hovers, False
        self._at = to
        # Drawn before the early return: the same seed gives the same later moves either way.
        steps, bend = self._draw.randint(*STEPS), self._draw.uniform(-0.15, 0.15)
        bow = (bend * (to[1] - y), bend * (x - to[0]))
        if hovered:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(MOVE_SECONDS):
                for step in range(1, steps + 1):
                    part = step / steps
                    aside = 4 * part * (1 - part)
                    across = (to[0] - x) * part + bow[0] * aside
                    down = (to[1] - y) * part + bow[1] * aside
                    await self._page.mouse.move(x + across, y + down)


def _left(until: float) -> float:
    """Milliseconds left. Never 0: to the library that means no limit."""
    return max(1.0, (until - monotonic()) * 1000)
