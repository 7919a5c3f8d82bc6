"""One story everywhere: what the watch found and what followed, and where each run of the project's
own workflows stands. Every answer and every standing is enumerated."""

from datetime import timedelta
from decimal import Decimal

import pytest

from harness.cli.inspect.look import _status_lines
from harness.domain.events import (
    Answer,
    ApprovalAsked,
    Cause,
    CommitObserved,
    NoticeBegan,
    NoticeSent,
    RedJourney,
    RegressionAnswered,
    RegressionTraced,
    RunEnded,
    WaitBegan,
    WorkflowRefused,
    WorkflowStarted,
)
from harness.domain.notices import NoticeKind
from harness.domain.shown_states import WORKFLOW_RUNS, RunStanding
from harness.domain.workflow_run import RunStatus
from harness.factory.records.own_runs import OwnRunIndex
from harness.factory.records.regressions import broken, last_look, look_words
from harness.factory.reporting.comments.dashboard import Board, dashboard_text
from harness.factory.reporting.digest import digest
from harness.factory.reporting.digest_page import markdown, text
from harness.factory.reporting.notices import message, outbox
from harness.factory.reporting.report import status
from harness.factory.reporting.workflow_runs import IN_TROUBLE, workflow_rows
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger

RUN, UNTIL = "links-1", "2030-05-05T06:00:00+00:00"
TIP, CULPRIT = "d" * 40, "c" * 40
RED = RedJourney("sha256:j", 3, "You can book", "no such `button` <img>")
WHY = "it printed `x` <img> @owner"


def link(path: str) -> str:
    return f"http://forge/{path}"


@pytest.fixture
def ledger():
    ledger = FakeLedger(FakeClock())
    ledger.append(NoticeBegan(0), "notice/1")
    ledger.append(NoticeSent("notice/1", 0, 0), "notice/1/sent")
    return ledger


def surfaces(ledger) -> dict[str, str]:
    """All that people read, by surface."""
    now, rows = ledger.clock.now(), workflow_rows(OwnRunIndex(ledger))
    last = last_look(ledger)
    watched = look_words(last.event) if last else ""
    found = digest(
        ledger.entries(),
        since=now - timedelta(days=1),
        at=now,
        stopped=False,
        frozen="",
        watched=watched,
        workflows=rows,
    )
    board = Board(
        False,
        "",
        **dict.fromkeys(("waiting", "under_way", "asked", "landed"), ()),
        **dict.fromkeys(("spent_today", "spent_yesterday", "cap"), Decimal(1)),
        since=now.date(),
        digest="",
        broken=tuple(one.words for one in broken(ledger)),
        watched=watched,
        workflows=rows,
    )
    state = {**status(ledger, None, now, stopped=False), "errors": {"groups": 0}}
    return {
        "terminal": "\n".join(_status_lines(state)),
        "digest": text(found, link),
        "markdown": markdown(found, link).replace("\\", ""),
        "dashboard": dashboard_text(board, link),
    }


def notices(ledger):
    entries = ledger.entries()
    found = outbox(entries, entries[-1].seq, ledger.clock.now(), kinds=frozenset(NoticeKind))
    return [one.kind for one in found.notices], message(found, "o/n", link) if found.notices else ""


def stands(ledger, standing: RunStanding) -> None:
    """A ledger in which the one workflow stands so."""
    if standing is RunStanding.REFUSED:
        ledger.append(WorkflowRefused("links", WHY), "workflow-refused/1")
        return
    began = WorkflowStarted("links", TIP, "", "hand")
    ledger.append(began, "workflow-run/1", run=RUN)
    if standing is RunStanding.WAITS:
        ledger.append(WaitBegan("nap", UNTIL), f"{RUN}/nap/1/wait", run=RUN)
    elif standing is RunStanding.ASKS:
        asked = ApprovalAsked("ask", 12, "2030-05-04T00:00:00+00:00", UNTIL)
        ledger.append(asked, f"{RUN}/ask/1/asked", run=RUN)
    elif standing is not RunStanding.RUNNING:
        ledger.append(RunEnded(RunStatus(standing.value), WHY), f"run/{RUN}/ended", run=RUN)


