"""What people are told at once: which events, once each, and when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from harness.domain.events import (
    Answer,
    FactoryLeft,
    NoticeBegan,
    NoticeSent,
    OutageBegan,
    OutageEnded,
    PauseBegan,
    RedJourney,
    RegressionAnswered,
    RegressionTraced,
    TransitionRecorded,
)
from harness.domain.lifecycle import Event, State
from harness.domain.notices import NoticeKind, QuietHours
from harness.factory.reporting.notices import MOST_LINES, due, message, outbox
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger

ALL = frozenset(NoticeKind)
MOVED = {
    "needs-human": TransitionRecorded(Event.RUN_FAILED, State.UNTRIAGED, State.NEEDS_HUMAN),
    "suspected-attack": TransitionRecorded(
        Event.ATTACK_SUSPECTED, State.IMPLEMENTING, State.NEEDS_HUMAN
    ),
    "merged": TransitionRecorded(Event.LANDED, State.MERGING, State.MERGED),
    "reverted": TransitionRecorded(Event.REVERTED, State.MERGED, State.NEEDS_HUMAN),
}
UNTOLD = (
    TransitionRecorded(Event.TRIAGE_ACCEPTED, State.UNTRIAGED, State.ACCEPTED),
    PauseBegan("issue", "busy", "2030-05-04T09:00:00+00:00", issue=4),
    OutageEnded("outage/none"),
)


class Book:
    """A ledger with notices turned on at its beginning."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = FakeLedger(self.clock)
        self.count = 0
        self.add(NoticeBegan(0), key="notice/1")
        self.add(NoticeSent("notice/1", 0, 0))

    def add(self, event, *, key="", issue=None):
        self.count += 1
        return self.ledger.append(event, key or f"entry/{self.count}", issue=issue)

    def outbox(self, after=timedelta(), kinds=ALL):
        entries = self.ledger.entries()
        return outbox(entries, entries[-1].seq, self.clock.at + after, kinds=kinds)

    def told(self, **more):
        return [(one.kind.value, one.issue, one.words) for one in self.outbox(**more).notices]


@pytest.fixture
def book():
    return Book()


@pytest.mark.parametrize("kind", MOVED)
def test_an_issue_that_moved_is_told_by_its_number(book, kind) -> None:
    book.add(MOVED[kind], issue=7)
    ((told, issue, words),) = book.told()
    assert (told, issue) == (kind, 7)
    assert words.startswith("#7 ")


def test_what_is_broken_is_told_once_by_commit_and_without_anybodys_words(book) -> None:
    red = RedJourney("sha256:j", 3, "<!-- obey --> words of a title", "not shown")
    for journey in ("j", "k"):
        found = replace(red, journey=f"sha256:{journey}")
        book.add(RegressionTraced(found, "5" * 40, culprit="1" * 40, culprit_issue=7), issue=7)
    book.add(RegressionAnswered("1" * 40, Answer.FIX), issue=7)
    book.add(RegressionAnswered("2" * 40, Answer.FILED, number=9))
    book.add(RegressionTraced(red, "3" * 40, message="none"))
    book.add(RegressionTraced(red, "4" * 40, message="never green", escaped=8))
    assert book.told() == [
        (
            "regressed",
            7,
            "what worked is broken since 111111111111, the change for #7; it is worked on again",
        ),
        ("regressed", 0, "what worked is broken since 222222222222, a push; #9 was filed"),
        ("regressed", 0, "what worked is broken on 333333333333; no landing can be named"),
    ]


def test_a_factory_that_left_or_died_and_a_budget_and_a_pause_are_told(book) -> None:
    book.add(FactoryLeft("factory up", "2030-05-04T02:17:00+00:00", "in good order"))
    book.add(FactoryLeft("factory up", "2030-05-04T02:17:00+00:00", "it was killed", died=True))
    book.add(PauseBegan("day", "$20 are spent", "2030-05-05T00:00:00+00:00"))
    book.add(PauseBegan("provider", "it says: evil", "2030-05-04T02:40:00+00:00"))
    assert book.told() == [
        ("left", 0, "`factory up` left at 2030-05-04 02:17:00 UTC"),
        ("left", 0, "`factory up` died; its last sign of life was 2030-05-04 02:17:00 UTC"),
        (
            "budget",
            0,
            "the budget of the day is used up; no model is asked until 2030-05-05 00:00:00 UTC",
        ),
        ("paused", 0, "no model is asked until 2030-05-04 02:40:00 UTC"),
    ]


@pytest.mark.parametrize("event", UNTOLD)
def test_what_concerns_nobody_is_not_told(book, event) -> None:
    book.add(event, issue=4)
    assert book.told() == []


def test_a_pause_that_only_goes_on_is_one_event(book) -> None:
    for minute in (20, 30, 50):
        book.add(PauseBegan("provider", "busy", f"2030-05-04T02:{minute}:00+00:00"))
    assert len(book.told()) == 1
    book.clock.at += timedelta(hours=3)
    book.add(PauseBegan("provider", "busy", "2030-05-04T06:00:00+00:00"))
    assert len(book.told()) == 2


def test_an_outage_is_told_once_it_has_lasted_a_minute_and_else_never(book) -> None:
    book.add(OutageBegan("no route to secret.example"), key="outage/1")
    assert book.told() == []
    assert book.told(after=timedelta(minutes=1)) == [
        ("outage", 0, "something that the factory needs does not answer")
    ]
    book.add(OutageEnded("outage/1"))
    assert book.told(after=timedelta(hours=1)) == []


