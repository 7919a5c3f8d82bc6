"""Time for a browser on a machine with much else to do.

The product gives a page some seconds to be read, shown and closed. A page that answers needs a hundredth of them, until
everything takes twenty times as long; and what a test asks is then whether the page was right, not how busy its machine is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from validators.browser import chromium, glance, reading, stage
from validators.driver import exploring

LONG = 60.0    # for what comes: nobody waits for the rest of it
VAIN = 6.0     # for what never comes and is waited out: what must come before it has this long, too
BOUNDS = {
    chromium: ("START_SECONDS",),
    reading: ("READ_SECONDS", "TREE_SECONDS"),
    glance: ("GLANCE_SECONDS",),
    stage: ("PICTURE_SECONDS", "KEEP_SECONDS", "TRAVEL_SECONDS", "CLOSE_SECONDS"),
    exploring: ("PATIENCE_SECONDS",),
}


def patient(given: pytest.MonkeyPatch) -> None:
    """Let every bound that stands for "it does not answer" be a long one."""
    for module, names in BOUNDS.items():
        for name in names:
            given.setattr(module, name, LONG)
    given.setitem(reading.Reader._read.__kwdefaults__, "within", LONG)


async def until(holds: Callable[[], object | Awaitable[object]], *, seconds: float = LONG) -> None:
    """Return once it holds, however long that takes this machine. Fails when it never does."""
    deadline = monotonic() + seconds
    while True:
        told = holds()
        if await told if isinstance(told, Awaitable) else told:
            return
        assert monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


DRIVER = f"""
import sys

from validators.browser import chromium, reading, stage
from validators.driver import schedule
from validators.driver.__main__ import main

chromium.START_SECONDS = stage.PICTURE_SECONDS = stage.KEEP_SECONDS = stage.CLOSE_SECONDS = {LONG / 2}
reading.READ_SECONDS = reading.Reader._read.__kwdefaults__["within"] = {LONG / 2}
schedule.LONGEST_PATIENCE, schedule.CONTROL_STEP = {2 * VAIN}, {VAIN}
raise SystemExit(main(sys.argv[1:]))
"""
"""The driver's own program, with such bounds. A page that hangs for ever is waited for as long, by this one."""
