"""An outage is reported once, recorded in the ledger, and ended when everything is up again."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.errors import ForgeError, Interrupted
from harness.log import Log
from harness.operations.daemon.context import DaemonContext
from harness.operations.daemon.outage import LONGEST_PAUSE_SECONDS, Outages, pause, pause_until
from harness.operations.daemon.shutdown import Shutdown
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.systemd import Notifier
from tests.fakes.clock import FakeClock
from tests.fakes.log import LogEntries
from tests.operations.daemon_run import RequestedShutdown

DOWN = ForgeError("the forge was not reached", retryable=True)


class OutageLog:
    """One process's outages on a home. It is shutting down, so no pause is waited out."""

    def __init__(self, home) -> None:
        self.log = LogEntries()
        shutdown = RequestedShutdown(1)
        shutdown.request()
        self.ledger = SqliteLedger(home, SystemClock())
        self.outages = Outages(
            DaemonContext(
                home,
                1,
                Log(self.log),
                shutdown,
                Notifier({}),
                UTC,
            ),
            self.ledger,
        )

    @property
    def written(self):
        return self.log.written

    def wait_out(self, error=DOWN) -> None:
        with pytest.raises(Interrupted):
            self.outages.wait_out(error)

    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.ledger.entries()]


def test_it_is_said_once_however_often_it_is_tried(tmp_path) -> None:
    log = OutageLog(tmp_path)
    for _ in range(3):
        log.wait_out()
    assert [(entry.event, entry.message) for entry in log.written] == [
        ("down", "the forge was not reached; trying again until it is back")
    ]
    assert log.kinds() == ["outage"]


def test_it_is_said_once_when_it_is_over(tmp_path) -> None:
    log = OutageLog(tmp_path)
    log.wait_out()
    for _ in range(3):
        log.outages.end()
    assert [entry.event for entry in log.written] == ["down", "back"]
    assert log.kinds() == ["outage", "outage-ended"]


def test_another_one_later_is_another_one(tmp_path) -> None:
    log = OutageLog(tmp_path)
    for _ in range(2):
        log.wait_out()
        log.outages.end()
    assert [entry.event for entry in log.written] == ["down", "back"] * 2
    assert log.kinds() == ["outage", "outage-ended"] * 2


def test_what_a_killed_one_found_down_is_ended_by_the_next_that_finds_all_well(tmp_path) -> None:
    OutageLog(tmp_path).wait_out()
    after = OutageLog(tmp_path)
    after.outages.end()
    assert after.kinds() == ["outage", "outage-ended"]
    assert after.written == []


def test_a_full_disk_is_an_outage_like_another_and_need_not_be_in_the_ledger(tmp_path) -> None:
    (tmp_path / "ledger.lock").mkdir()  # nothing can be appended
    log = OutageLog(tmp_path)
    log.wait_out(OSError(28, "No space left on device"))
    assert "No space left on device" in log.written[0].message


@pytest.mark.parametrize(
    ("away", "seconds"),
    [(90, 90), (0, 1), (-500, 1), (10_000_000, 3600)],
    ids=["later", "now", "past", "a clock that is wrong"],
)
def test_a_forge_that_states_when_it_answers_again_is_asked_then(away, seconds) -> None:
    now = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)
    assert pause_until(now + timedelta(seconds=away), now=now) == seconds


def test_a_forge_that_asks_to_wait_is_named_with_the_hour_and_waited_for(tmp_path) -> None:
    said, rested = [], []

    class Patient(DaemonContext):
        def rest(self, seconds, *, until=lambda: False) -> None:
            rested.append(seconds)

    class Recording(Notifier):
        def ready(self, words) -> None:
            said.append(words)

    clock = FakeClock()
    context = Patient(
        tmp_path,
        1,
        Log(),
        Shutdown(1),
        Recording({}),
        UTC,
        clock=clock,
    )
    outages = Outages(context, SqliteLedger(tmp_path, clock))
    outages.wait_out(
        ForgeError(
            "the forge's rate limit ended it",
            retryable=True,
            again_at=clock.at + timedelta(minutes=20),
        )
    )
    assert said == ["the forge asks to wait until 02:37:00: the forge's rate limit ended it"]
    assert 1190 < rested[0] <= 1200, "not the second that a first failure waits"
    outages.wait_out(DOWN)
    assert rested[1] == 2


def test_each_pause_is_twice_the_last_and_none_is_longer_than_two_minutes() -> None:
    pauses = [pause(tries) for tries in range(1, 100)]
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert max(pauses) == LONGEST_PAUSE_SECONDS == 120
