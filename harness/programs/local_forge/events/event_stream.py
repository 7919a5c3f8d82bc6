"""A heartbeat for open pages: "something was written". The page then fetches itself with its own
rights.

A beat carries no data, so the stream may be open to anybody. Beats that come faster than
`REST_SECONDS` are merged.
"""

import asyncio
from collections.abc import AsyncGenerator

MOST_LISTENERS = 200
# The shortest time between two beats of one stream.
REST_SECONDS = 0.25
# A stream without a beat for this long sends a sign of life.
QUIET_SECONDS = 20.0


class EventStream:
    """Publishes beats. Any thread may send one; listeners wait on the server's event loop."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._ended = False

    @property
    def is_full(self) -> bool:
        """Whether no more listeners are accepted."""
        return self._ended or len(self._listeners) >= MOST_LISTENERS

    def beat(self) -> None:
        """Report that a write was committed."""
        for event, loop in tuple(self._listeners.items()):
            # A test's loop may be closed while its listener is still registered.
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def end(self) -> None:
        """End every stream, because the server stops."""
        self._ended = True
        self.beat()

    async def beats(self, *, quiet: float = QUIET_SECONDS) -> AsyncGenerator[bool, None]:
        """Yield True for each beat, and False after `quiet` seconds without one, until the
        server stops."""
        event = asyncio.Event()
        self._listeners[event] = asyncio.get_running_loop()
        try:
            while not self._ended:
                try:
                    await asyncio.wait_for(event.wait(), quiet)
                except TimeoutError:
                    yield False
                    continue
                if self._ended:
                    return
                event.clear()
                yield True
                # Merge a burst of writes: the event is set at most once while this sleeps.
                await asyncio.sleep(REST_SECONDS)
        finally:
            del self._listeners[event]
