"""`factory up`: one home, worked on by the workflows' own schedule and as things happen, until told
to stop.

Properties kept:
- whoever holds the home's lock works; others wait, and take over within a blink of its death,
  however it died;
- nothing outside ends it: it says once what is down, tries again ever more slowly, and says when
  that is back;
- a webhook makes it look sooner, and nothing depends on one: what none told is found all the same;
- the owner's stop pauses it, a resume goes on, both without a restart;
- told to go, it starts nothing more and lets what runs finish within the grace.
"""

from contextlib import suppress

from harness.domain.errors import FactoryError, Interrupted, PortError
from harness.home.state import ledger_of, sole_factory
from harness.home.webhooks import WebhookQueue, webhooks
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.loop import Loop
from harness.operations.daemon.outage import Outages
from harness.store.lease import Lease
from harness.wiring import Works, open_works

WARM_WORKTREES = 1


class Daemon:
    """One process of `factory up`."""

    def __init__(self, context: DaemonContext) -> None:
        self._context = context
        self._outages = Outages(context, ledger_of(context.home))
        self._is_up = False
        self._stood_by = False

    def run(self) -> None:
        """Work until told to go. Raises ConfigError where the home cannot be worked on as it
        stands."""
        context = self._context
        with (
            suppress(Interrupted),
            sole_factory(
                context.home, command="factory up", patience=float("inf"), waiting=self._stand_by
            ) as lease,
        ):
            if self._stood_by:
                context.say("takeover", "the other one is gone; taking over")
            with webhooks(context.home, context.webhooks, say=context.say) as mail:
                while True:
                    self._work_until_something_is_down(lease, mail)
        context.notifier.stopping()
        context.say(
            "left",
            "the grace was over: what was under way is made again"
            if context.shutdown.is_late
            else "in good order",
        )

    def _stand_by(self, holder: str) -> None:
        if not self._stood_by:
            self._stood_by = True
            self._context.say("standby", f"{holder} works on this home; standing by to take over")
            self._context.notifier.ready("standing by")
        self._context.mind_the_door()

    def _work_until_something_is_down(self, lease: Lease, mail: WebhookQueue | None) -> None:
        try:
            with open_works(
                self._context.home,
                tell=self._context.tell,
                lease=lease,
                heartbeat=self._context.notifier.alive,
                warm=WARM_WORKTREES,
            ) as works:
                self._work(works, mail)
        except (
            PortError,
            OSError,
        ) as error:  # OSError: what the machine itself refuses, such as a full disk
            self._outages.sit_out(error)
        except (
            FactoryError
        ) as error:  # a law or a workflow that cannot be obeyed as it stands now: a person mends it
            if not self._is_up:
                raise
            self._outages.sit_out(error)

    def _work(self, works: Works, mail: WebhookQueue | None) -> None:
        """Told to go while something runs, nothing more is started; what runs may finish, and is
        recorded."""
        shutdown = self._context.shutdown
        shutdown.on_told = works.engine.refuse
        try:
            self._context.mind_the_door()  # told before this engine was there to refuse anything
            self._say_up(works)
            Loop(
                self._context,
                works,
                well=self._outages.over,
                sweep=lambda: _freed(works),
                mail=mail,
            ).work()
        except Interrupted:
            if not shutdown.is_late:
                works.engine.drain()
            raise
        except PortError:
            # a program of ours that is gone is named itself, not by what failed for want of it
            works.check()
            raise

    def _say_up(self, works: Works) -> None:
        if not self._is_up:
            self._is_up = True
            self._context.say("up", f"{works.url}, looked at every {self._context.interval:g} s")
            self._context.notifier.ready("at work")


def _freed(works: Works) -> str:
    from harness.operations.maintenance.gc import swept

    return f"{sum(swept(works.services).freed.values()) / 1e6:.0f} MB freed"
