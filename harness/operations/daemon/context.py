"""What the parts of a daemon share: the home, how to report events, and how to wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from harness.domain.errors import Interrupted
from harness.factory.run.signs import SignsOfLife
from harness.home.webhooks import WebhookAddress
from harness.log import Log
from harness.operations.daemon.shutdown import Shutdown
from harness.ports.clock import Clock
from harness.store.clock import SystemClock
from harness.store.systemd import Notifier

SLICE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class DaemonContext:
    """`interval` is the time between two polls, in seconds. Schedules are read in the time zone
    `zone`. `webhooks` is the address to receive webhooks at, `health` that of the health check;
    with None there is none. `signs` are the signs of life of this process."""

    home: Path
    interval: float
    log: Log
    shutdown: Shutdown
    notifier: Notifier
    zone: tzinfo
    clock: Clock = field(default_factory=SystemClock)
    webhooks: WebhookAddress | None = None
    health: WebhookAddress | None = None
    signs: SignsOfLife = field(default_factory=SignsOfLife)

    def now(self) -> datetime:
        return self.clock.now().astimezone(self.zone)

    def rest(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Wait for `seconds`, or until `until` holds. Raises Interrupted at a shutdown."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            self.raise_if_stopping()
            time.sleep(SLICE_SECONDS)
        self.raise_if_stopping()

    def raise_if_stopping(self) -> None:
        """Send a heartbeat to the service manager. Raises Interrupted at a shutdown."""
        self.alive()
        if self.shutdown.signal_number is not None:
            raise Interrupted("shutting down")

    def alive(self) -> None:
        """The work goes on: tell the service manager, and whoever reads the signs of life."""
        self.notifier.alive()
        self.signs.moved()
