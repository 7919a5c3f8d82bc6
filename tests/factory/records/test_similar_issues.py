"""Which issues are alike: each pair is compared once, and the answer is that of comparing all of
them each time."""

from hypothesis import given
from hypothesis import strategies as st

from harness.domain.lifecycle import Event, State
from harness.factory.records.history import histories
from harness.factory.records.issue_index import IssueIndex
from harness.factory.records.similar_issues import SimilarIssues, are_alike, has_landed
from tests.events import event_of
from tests.fakes.ledger import FakeLedger

TEXTS = (
    "the places of a cancelled booking are gone when somebody books again tomorrow",
    "when somebody books again tomorrow the places of a cancelled booking are gone",
    "pictures of seals shown sideways after uploading large photographs from phones today",
)
WAY = (
    Event.TRIAGE_ACCEPTED,
    Event.DISPATCHED,
    Event.CHANGE_READY,
    Event.VERDICT_PASSED,
    Event.GATES_OPEN,
    Event.LANDED,
    Event.REGRESSED,
)
STATES = (
    State.UNTRIAGED,
    State.ACCEPTED,
    State.IMPLEMENTING,
    State.VALIDATING,
    State.APPROVED,
    State.MERGING,
    State.MERGED,
    State.ACCEPTED,
)


def moved_on(ledger, issue) -> None:
    """One step further on the way to landing, and from there back to being accepted."""
    done = sum(entry.kind == "transition" and entry.issue == issue for entry in ledger.written)
    at = done if done < len(WAY) else 1 + (done - 1) % (len(WAY) - 1)
    if done == 0:
        ledger.append(
            event_of("triage", {"title": "", "body": TEXTS[issue % len(TEXTS)]}),
            f"triage/{issue}",
            issue=issue,
        )
    ledger.append(
        event_of("transition", {"event": WAY[at], "from": STATES[at], "to": STATES[at + 1]}),
        f"e/{issue}/{done}",
        issue=issue,
    )


def landed_since(history, others):
    """The same question, asked of everything."""
    if history.state is not State.ACCEPTED:
        return None
    accepted = max(entry.seq for entry in history.transitions if entry.data["to"] == State.ACCEPTED)
    return next(
        (
            other
            for other in others
            if other.issue != history.issue
            and has_landed(other)
            and other.transitions[-1].seq > accepted
            and are_alike(history, other)
        ),
        None,
    )


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=60))
def test_comparing_what_is_new_gives_what_comparing_all_gives(steps) -> None:
    ledger = FakeLedger()
    index = IssueIndex(ledger)
    similar = SimilarIssues(index)
    for issue, asks in steps:
        moved_on(ledger, issue)
        recorded = histories(ledger.entries())
        for one in recorded if asks else ():
            assert similar.landed_meanwhile(one) == landed_since(one, recorded)
    for one in histories(ledger.entries()):
        assert similar.landed_meanwhile(one) == landed_since(one, histories(ledger.entries()))


def test_what_landed_before_an_issue_came_back_is_not_what_it_waits_for() -> None:
    """It was compared while it was accepted the first time; then another landed, then it landed
    itself and came back."""
    ledger = FakeLedger()
    similar = SimilarIssues(index := IssueIndex(ledger))
    moved_on(ledger, 3)
    assert similar.landed_meanwhile(index.of(3)) is None
    for issue, steps in ((6, 6), (3, 6)):
        for _ in range(steps):
            moved_on(ledger, issue)
    assert (index.of(3).state, index.of(6).state) == (State.ACCEPTED, State.MERGED)
    assert similar.landed_meanwhile(index.of(3)) is None


def test_what_landed_while_it_was_triaged_was_not_seen_by_its_triage() -> None:
    """Two are triaged at once, and the other one is merged before the answer about this
    one is there."""
    ledger = FakeLedger()
    similar = SimilarIssues(index := IssueIndex(ledger))
    for _ in range(3):
        moved_on(ledger, 9)
    ledger.append(event_of("run", {"workflow": "triage"}), "run/3", issue=3, run="triage-3-1")
    for _ in range(3):
        moved_on(ledger, 9)
    moved_on(ledger, 3)
    assert (found := similar.landed_meanwhile(index.of(3)))
    assert found.issue == 9


def test_one_that_is_alike_and_at_work_is_waited_for() -> None:
    """The fourth asks for what the third asks, in another order; the fifth is different."""
    ledger = FakeLedger()
    similar = SimilarIssues(index := IssueIndex(ledger))
    for issue, steps in ((3, 2), (4, 1), (5, 1)):
        for _ in range(steps):
            moved_on(ledger, issue)
    waits = {issue: similar.waits_for(index.of(issue), under_way=()) for issue in (3, 4, 5)}
    assert {issue: other and other.issue for issue, other in waits.items()} == {
        3: None,
        4: 3,
        5: None,
    }


def test_an_accepted_issue_waits_for_one_that_was_begun_just_now() -> None:
    ledger = FakeLedger()
    similar = SimilarIssues(index := IssueIndex(ledger))
    for issue in (3, 6):
        moved_on(ledger, issue)
    assert similar.waits_for(index.of(6), under_way=()) is None
    assert (similar.waits_for(index.of(6), under_way=(3,)) or index.of(0)).issue == 3
