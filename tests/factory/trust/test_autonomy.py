"""The autonomy index: who needed nobody. A script that shares no line with the factory counts it
again, from the rows of the database."""

from datetime import timedelta

import pytest

from bench.trust_recount import recount, rows_of
from harness.domain.events import CommandGiven, LandingFollowed
from harness.domain.landing import Outcome
from harness.domain.lifecycle import Event
from harness.factory.records.history import histories
from harness.factory.trust.autonomy import AMENDED, WAITED, autonomy
from harness.store.ledger.sqlite import SqliteLedger
from tests.factory.trust.recorded import Life, random_ledger
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger

E = Event


def index(ledger, days=0):
    now = ledger.clock.now() + timedelta(days=days)
    return autonomy(histories(ledger.entries()), now=now)


@pytest.fixture
def ledger():
    return FakeLedger()


@pytest.mark.parametrize("seed", range(3))
def test_an_independent_count_of_the_rows_agrees(tmp_path, seed) -> None:
    clock = FakeClock()
    ledger = SqliteLedger(tmp_path, clock)
    random_ledger(ledger, clock, seed=seed, issues=60)
    now, entries = clock.now(), ledger.entries()
    ledger.close()
    for back in (0, 5, 40):
        moment = now - timedelta(days=back)
        found = autonomy(histories(entries), now=moment)
        assert (found.issues, found.alone) == recount(rows_of(tmp_path / "ledger.db"), moment)
        assert back == 40 or 0 < found.alone < found.issues, "this seed shows something"


def test_of_nothing_it_is_zero_and_of_everything_never_all(ledger) -> None:
    assert index(ledger).index == 0
    assert index(ledger).interval == (0, 1)
    for issue in range(1, 31):
        one = Life(ledger, issue)
        one.accept()
        one.land()
    assert index(ledger).alone == index(ledger).issues == 30
    assert index(ledger).index == 30 / 31
    assert index(ledger).interval[0] > 0.88


def test_what_people_did_in_the_others_is_counted_by_issue(ledger) -> None:
    retried, commanded, amended, asked = (Life(ledger, issue) for issue in range(1, 5))
    for one in (retried, commanded, amended, asked):
        one.accept()
    retried.move(E.DISPATCHED, E.CANNOT_DO, E.RETRIED)
    retried.land()
    commanded.write(CommandGiven("priority", actor=7))
    commanded.write(CommandGiven("priority", actor=7))
    commanded.land()
    amended.write(LandingFollowed(amended.land(), Outcome.AMENDED, by="e" * 40))
    asked.move(E.DISPATCHED, E.CANNOT_DO)
    found = index(ledger)
    assert (found.issues, found.alone) == (4, 0)
    assert dict(found.acts) == dict.fromkeys(
        ("asked for another try", "gave another command", AMENDED, WAITED), 1
    )


def test_what_is_under_way_rejected_or_long_ago_does_not_count(ledger) -> None:
    rejected, under_way, landed = (Life(ledger, issue) for issue in range(1, 4))
    rejected.move(E.TRIAGE_REJECTED)
    under_way.accept()
    landed.accept()
    landed.land()
    assert (index(ledger).issues, index(ledger).alone) == (1, 1)
    assert index(ledger, days=31).issues == 0


def test_what_the_factory_does_itself_is_no_persons_act(ledger) -> None:
    one = Life(ledger, 1)
    one.accept()
    one.write(CommandGiven("freeze", why="a red canary", commit="c" * 40))
    one.write(LandingFollowed(one.land(), Outcome.STAYED))
    assert index(ledger).alone == 1