def test_the_table_has_every_standing_and_every_end_of_a_run() -> None:
    assert set(WORKFLOW_RUNS) == set(RunStanding) >= {RunStanding(one.value) for one in RunStatus}
    assert len({row.phrase for row in WORKFLOW_RUNS.values()}) == len(RunStanding)


@pytest.mark.parametrize("standing", RunStanding)
def test_a_run_is_shown_everywhere_in_the_words_of_the_table(ledger, standing) -> None:
    stands(ledger, standing)
    phrase, shown = WORKFLOW_RUNS[standing].phrase, surfaces(ledger)
    for name in ("terminal", "digest", "markdown"):
        assert f"links is {phrase}" in shown[name], name
    assert f"| links | {phrase} |" in shown["dashboard"]
    has_ended = standing not in (RunStanding.RUNNING, RunStanding.WAITS, RunStanding.ASKS)
    for name, words in shown.items():
        assert ("it printed" in words) is has_ended, name
    assert "@owner" not in shown["dashboard"]
    needs = standing in IN_TROUBLE or standing is RunStanding.ASKS
    assert ("Nothing needs a person" in shown["dashboard"]) is not needs
    assert ("Nothing needs you" in shown["digest"]) is not needs


@pytest.mark.parametrize("standing", RunStanding)
def test_who_waits_for_a_person_or_failed_is_a_notice(ledger, standing) -> None:
    stands(ledger, standing)
    kinds, words = notices(ledger)
    wanted = {
        RunStanding.ASKS: [NoticeKind.NEEDS_HUMAN],
        RunStanding.FAILED: [NoticeKind.WORKFLOW],
        RunStanding.BLOCKED: [NoticeKind.WORKFLOW],
    }
    assert kinds == wanted.get(standing, [])
    assert "@owner" not in str(words)
    if kinds == [NoticeKind.WORKFLOW]:
        assert f"workflow links is {WORKFLOW_RUNS[standing].phrase}" in words[0]


def test_where_a_run_asks_and_until_when_it_waits_is_shown(ledger) -> None:
    stands(ledger, RunStanding.ASKS)
    shown = surfaces(ledger)
    assert "waiting for an approval on #12 until 2030-05-05 06:00:00 UTC" in shown["terminal"]
    assert "http://forge/issues/12" in shown["dashboard"]
    assert "http://forge/issues/12" in shown["digest"]


FOLLOWS = {
    Answer.FIX: "it is worked on again",
    Answer.REVERT: "it was reverted",
    Answer.FILED: "#9 was filed",
    Answer.PERSON: "a person decides",
}


@pytest.mark.parametrize("answer", [None, *Answer])
def test_what_is_broken_is_shown_everywhere_with_what_follows(ledger, answer) -> None:
    seen = CommitObserved(TIP, "t" * 40, Cause.MOVED, 2, green=("sha256:k",), red=(RED,))
    ledger.append(seen, "observed/1", run="watch-1")
    if answer:
        traced = RegressionTraced(RED, TIP, CULPRIT, 7, "b" * 40, ("app.py",))
        ledger.append(traced, "regression/1", issue=7)
        given = RegressionAnswered(CULPRIT, answer, number=9 if answer is Answer.FILED else None)
        ledger.append(given, f"regression-answered/{CULPRIT}", issue=7)
    shown = surfaces(ledger)
    follows = FOLLOWS[answer] if answer else "its landing is looked for"
    for name, words in shown.items():
        assert f"1 of 2 sealed journeys are green, 1 red on {TIP[:12]}" in words, name
        assert "You can book" in words, name
        plain = words.replace("\u200b", "").replace("\\", "")
        # The digest tells what is wrong now, and the search is no answer.
        assert follows in plain or (answer is None and name in ("digest", "markdown")), name
    kinds, words = notices(ledger)
    assert kinds == ([NoticeKind.REGRESSED] if answer else [])
    assert not answer or follows in words[0]


def test_a_look_that_came_to_nothing_is_said_and_no_look_is_not(ledger) -> None:
    assert not any("Watched" in words for words in surfaces(ledger).values())
    nothing = CommitObserved(TIP, "t" * 40, Cause.NIGHT, reason="the judge could not run")
    ledger.append(nothing, "observed/1", run="watch-1")
    for name, words in surfaces(ledger).items():
        assert f"nothing is known of {TIP[:12]}: the judge could not run" in words, name
