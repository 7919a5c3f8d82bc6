"""What a daemon's parts share: the home, whom to tell, and how to wait."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from harness.domain.errors import Interrupted
from harness.home.webhooks import Address
from harness.operations.daemon.shutdown import Shutdown
from harness.ports.clock import Clock
from harness.store.clock import SystemClock
from harness.store.systemd import Notifier
from harness.wiring import Tell

Say = Callable[[str, str], None]

SLICE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class DaemonContext:
    """`say(kind, words)` is told each thing that happens, `tell` each node's end; `interval` is
    between two looks, in seconds; `zone` is where the schedules' clock hangs; `webhooks` is where
    they are taken, None where nowhere."""

    home: Path
    interval: float
    say: Say
    tell: Tell
    shutdown: Shutdown
    notifier: Notifier
    zone: tzinfo
    clock: Clock = field(default_factory=SystemClock)
    webhooks: Address | None = None

    def now(self) -> datetime:
        return self.clock.now().astimezone(self.zone)

    def rest(self, seconds: float, *, until: Callable[[], bool] = lambda: False) -> None:
        """Wait that long, or until `until` holds. Raises Interrupted once told to go."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            self.mind_the_door()
            time.sleep(SLICE_SECONDS)
        self.mind_the_door()

    def mind_the_door(self) -> None:
        """Give a sign of life. Raises Interrupted once told to go."""
        self.notifier.alive()
        if self.shutdown.told_by is not None:
            raise Interrupted("told to go")
