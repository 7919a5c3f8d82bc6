"""A ledger that goes on from a recorded one."""

import pytest

from harness.domain.ledger import entry_document, first_fault
from harness.store.in_memory import OverlayLedger, ReplayedLedger, entries_from
from tests.events import event_of
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger


@pytest.fixture
def recorded():
    ledger = FakeLedger(FakeClock())
    ledger.append(event_of("issue", {"title": "t"}), "issue/1", issue=1)
    ledger.append(event_of("run", {"base": "b"}), "run/triage-1-1", issue=1, run="triage-1-1")
    ledger.append(event_of("note", {"says": "one"}), "triage-1-1/a/1", issue=1, run="triage-1-1")
    ledger.append(event_of("issue", {"title": "u"}), "issue/2", issue=2)
    ledger.append(event_of("note", {"says": "two"}), "triage-1-1/b/1", issue=1, run="triage-1-1")
    return ledger


def test_the_same_run_again_gives_the_same_chain_to_the_last_hash(recorded) -> None:
    played = ReplayedLedger(recorded.written, "triage-1-1")
    assert [entry.key for entry in played.entries()] == ["issue/1", "run/triage-1-1"]
    for entry in recorded.written:
        if entry.kind == "note":
            played.append(event_of(entry.kind, entry.data), entry.key, issue=1, run=entry.run)
    assert played.entries() == tuple(recorded.written)
    assert played.came == played.recorded


def test_what_others_wrote_meanwhile_is_there_when_it_was(recorded) -> None:
    played = ReplayedLedger(recorded.written, "triage-1-1")
    played.append(event_of("note", {"says": "other"}), "triage-1-1/a/1", issue=1, run="triage-1-1")
    assert played.find("issue/2") is None
    played.append(event_of("note", {"says": "two"}), "triage-1-1/b/1", issue=1, run="triage-1-1")
    assert [entry.key for entry in played.entries()] == [entry.key for entry in recorded.written]
    assert first_fault(played.entries(), None) is None
    assert played.entries()[-1].hash != recorded.written[-1].hash


def test_the_clock_is_that_of_the_recorded_run(recorded) -> None:
    played = ReplayedLedger(recorded.written, "triage-1-1")
    assert played.now().isoformat() == recorded.written[2].at
    played.append(event_of("note", {}), "triage-1-1/a/1", issue=1, run="triage-1-1")
    assert played.now().isoformat() == recorded.written[4].at


def test_a_key_is_written_once(recorded) -> None:
    played = ReplayedLedger(recorded.written, "triage-1-1")
    first = played.append(
        event_of("note", {"says": "one"}), "triage-1-1/a/1", issue=1, run="triage-1-1"
    )
    assert (
        played.append(
            event_of("note", {"says": "again"}), "triage-1-1/a/1", issue=1, run="triage-1-1"
        )
        == first
    )


def test_a_run_that_never_began_is_no_run(recorded) -> None:
    with pytest.raises(KeyError):
        ReplayedLedger(recorded.written, "triage-9-9")


def test_entries_are_written_and_read_again(recorded) -> None:
    documents = (entry_document(entry) for entry in recorded.written)
    assert entries_from(documents) == tuple(recorded.written)


def test_a_ledger_over_another_leaves_it_as_it_is(recorded) -> None:
    before = tuple(recorded.written)
    over = OverlayLedger(recorded.entries(), recorded.clock.now)
    over.append(event_of("note", {"x": (1, 2)}), "thought", issue=1)
    assert tuple(recorded.written) == before
    assert [entry.key for entry in over.added] == ["thought"]
    assert over.entries(issue=1)[-1].data == {"x": [1, 2]}
    assert over.find("issue/2") == recorded.find("issue/2")
    assert first_fault(over.entries(), None) is None
