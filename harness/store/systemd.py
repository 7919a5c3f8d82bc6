"""Reports a service's state to systemd: ready, alive, stopping. One datagram to the socket that
systemd names.

The protocol is sd_notify(3). Only the one working thread reports, not a timer: a service that hangs
goes silent, and systemd's watchdog ends it.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

MICROSECONDS = 1_000_000


class Notifier:
    """`ready`, `status` and `stopping` are sent at once; `alive` at most twice a watchdog
    period."""

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
        """The listener may be gone or slow; a service never fails because of it."""
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
    """How long systemd waits for a sign of life; 0 if it does not, or if it waits for another
    process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return int(environment.get("WATCHDOG_USEC", "0")) / MICROSECONDS
    except ValueError:
        return 0.0
