"""One story everywhere: wherever a release stands, every surface shows it in the words of the one
table of states. Every state and every end is enumerated."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from harness.cli.control.releases import _show
from harness.cli.inspect.look import _status_lines
from harness.cli.output.printable_console import PrintableConsole
from harness.domain.deployment import DeployKind, Environment
from harness.domain.events import (
    HealthSeen,
    NoticeBegan,
    NoticeSent,
    ReleaseBegan,
    ReleaseIssueFiled,
    ReleaseMoved,
    Switched,
)
from harness.domain.notices import NoticeKind
from harness.domain.release import ENDED, RED, TABLE, ReleaseEvent, ReleaseState
from harness.domain.shown_states import RELEASES
from harness.factory.records.releases import ReleaseIndex
from harness.factory.reporting.comments.dashboard import Board, dashboard_text
from harness.factory.reporting.digest import digest
from harness.factory.reporting.digest_page import markdown, text
from harness.factory.reporting.notices import message, outbox
from harness.factory.reporting.releases import release_summary, releases_now
from harness.factory.reporting.report import status
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger

E, S = ReleaseEvent, ReleaseState
GOOD, COMMIT = "b" * 40, "c" * 40
FAULT = "it answered `x` <img> @owner /srv/app/secret"
STAGING, PRODUCTION = (
    Environment("staging", DeployKind.LOCAL, "http://localhost:8100", soak="30s"),
    Environment("production", DeployKind.LOCAL, "http://localhost:8200", soak="30s"),
)
TAKEN_BACK = (S.HELD, S.ROLLED_BACK)


def link(path: str) -> str:
    return f"http://forge/{path}"


def ways() -> dict[ReleaseState, tuple[ReleaseEvent, ...]]:
    """A way into each state: the shortest, but through production for what happens there."""
    live = (E.STAGED, E.LIVE, E.SMOKE_PASSED, E.PROMOTED)
    watched = (*live, E.LIVE, E.SMOKE_PASSED)
    return {
        S.LANDED: (),
        S.DEPLOYING: (E.STAGED,),
        S.SMOKE: (E.STAGED, E.LIVE),
        S.SOAK: (E.STAGED, E.LIVE, E.SMOKE_PASSED),
        S.PRODUCTION: live,
        S.PRODUCTION_SMOKE: (*live, E.LIVE),
        S.WATCHED: watched,
        S.DONE: (*watched, E.SOAKED),
        S.ROLLING_BACK: (E.STAGED, E.LIVE, E.TURNED_RED),
        S.HELD: (E.STAGED, E.LIVE, E.TURNED_RED, E.HELD),
        S.ROLLED_BACK: (*watched, E.TURNED_RED, E.TAKEN_BACK),
        S.SUPERSEDED: (E.SUPERSEDED,),
        S.NEEDS_HUMAN: (*watched, E.TURNED_RED, E.GAVE_UP),
    }


WAYS = ways()


class Story:
    """A ledger in which one release went that way, for issue 7."""

    def __init__(self, events: tuple[ReleaseEvent, ...]) -> None:
        self.ledger = FakeLedger(FakeClock())
        self.ledger.append(NoticeBegan(0), "notice/1")
        self.ledger.append(NoticeSent("notice/1", 0, 0), "notice/1/sent")
        began = ReleaseBegan(1, COMMIT, "t" * 40, (STAGING, PRODUCTION), (6, 7))
        self.ledger.append(began, "release/1", run="release-1")
        place = ""
        for number, event in enumerate(events, 1):
            place = {E.STAGED: "staging", E.PROMOTED: "production"}.get(event, place)
            if event is E.LIVE:
                self.switch(place, COMMIT)
            moved = ReleaseMoved(1, event, place, FAULT if event is E.TURNED_RED else "")
            self.ledger.append(moved, f"release/1/move-{number}", run="release-1")
            if event is E.SMOKE_PASSED:
                self.ledger.append(HealthSeen(1, place, 2), f"health/{place}", run="release-1")
        self.index = ReleaseIndex(self.ledger)
        if self.state in TAKEN_BACK:
            self.switch(place, GOOD, is_rollback=True)
        if self.state in RED:
            self.ledger.append(ReleaseIssueFiled(9, 1), "release/1/filed/done", run="release-1")

    def switch(self, place: str, commit: str, *, is_rollback: bool = False) -> None:
        done = Switched(1, place, commit, "process 4", 0.5, is_rollback)
        self.ledger.append(done, f"{place}/{commit}/done", run="release-1")

    @property
    def state(self) -> ReleaseState:
        (one,) = self.index.all()
        return one.state

    @property
    def summary(self):
        return release_summary(self.index.all()[-1])

    @property
    def status(self):
        now = self.ledger.clock.now()
        return {**status(self.ledger, None, now, stopped=False), "errors": {"groups": 0}}

    @property
    def board(self) -> str:
        nothing = dict.fromkeys(("waiting", "under_way", "asked", "landed"), ())
        now = releases_now(self.index)
        money = dict.fromkeys(("spent_today", "spent_yesterday", "cap"), Decimal(1))
        day = self.ledger.clock.now().date()
        found = Board(False, "", **nothing, since=day, **money, digest="", releases=now)
        return dashboard_text(found, link)


@pytest.fixture(params=WAYS, ids=str)
def story(request) -> Story:
    found = Story(WAYS[request.param])
    assert found.state is request.param
    return found


def words_of(story: Story) -> str:
    """What each surface has to show: the phrase, and the place of the release."""
    place = story.summary.environment
    phrase = RELEASES[story.state].phrase
    assert bool(place) is (story.state not in (S.LANDED, S.SUPERSEDED))
    return (
        f"{phrase} {'from' if story.state is S.NEEDS_HUMAN else 'in'} {place}" if place else phrase
    )


def test_the_table_has_every_state_once_and_the_ways_reach_each() -> None:
    assert set(RELEASES) == set(S) == set(WAYS) == {S.LANDED, *TABLE.values()}
    assert len({row.phrase for row in RELEASES.values()}) == len(S)


def test_terminals_show_the_words_of_the_table(story) -> None:
    out = PrintableConsole(file=io.StringIO(), width=200)
    _show(out, story.summary)
    shown = out.file.getvalue()
    lines = "\n".join(_status_lines(story.status))
    for surface in (shown, lines):
        assert words_of(story) in surface
        assert "#6, #7" in surface
    assert ("@owner" in shown and "(#9)" in shown) is (story.state in RED)
    assert ("2 of 3 healthy answers" in lines) is (story.state in (S.SOAK, S.WATCHED))
    assert ("NOTHING IS RELEASED" in lines) is (story.state in RED)
    assert ("NOT ROLLED BACK" in lines) is (story.state is S.NEEDS_HUMAN)


def test_programs_read_the_same_words(story) -> None:
    found = story.status["releases"]
    assert found["newest"]["shown"] == RELEASES[story.state].phrase
    assert found["newest"]["words"].startswith(words_of(story))
    assert found["under_way"] is (story.state not in ENDED)
    assert found["rollback_failed"] is (story.state is S.NEEDS_HUMAN)
    assert bool(found["held"]) is (story.state in RED)


def test_digest_and_dashboard_show_the_words_of_the_table(story) -> None:
    entries, at = story.ledger.entries(), story.ledger.clock.now() + timedelta(hours=1)
    since = at - timedelta(days=1)
    found = digest(entries, since=since, at=at, stopped=False, frozen="", releases=story.index)
    assert found.is_quiet is (story.state not in RED)
    for words in (text(found, link), markdown(found, link).replace("\\", ""), story.board):
        assert words_of(story) in words
        assert ("more is released" in words) is (story.state in RED)
    for public in (markdown(found, link), story.board):
        assert not {"<img>", "@owner"} & set(public.split()), "what a place answered is inert"
    assert "/srv/app" not in story.board, "strangers read it"
    assert ("Nothing needs a person" in story.board) is (story.state not in RED)


def test_a_page_that_waits_for_answers_is_not_written_again_for_each(story) -> None:
    before = story.board
    place = story.summary.environment or "staging"
    story.ledger.append(HealthSeen(1, place, 1), "health/more", run="release-1")
    assert story.board == before


def test_what_is_served_where_is_shown_also_after_a_rollback(story) -> None:
    live = {one["environment"]: one["commit"] for one in story.status["releases"]["live"]}
    if story.state in TAKEN_BACK:
        assert live[story.summary.environment] == GOOD
    assert set(live.values()) <= {GOOD, COMMIT}
    entries, at = story.ledger.entries(), story.ledger.clock.now()
    found = digest(entries, since=at, at=at, stopped=False, frozen="", releases=story.index)
    for name, commit in live.items():
        assert f"{name} serves {commit[:12]}" in text(found, link)
        assert f"{name} serves {commit[:12]}" in "\n".join(_status_lines(story.status))
        assert f"| {name} | [`{commit[:10]}`]" in story.board


NOTICES = {
    S.DONE: NoticeKind.RELEASED,
    S.HELD: NoticeKind.HELD,
    S.ROLLED_BACK: NoticeKind.ROLLED_BACK,
    S.NEEDS_HUMAN: NoticeKind.NEEDS_HUMAN,
}


def test_each_end_that_people_wait_for_is_one_notice(story) -> None:
    entries = story.ledger.entries()
    at = datetime.now(UTC)
    found = outbox(entries, entries[-1].seq, at, kinds=frozenset(NoticeKind))
    kind = NOTICES.get(story.state)
    assert [one.kind for one in found.notices] == ([kind] if kind else [])
    if kind:
        title, body = message(found, "seaside/tidehouse", link)
        assert f"release 1 of {COMMIT[:12]} is {words_of(story)}" in title
        assert "issues/7" in body
        assert "@owner" not in body
