"""The clocks of one run: the app's, set by a file in its sandbox, and those of the browsers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from validators.domain.clock import AHEAD, ahead_text

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext


@dataclass(slots=True)
class Clocks:
    """`folder` holds the app's clock file; None if the run does not travel. `ahead` is in seconds,
    the same for all clocks."""

    folder: Path | None
    ahead: int = 0

    async def install(self, context: BrowserContext) -> None:
        """Give a new browser context a clock that agrees with the app's and keeps running."""
        await context.clock.install(
            time=datetime.now().astimezone() + timedelta(seconds=self.ahead)
        )

    async def forward(self, seconds: int, contexts: Iterable[BrowserContext]) -> None:
        """Put all clocks forward."""
        assert self.folder is not None
        # The app's clock first: timers that then run in a page get answers of that time.
        self.ahead += seconds
        new = self.folder / f"{AHEAD}.new"
        new.write_text(ahead_text(self.ahead))
        new.chmod(0o644)
        # In one step: the app may be reading the file.
        os.replace(new, self.folder / AHEAD)
        for context in contexts:
            await context.clock.fast_forward(seconds * 1000)
