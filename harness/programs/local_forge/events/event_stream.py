"""A heartbeat for whoever looks: something was written. What it was, the page asks for itself, as
itself.

A beat carries nothing, so that a stream of beats may be open to anybody. Beats that come faster
than a person can look are one beat."""

import asyncio
from collections.abc import AsyncGenerator

MOST_LISTENERS = 200
REST_SECONDS = 0.25  # between two beats of one stream
QUIET_SECONDS = 20.0  # after which a stream says that it is still there


class EventStream:
    """Beats may come from any thread; listeners wait on the server's loop."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._ended = False

    @property
    def is_full(self) -> bool:
        """Whether no more may listen now."""
        return self._ended or len(self._listeners) >= MOST_LISTENERS

    def beat(self) -> None:
        """Something was written and is kept."""
        for event, loop in tuple(self._listeners.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    def end(self) -> None:
        """The server leaves: every stream ends, so that nobody waits for one."""
        self._ended = True
        self.beat()

    async def beats(self, *, quiet: float = QUIET_SECONDS) -> AsyncGenerator[bool, None]:
        """True for each beat, False where none came for `quiet` seconds; until the server
        leaves."""
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
                await asyncio.sleep(REST_SECONDS)
        finally:
            del self._listeners[event]
