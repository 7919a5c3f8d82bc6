"""`factory up`: works on one home, by the workflows' schedules and as events come in, until it is
stopped.

Properties:
- The process that holds the home's lock works. Others stand by and take over at once when it ends,
  however it ended.
- Nothing outside ends the daemon. It reports an outage once, retries ever more slowly, and reports
  the end of the outage.
- A webhook only makes it poll sooner: polling finds what no webhook reported.
- The owner's stop pauses it and a resume continues it, both without a restart.
- At a shutdown it starts nothing new, and waits for running nodes until the timeout.
"""

from contextlib import suppress
from dataclasses import replace

from harness.domain.errors import (
    ConfigError,
    FactoryError,
    FactoryStop,
    Interrupted,
    PortError,
)
from harness.domain.presence import PAGE_SECONDS
from harness.factory.pipeline.tick import current_policy
from harness.factory.reporting.dashboard import show_dashboard
from harness.home.attendance import IN_GOOD_ORDER, attendance
from harness.home.document import BRANCH, read_home
from harness.home.error_intake import error_intake
from harness.home.state import ledger_of, sole_factory
from harness.home.webhooks import WebhookQueue, webhooks
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.health import health_check
from harness.operations.daemon.loop import Loop
from harness.operations.daemon.outage import Outages
from harness.store.lease import Lease
from harness.wiring import Works, open_works

WARM_WORKTREES = 1
TOO_LATE = "the shutdown timed out: what was running is repeated at the next start"


class Daemon:
    """One process of `factory up`."""

    def __init__(self, context: DaemonContext) -> None:
        self._context = context
        self._outages = Outages(context, ledger_of(context.home))
        self._is_up = False
        self._stood_by = False

    def run(self) -> None:
        """Work until a shutdown. Raises ConfigError if the home cannot be worked on as it is."""
        context = self._context
        if read_home(context.home).database == BRANCH:
            raise ConfigError(
                f"the state of {context.home} is on a branch, for passes on machines that vanish:"
                " use `factory tick`, or bring it back with `factory home move sqlite`"
            )
        with (
            suppress(Interrupted),
            health_check(context.home, context.health, now=context.now, log=context.log),
            sole_factory(
                context.home, command="factory up", patience=float("inf"), waiting=self._stand_by
            ) as lease,
        ):
            if self._stood_by:
                context.log.write("takeover", "the other process has ended; taking over")
            self._work_until_shutdown(lease)
        context.notifier.stopping()
        counts = ", ".join(f"{count} {event}" for event, count in context.log.counts.items())
        context.log.write("counts", counts)
        context.log.write("left", self._ending)

    @property
    def _ending(self) -> str:
        return TOO_LATE if self._context.shutdown.is_late else IN_GOOD_ORDER

    def _work_until_shutdown(self, lease: Lease) -> None:
        home, log = self._context.home, self._context.log
        with (
            attendance(
                home,
                command="factory up",
                log=log,
                is_staying=True,
                page_seconds=max(PAGE_SECONDS, self._context.interval),
                clock=self._context.clock,
            ) as signs,
            webhooks(home, self._context.webhooks, log=log) as mail,
            error_intake(home, log=log),
        ):
            self._context = replace(self._context, signs=signs)
            self._outages = Outages(self._context, ledger_of(home))
            try:
                while True:
                    self._work_until_something_is_down(lease, mail)
            except Interrupted:
                signs.leave(self._ending)
                raise

    def _stand_by(self, holder: str) -> None:
        if not self._stood_by:
            self._stood_by = True
            self._context.log.write(
                "standby", f"{holder} works on this home; standing by to take over"
            )
            self._context.notifier.ready("standing by")
        self._context.raise_if_stopping()

    def _work_until_something_is_down(self, lease: Lease, mail: WebhookQueue | None) -> None:
        try:
            with open_works(
                self._context.home,
                log=self._context.log,
                lease=lease,
                heartbeat=self._context.alive,
                warm=WARM_WORKTREES,
                signs=self._context.signs,
            ) as works:
                self._work(works, mail)
        # OSError: what the machine itself refuses, such as a write to a full disk.
        except (PortError, OSError) as error:
            self._outages.wait_out(error)
        # A policy or a workflow that is invalid now. At the start it ends the daemon; later, a
        # person mends it while the daemon waits.
        except FactoryError as error:
            if not self._is_up:
                raise
            self._outages.wait_out(error)

    def _work(self, works: Works, mail: WebhookQueue | None) -> None:
        """Run the loop. At a shutdown nothing new starts, and what runs may finish and is
        recorded."""
        shutdown = self._context.shutdown
        shutdown.on_signal = works.engine.refuse
        try:
            # The signal may have come before this engine could refuse anything.
            self._context.raise_if_stopping()
            self._report_up(works)
            Loop(
                self._context,
                works,
                on_success=self._outages.end,
                sweep=lambda: _freed(works),
                mail=mail,
            ).work()
        except Interrupted:
            if not shutdown.is_late:
                works.engine.drain()
                self._show_end(works)
            raise
        except PortError:
            # If one of our own programs is gone, name it, and not the call that failed without it.
            works.check()
            raise

    def _show_end(self, works: Works) -> None:
        """Say on the dashboard that this factory leaves, while its forge is still there."""
        self._context.signs.leave(self._ending)
        # Whoever stopped it, or a forge that is down, must not keep it from leaving.
        with suppress(FactoryError, FactoryStop, OSError):
            show_dashboard(works.services, current_policy(works.services))

    def _report_up(self, works: Works) -> None:
        if not self._is_up:
            self._is_up = True
            self._context.log.write("up", f"{works.url}, polled every {self._context.interval:g} s")
            self._context.notifier.ready("at work")


def _freed(works: Works) -> str:
    from harness.operations.maintenance.gc import sweep_home

    return f"{sum(sweep_home(works.services).freed.values()) / 1e6:.0f} MB freed"
