"""Telling systemd how a service is: ready, alive, stopping. A datagram to the socket it names;
nothing where none is.

The protocol is sd_notify(3). What is sent is what the one thread that works has to say, never a
timer of its own: a service that hangs goes silent, and systemd's watchdog ends it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

MICROSECONDS = 1_000_000


class Notifier:
    """`ready`, `status` and `stopping` are sent as they happen; `alive` as often as called, at most
    twice a period."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._every = _watchdog_seconds(environment) / 2
        self._last = -self._every

    def ready(self, status: str) -> None:
        self._send("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        self._send(f"STATUS={status}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def alive(self) -> None:
        now = time.monotonic()
        if self._every and now - self._last >= self._every:
            self._last = now
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        """Whoever listens may be gone or slow; a service never fails for want of a listener."""
        if not self._address:
            return
        where = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            try:
                line.sendto("\n".join(" ".join(text.split()) for text in lines).encode(), where)
            except OSError:
                return


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """How long systemd waits for a sign of life; 0 where it does not, or waits for another
    process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return int(environment.get("WATCHDOG_USEC", "0")) / MICROSECONDS
    except ValueError:
        return 0.0
