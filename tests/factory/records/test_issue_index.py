"""What a process has read of the ledger is what reading all of it would give, and is read once."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.events import CommandGiven, IssueSeen
from harness.domain.facts import UNKNOWN
from harness.domain.lifecycle import Event, State, events_from, next_state
from harness.factory.records.history import histories
from harness.factory.records.issue_index import IssueIndex
from harness.factory.records.watch_list import is_live
from harness.factory.reporting.transitions import needs_projection
from tests.events import event_of
from tests.fakes.ledger import FakeLedger

ISSUES = 4


class Reading(FakeLedger):
    """A ledger that counts the entries it hands out."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def entries(self, **wanted):
        found = super().entries(**wanted)
        self.read += len(found)
        return found


def is_odd(history):
    return len(history.entries) % 2 == 1


def write(ledger, issue, choice) -> None:
    """The next thing that may happen to this issue: `choice` picks among what the table allows, and
    notes."""
    at, key = len(ledger.written), f"entry/{len(ledger.written)}"
    state = next(
        (history.state for history in histories(ledger.entries()) if history.issue == issue),
        State.UNTRIAGED,
    )
    allowed = sorted(events_from(state) - {Event.RESUMED, Event.OWNER_HOLD})
    if not any(entry.issue == issue for entry in ledger.written):
        ledger.append(
            event_of(
                "issue", {"title": "T", "author": issue, "login": "ana", "may_command": False}
            ),
            key,
            issue=issue,
        )
    elif choice < len(allowed):
        after = next_state(state, allowed[choice])
        ledger.append(
            event_of("transition", {"event": allowed[choice], "from": state, "to": after}),
            key,
            issue=issue,
        )
    else:
        ledger.append(event_of("note", {"at": at}), key, issue=issue if choice % 2 else None)


@given(st.lists(st.tuples(st.integers(1, ISSUES), st.integers(0, 6), st.booleans()), max_size=40))
def test_folding_what_is_new_gives_what_folding_all_gives(steps) -> None:
    ledger = FakeLedger()
    index = IssueIndex(ledger)
    for issue, choice, looks in steps:
        write(ledger, issue, choice)
        if looks:
            index.filter(is_live)
            index.filter(is_odd)
    whole = histories(ledger.entries())
    assert index.histories() == whole
    assert [history.state for history in index.histories()] == [history.state for history in whole]
    for question in (is_live, is_odd, needs_projection):
        assert index.filter(question) == tuple(history for history in whole if question(history))
    moves = [entry for entry in ledger.written if entry.kind == "transition"]
    for seq in range(len(ledger.written) + 1):
        assert index.moved_after(seq) == (
            {entry.issue for entry in moves if entry.seq > seq},
            len(ledger.written),
        )
        assert index.moved_after(seq, Event.DISPATCHED)[0] == {
            entry.issue
            for entry in moves
            if entry.seq > seq and entry.data["event"] == Event.DISPATCHED
        }
        then = histories(entry for entry in ledger.written if entry.seq <= seq)
        assert index.filter_at(seq, is_odd) == tuple(filter(is_odd, then))


def test_each_entry_is_read_once_however_often_it_is_asked() -> None:
    ledger = Reading()
    index = IssueIndex(ledger)
    for number in range(1, 101):
        ledger.append(event_of("issue", {"title": "T"}), f"issue/{number}", issue=number)
        index.filter(is_live)
        index.histories()
        index.of(number)
    assert ledger.read == 100


def test_a_login_that_two_accounts_had_names_none_of_them() -> None:
    ledger = FakeLedger()
    index = IssueIndex(ledger)
    for issue, author, login in ((1, 5, "kim"), (2, 5, "kim"), (3, 7, "ana"), (4, 0, "")):
        ledger.append(IssueSeen("T", author, login), f"issue/{issue}", issue=issue)
    names = [index.author_of(index.of(issue)) for issue in (1, 2, 3, 4)]
    assert names == ["kim", "kim", "ana", UNKNOWN]
    ledger.append(CommandGiven("retried", 9, "Kim"), "comment/1", issue=3)
    names = [index.author_of(index.of(issue)) for issue in (1, 2, 3)]
    assert names == [UNKNOWN, UNKNOWN, "ana"]


def test_an_issue_that_is_not_known_has_an_empty_history() -> None:
    assert (IssueIndex(FakeLedger()).of(7).issue, IssueIndex(FakeLedger()).of(7).entries) == (7, ())


def test_when_the_first_issue_was_taken_in_is_known() -> None:
    ledger = FakeLedger()
    assert IssueIndex(ledger).began is None
    ledger.append(event_of("note", {}), "n")
    first = ledger.append(event_of("issue", {}), "issue/1", issue=1)
    ledger.append(event_of("issue", {}), "issue/2", issue=2)
    assert IssueIndex(ledger).began == datetime.fromisoformat(first.at)


@pytest.mark.parametrize("whole", [False, True])
def test_what_is_new_is_verified_and_all_of_it_where_that_is_asked_for(whole) -> None:
    ledger = FakeLedger()
    index = IssueIndex(ledger)
    for number in (1, 2, 3):
        ledger.append(event_of("note", {}), f"n/{number}")
    assert index.fault() is None
    ledger.written[0] = replace(
        ledger.written[0], kind="forged"
    )  # what was read before is not read again
    assert (index.fault(whole=whole) is not None) is whole
    ledger.append(event_of("note", {}), "n/4")
    ledger.written[3] = replace(ledger.written[3], kind="forged")
    assert index.fault() is not None


def test_a_ledger_that_went_back_is_a_fault() -> None:
    ledger = FakeLedger()
    index = IssueIndex(ledger)
    for number in (1, 2, 3):
        ledger.append(event_of("note", {}), f"n/{number}")
    assert index.fault() is None
    del ledger.written[2:]
    assert "entry 3" in index.fault().message
