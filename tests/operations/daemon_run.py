"""The daemon's loop over fakes, and a shutdown without a signal."""

import signal
import threading
from datetime import UTC
from pathlib import Path

import pytest

from harness.domain.errors import Interrupted
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.home.document import HomeFile, write_home
from harness.log import Log
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.loop import Loop
from harness.operations.daemon.shutdown import Shutdown
from harness.store.in_memory import DirectEngine
from harness.store.systemd import Notifier
from harness.wiring import Works
from tests.fakes.log import LogEntries


def with_home(work: Path) -> Path:
    """A home that the day's digest can name its forge by."""
    write_home(
        work,
        HomeFile(
            owner="tidehouse",
            name="tidebook",
            forge="embedded",
            port=8300,
            number=1,
            token_file="keys/forge.token",
        ),
    )
    return work


class RequestedShutdown(Shutdown):
    """A shutdown that a test requests, without a signal to this process."""

    def request(self) -> None:
        self.signal_number = signal.SIGTERM


class DaemonRun:
    """A daemon's loop. It shuts down when it reports one of `until`, or after `looks` polls."""

    def __init__(
        self,
        world,
        *,
        until=(),
        looks=3,
        check=lambda: None,
        lift_after=0.0,
        interval=0.01,
        mail=None,
    ) -> None:
        self.log = LogEntries(self.react)
        self.successes = 0
        self.world, self.until, self.looks, self._check, self.lift_after = (
            world,
            until,
            looks,
            check,
            lift_after,
        )
        self.shutdown = RequestedShutdown(1)
        services, engine = world.services(), DirectEngine(world.done)
        engine.register(ACTION, node_action(services))
        context = DaemonContext(
            world.work,
            interval,
            Log(self.log),
            self.shutdown,
            Notifier({}),
            UTC,
            clock=world.ledger.clock,
        )
        works = Works(services, Dispatch(services, engine), engine, "http://forge", self.check)  # type: ignore[arg-type]
        self.loop = Loop(
            context, works, on_success=self.on_success, sweep=lambda: "3 MB freed", mail=mail
        )

    @property
    def said(self) -> list[tuple[str, str]]:
        """What the daemon itself reported: each event with its message, in order."""
        return [(one.event, one.message) for one in self.log.written if not one.node]

    def react(self, event: str) -> None:
        if event == "paused" and self.lift_after:
            threading.Timer(self.lift_after, self.world.services().places.stop_flag.unlink).start()
        if event in self.until:
            self.shutdown.request()

    def check(self) -> None:
        self._check()
        self.looks -= 1
        if self.looks == 0:
            self.shutdown.request()

    def on_success(self) -> None:
        self.successes += 1

    def work(self):
        with pytest.raises(Interrupted):
            self.loop.work()
        return self.said
