"""Time for a browser on a machine with much else to do.

The judge gives a page some seconds to be read, shown and closed. A page that answers needs a
hundredth of them, until everything takes twenty times as long; and what a test asks is then whether
the page was right, not how busy its machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from validators.domain.bounds import Bounds

LONG = 60.0  # for what comes: nobody waits for the rest of it
VAIN = 6.0  # for what never comes and is waited out: what must come before it has this long, too

PATIENT = Bounds(start_seconds=LONG, step_seconds=LONG, read_seconds=LONG, picture_seconds=LONG)
"""For a page that answers."""

PLANNED = Bounds(
    start_seconds=LONG / 2, step_seconds=2.5 * VAIN, read_seconds=LONG / 2, picture_seconds=LONG / 2
)
"""For a plan some of whose steps are waited out. A page that hangs for ever is waited for as
long."""


async def until(holds: Callable[[], object | Awaitable[object]], *, seconds: float = LONG) -> None:
    """Return once it holds, however long that takes this machine. Fails when it never does."""
    deadline = monotonic() + seconds
    while True:
        held = holds()
        if await held if isinstance(held, Awaitable) else held:
            return
        assert monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)