def test_what_follows_a_new_outage_is_not_lost(book) -> None:
    book.add(OutageBegan("down"), key="outage/1")
    book.add(MOVED["merged"], issue=7)
    first = book.outbox()
    book.add(NoticeBegan(first.through, tuple(one.seq for one in first.notices)), key="notice/2")
    book.add(NoticeSent("notice/2", 1, 0))
    assert [one for one, *_ in book.told(after=timedelta(minutes=2))] == ["outage", "merged"]


def test_notices_that_are_turned_on_tell_nothing_of_before() -> None:
    ledger = FakeLedger(FakeClock())
    ledger.append(MOVED["merged"], "entry/1", issue=7)
    found = outbox(ledger.entries(), 1, ledger.clock.at, kinds=ALL)
    assert (found.is_first, found.notices, found.through) == (True, (), 1)


def test_only_the_kinds_that_are_wanted_are_told(book) -> None:
    for event in MOVED.values():
        book.add(event, issue=7)
    assert [kind for kind, *_ in book.told(kinds=frozenset({NoticeKind.REVERTED}))] == ["reverted"]


def sent(book, *, taken):
    """A message of everything, and what became of it; None: a kill came in between."""
    found = book.outbox()
    key = f"notice/{len(book.ledger.entries(kind='notice')) + 1}"
    book.add(NoticeBegan(found.through, tuple(one.seq for one in found.notices)), key=key)
    if taken is not None:
        book.add(NoticeSent(key, taken, 1 - taken))


def test_what_was_sent_is_not_told_again_nor_what_may_have_been(book) -> None:
    book.add(MOVED["merged"], issue=7)
    sent(book, taken=None)
    assert book.outbox().unsure == 1
    assert book.told() == []
    book.add(MOVED["merged"], issue=8)
    assert [issue for _, issue, _ in book.told()] == [8]
    assert "may not have arrived" in message(book.outbox(), "o/r", str)[1]
    sent(book, taken=1)
    assert book.told() == []
    assert book.outbox().unsure == 0


def test_what_no_address_took_is_told_later_and_ever_more_rarely(book) -> None:
    book.add(MOVED["merged"], issue=7)
    waits = []
    for _ in range(9):
        sent(book, taken=0)
        waits.append(book.outbox().not_before - book.clock.at)
    assert [round(wait / timedelta(minutes=1)) for wait in waits] == [
        1,
        2,
        4,
        8,
        16,
        32,
        60,
        60,
        60,
    ]
    book.add(MOVED["merged"], issue=8)
    assert [issue for _, issue, _ in book.told()] == [7, 8]
    assert not due(book.outbox(), book.clock.at, None)
    assert due(book.outbox(), book.clock.at + timedelta(hours=1), None)


def at(clock):
    return datetime.fromisoformat(f"2030-05-{clock}").replace(tzinfo=UTC)


NIGHT, ALWAYS = QuietHours(time(22), time(7)), QuietHours(time(8), time(8))
NOON = QuietHours(time(12), time(13, 30))


@pytest.mark.parametrize(
    ("quiet", "happened", "now", "told"),
    [
        (None, "04T23:00", "04T23:00", True),
        (NIGHT, "04T21:59", "04T21:59", True),
        (NIGHT, "04T21:59", "04T22:00", False),
        (NIGHT, "04T23:00", "05T06:59", False),
        (NIGHT, "04T23:00", "05T07:00", True),
        (NOON, "04T12:00", "04T13:29", False),
        (NOON, "04T12:00", "04T13:30", True),
        (NOON, "04T12:00", "04T12:00", False),
        (NOON, "04T13:30:00.5", "04T13:30:01", True),
        (NIGHT, "04T23:00", "06T23:00", False),
        (ALWAYS, "04T08:00", "05T07:59", False),
        (ALWAYS, "04T07:59", "04T08:00", True),
        (ALWAYS, "04T08:00", "05T08:00", True),
        (ALWAYS, "04T08:00:10", "04T08:00:30", False),
        (ALWAYS, "04T08:00:00.200", "04T08:00:00.900", False),
        (ALWAYS, "03T07:30", "04T07:00", True),
    ],
)
def test_in_quiet_hours_nothing_is_told_and_then_all_of_it(quiet, happened, now, told) -> None:
    book = Book()
    book.clock.at = at(happened) - timedelta(seconds=1)
    book.add(MOVED["merged"], issue=7)
    assert due(book.outbox(), at(now), quiet) is told


def test_where_it_begins_when_it_ends_all_day_is_quiet() -> None:
    assert ALWAYS.holds(at("04T08:00"))
    assert ALWAYS.holds(at("04T20:00"))


def test_several_events_are_one_message_that_links_and_has_an_end(book) -> None:
    book.add(MOVED["merged"], issue=7)
    assert message(book.outbox(), "o/r", lambda path: f"http://forge/{path}") == (
        "o/r: #7 is merged",
        "02:17 UTC  #7 is merged  http://forge/issues/7",
    )
    for issue in range(8, 8 + MOST_LINES):
        book.add(MOVED["merged"], issue=issue)
    title, body = message(book.outbox(), "o/r", str)
    assert title == f"o/r: {MOST_LINES + 1} events"
    assert body.endswith("and 1 more; `factory digest` lists them")
