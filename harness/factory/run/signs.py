"""The signs of life that a factory leaves while it works on a home, for status, dashboard and
health check.

Properties:
- a killed factory leaves none, so its death shows in its silence, and on its own machine at once;
- nothing waits for a sign, and none that cannot be written stops the work.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from harness.domain.errors import PortError
from harness.domain.presence import BEAT_SECONDS, PAGE_SECONDS, Doing, Presence
from harness.ports.clock import Clock
from harness.ports.presence import PresenceStore


def seen_from_here(presence: Presence) -> Presence:
    """The sign, with what this machine knows of its process."""
    return replace(presence, is_gone=_is_gone(presence))


def _is_gone(presence: Presence) -> bool:
    """Whether it is known to have ended. On another machine, and in another container, nobody
    knows."""
    if not presence.processes or presence.processes != _processes():
        return False
    with suppress(PermissionError, OverflowError):
        try:
            os.kill(presence.pid, 0)
        except ProcessLookupError:
            return True
    # One that ended keeps its number until its parent asks for it, which a container's may never.
    with suppress(OSError), open(f"/proc/{presence.pid}/stat", "rb") as file:
        return file.read().rpartition(b") ")[2][:1] in (b"Z", b"X")
    return False


def _processes() -> str:
    """Names the processes of which a pid here names one: those of this start of the machine, in
    this namespace. Empty where that cannot be known."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    return ""


class SignsOfLife:
    """The signs of this process. Without a store it has none, and every call does nothing. Any
    thread may call it."""

    def __init__(
        self,
        store: PresenceStore | None = None,
        clock: Clock | None = None,
        *,
        command: str = "",
        is_staying: bool = True,
        page_seconds: float = PAGE_SECONDS,
    ) -> None:
        self._store, self._clock = store, clock
        self._page_seconds = page_seconds
        self._command, self._is_staying = command, is_staying
        self._presence: Presence | None = None
        # Two locks: a slow store must not hold up `moved`, which the work calls.
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._board_at: datetime | None = None

    @property
    def presence(self) -> Presence | None:
        """This process's last sign; None before `begin`."""
        return self._presence

    def begin(self) -> Presence | None:
        """Leave the first sign. Returns the last one of whoever worked here before. Raises
        PortError."""
        if self._store is None or self._clock is None:
            return None
        before, now = self._store.read(), self._clock.now()
        host = socket.gethostname()
        self._presence = Presence(
            self._command,
            host,
            os.getpid(),
            now,
            now,
            now,
            is_staying=self._is_staying,
            page_seconds=self._page_seconds,
            processes=_processes(),
        )
        self._write()
        return before

    def looked(self) -> None:
        """It looks at the forge now, and does what there is to do."""
        if now := self._now():
            self._change(doing=Doing.WORKING, looked=now, looks_again=None, moved=now)

    def rests(self, doing: Doing, *, seconds: float | None) -> None:
        """Nothing is done before the next look, which comes after at most `seconds`; None: nobody
        knows when."""
        if now := self._now():
            # A number of seconds may be too large for any calendar.
            again = None if seconds is None else now + timedelta(seconds=min(seconds, 1e9))
            self._change(doing=doing, looks_again=again, moved=now)

    def moved(self) -> None:
        """Its work goes on. Cheap: it is called many times a second, and written with the next
        sign."""
        if (now := self._now()) and self._presence:
            with self._lock:
                self._presence = replace(self._presence, moved=now)

    def beat(self) -> None:
        """Its process lives."""
        if self._presence and self._presence.left is None:
            with suppress(PortError):
                self._write()

    def leave(self, how: str) -> None:
        """It leaves; `how` tells people how it ended. A second call changes nothing."""
        if (now := self._now()) and self._presence and self._presence.left is None:
            self._change(left=now, how=how, looks_again=None)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Leave a sign every BEAT_SECONDS, while the block lasts."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(BEAT_SECONDS):
                self.beat()

        thread = threading.Thread(target=beat, name="signs of life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def is_dashboard_due(self) -> bool:
        """Whether the dashboard was not looked at for so long that it may seem to be a dead
        factory's."""
        now, every = self._now(), timedelta(seconds=self._page_seconds)
        return bool(now and (self._board_at is None or now - self._board_at >= every))

    def dashboard_done(self) -> None:
        """The dashboard was written, or did not need to be."""
        self._board_at = self._now()

    def _now(self) -> datetime | None:
        return self._clock.now() if self._clock and self._presence else None

    def _change(self, **changes: object) -> None:
        with self._lock:
            if self._presence:
                self._presence = replace(self._presence, **changes)  # type: ignore[arg-type]
        with suppress(PortError):
            self._write()

    def _write(self) -> None:
        with self._writing:
            if not (self._store and self._presence and (now := self._now())):
                return
            with self._lock:
                self._presence = replace(self._presence, beat=now)
                sign = self._presence
            self._store.write(sign)
