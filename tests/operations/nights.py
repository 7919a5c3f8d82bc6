"""A shift of the daemon over fakes, and how it is told to go."""

import signal
import threading
from datetime import UTC

import pytest

from harness.domain.errors import Interrupted
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.loop import Loop
from harness.operations.daemon.shutdown import Shutdown
from harness.store.systemd import Notifier
from harness.wiring import Works
from tests.fakes.engine import FakeEngine


class ToldDeparture(Shutdown):
    """A departure that a test asks for, without a signal to this process."""

    def tell(self) -> None:
        self.told_by = signal.SIGTERM


class Night:
    """A shift that is told to go when it says one of `until`, or has looked `looks` times."""

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
        self.said: list[tuple[str, str]] = []
        self.wells = 0
        self.world, self.until, self.looks, self._check, self.lift_after = (
            world,
            until,
            looks,
            check,
            lift_after,
        )
        self.shutdown = ToldDeparture(1)
        services, engine = world.services(), FakeEngine(world.done)
        engine.register(ACTION, node_action(services))
        context = DaemonContext(
            world.work,
            interval,
            self.say,
            lambda *told: None,
            self.shutdown,
            Notifier({}),
            UTC,
            clock=world.ledger.clock,
        )
        works = Works(services, Dispatch(services, engine), engine, "http://forge", self.check)  # type: ignore[arg-type]
        self.shift = Loop(context, works, well=self.well, sweep=lambda: "3 MB freed", mail=mail)

    def say(self, kind, words) -> None:
        self.said.append((kind, words))
        if kind == "paused" and self.lift_after:
            threading.Timer(self.lift_after, self.world.services().places.stop_flag.unlink).start()
        if kind in self.until:
            self.shutdown.tell()

    def check(self) -> None:
        self._check()
        self.looks -= 1
        if self.looks == 0:
            self.shutdown.tell()

    def well(self) -> None:
        self.wells += 1

    def work(self):
        with pytest.raises(Interrupted):
            self.shift.work()
        return self.said
