"""Outages: what is down, since when, and how long to wait before the next try. Each is reported
once, and once more when it is over."""

from contextlib import suppress
from datetime import datetime

from harness.domain.errors import FactoryError, LedgerError
from harness.domain.events import LedgerEvent, OutageBegan, OutageEnded
from harness.domain.presence import Doing
from harness.domain.release import SOAKS, ReleaseState
from harness.factory.records.releases import ReleaseIndex
from harness.factory.reporting.digest import open_outages
from harness.factory.reporting.times import span
from harness.operations.daemon.context import DaemonContext
from harness.ports.ledger import Ledger, recorded

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, MOST_SECONDS = 1.0, 120.0, 3600.0
WATCHED_SECONDS = 10.0
"""The longest wait while a release is watched: whoever tries again looks at it first."""
_WATCHED = SOAKS | {ReleaseState.ROLLING_BACK}


class Outages:
    """The outages of one home. They are recorded in its ledger for the digest, unless the ledger
    itself is down."""

    def __init__(self, context: DaemonContext, ledger: Ledger) -> None:
        self._context = context
        self._ledger = ledger
        self._releases = ReleaseIndex(ledger)
        self._tries = 0
        self._since: datetime | None = None
        self._are_old_ones_ended = False

    def wait_out(self, error: FactoryError | OSError) -> None:
        """Report what is down, if this is new, and wait. The wait doubles each time, up to two
        minutes; if the forge states when it will answer again, it lasts until then. While a release
        is watched it lasts ten seconds at most."""
        if self._since is None:
            self._since = self._context.now()
            self._context.log.write("down", f"{error}; trying again until it is back")
            self._record(OutageBegan(str(error)), f"outage/{self._since.isoformat()}")
        self._tries += 1
        again_at, now = getattr(error, "again_at", None), self._context.now()
        if again_at is None:
            self._context.notifier.ready(f"down since {self._since:%H:%M}: {error}")
        else:
            self._context.notifier.ready(
                f"the forge asks to wait until {again_at.astimezone(self._context.zone):%H:%M:%S}:"
                f" {error}"
            )
        seconds = pause(self._tries) if again_at is None else pause_until(again_at, now=now)
        # Before `again_at` the forge is sent nothing: the rate limiter of this process refuses it.
        if self._is_release_watched():
            seconds = min(seconds, WATCHED_SECONDS)
        self._context.signs.rests(Doing.DOWN, seconds=seconds)
        self._context.rest(seconds)

    def _is_release_watched(self) -> bool:
        with suppress(LedgerError):
            release = self._releases.current()
            return release is not None and release.state in _WATCHED
        return False

    def end(self) -> None:
        """Everything is up. Record the end of every open outage in the ledger."""
        # A process that was killed may have left open outages there.
        if self._are_old_ones_ended and self._since is None:
            return
        self._are_old_ones_ended = True
        for outage in open_outages(
            (*recorded(self._ledger, OutageBegan), *recorded(self._ledger, OutageEnded))
        ):
            self._record(OutageEnded(outage.key), f"{outage.key}/ended")
        if self._since is not None:
            lasted = span(self._context.now() - self._since)
            self._context.log.write("back", f"everything is up again, after {lasted}")
            self._context.notifier.status("at work")
        self._tries, self._since = 0, None

    def _record(self, event: LedgerEvent, key: str) -> None:
        with suppress(LedgerError):
            self._ledger.append(event, key)


def pause(tries: int) -> float:
    """Seconds to wait after the `tries`-th failure in a row, from 1."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(tries - 1, 30))


def pause_until(again_at: datetime, *, now: datetime) -> float:
    """Seconds until a forge answers again: an earlier try would only prolong the refusal. At most
    an hour, because the two clocks may disagree."""
    return min(MOST_SECONDS, max(FIRST_PAUSE_SECONDS, (again_at - now).total_seconds()))
