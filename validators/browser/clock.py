"""The clocks of one run: the app's, by a file that its box sees, and those of the browsers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from validators.domain.journeys.clock import AHEAD, ahead_text

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext


@dataclass(slots=True)
class Clocks:
    """`folder` holds the app's file, for a run that travels. `ahead` is in seconds, of everybody
    alike."""

    folder: Path | None
    ahead: int = 0

    async def started(self, context: BrowserContext) -> None:
        """Give a new session a clock that goes with the app's. It runs on like any other."""
        await context.clock.install(
            time=datetime.now().astimezone() + timedelta(seconds=self.ahead)
        )

    async def forward(self, seconds: int, contexts: Iterable[BrowserContext]) -> None:
        """Put all of them forward, the app's first: what a page's timers then ask for is answered
        by an app of that time."""
        assert self.folder is not None
        self.ahead += seconds
        new = self.folder / f"{AHEAD}.new"
        new.write_text(ahead_text(self.ahead))
        new.chmod(0o644)
        os.replace(new, self.folder / AHEAD)  # whole: the app may be reading it
        for context in contexts:
            await context.clock.fast_forward(seconds * 1000)
