"""Notices: messages about events to people, wherever they are. A pure fold over the ledger.

A notice has no text from outside: it goes through strangers' services, some of which act on what
they read. It names the issue by its number, and links to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.events import (
    ApprovalAsked,
    ErrorIssueFiled,
    ErrorReturned,
    FactoryLeft,
    NoticeBegan,
    NoticeSent,
    OutageBegan,
    OutageEnded,
    PauseBegan,
    RegressionAnswered,
    RegressionTraced,
    ReleaseBegan,
    ReleaseMoved,
    RunEnded,
    TransitionRecorded,
    WorkflowNotice,
    WorkflowStarted,
)
from harness.domain.ledger import Entry, is_of, of_kind
from harness.domain.lifecycle import Event, State
from harness.domain.notices import NoticeKind, QuietHours
from harness.domain.release import ReleaseEvent, ReleaseState
from harness.domain.shown_states import WORKFLOW_RUNS, RunStanding
from harness.domain.workflow_run import RunStatus
from harness.factory.records.link import UrlFor
from harness.factory.records.regressions import answer_words
from harness.factory.reporting.releases import stands
from harness.factory.reporting.times import moment
from harness.factory.run.pause import BY_MONEY

FIRST_RETRY, LAST_RETRY = timedelta(minutes=1), timedelta(hours=1)
OUTAGE_AFTER = timedelta(minutes=1)
"""Outages that end sooner are no event for people."""
READ_KINDS = (
    ErrorIssueFiled,
    ErrorReturned,
    ApprovalAsked,
    FactoryLeft,
    NoticeBegan,
    NoticeSent,
    OutageBegan,
    OutageEnded,
    PauseBegan,
    RegressionAnswered,
    RegressionTraced,
    ReleaseBegan,
    ReleaseMoved,
    RunEnded,
    TransitionRecorded,
    WorkflowNotice,
    WorkflowStarted,
)
SAME_PAUSE = timedelta(hours=1)
MOST_LINES = 20


@dataclass(frozen=True, slots=True)
class Notice:
    """One event to tell of. `seq` is its entry in the ledger, `issue` is 0 if it is about none."""

    seq: int
    at: datetime
    kind: NoticeKind
    words: str
    issue: int = 0


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is to be sent now. `through` is the last entry that was looked at. `unsure` counts the
    events of a message that a kill interrupted, so that nobody knows whether it arrived: it is not
    sent twice. Nothing is sent before `not_before`, because the last try failed."""

    notices: tuple[Notice, ...]
    through: int
    is_first: bool = False
    unsure: int = 0
    not_before: datetime | None = None


def outbox(
    entries: Sequence[Entry], last: int, now: datetime, *, kinds: frozenset[NoticeKind]
) -> Outbox:
    """What was not sent yet. `entries` are those of the types in READ_KINDS, and `last` is the
    number of the ledger's last one. Where notices were just turned on, nothing that was before."""
    began, results = of_kind(entries, NoticeBegan), of_kind(entries, NoticeSent)
    if not began:
        return Outbox((), last, is_first=True)
    outcome = {entry.event.notice: entry for entry in results}
    # A message that no address took is tried again with all that came since.
    failures = []
    while began and (result := outcome.get(began[-1].key)) and _has_failed(began[-1].event, result):
        failures.append(result)
        began = began[:-1]
    through = began[-1].event.through if began else 0
    unsure = len(began[-1].event.about) if began and began[-1].key not in outcome else 0
    ends = {one.event.began: one.moment for one in of_kind(entries, OutageEnded)}
    context = _Context(
        {one.event.number: one.event for one in of_kind(entries, ReleaseBegan)},
        {one.run: one.event.workflow for one in of_kind(entries, WorkflowStarted)},
    )
    notices = []
    for entry in entries:
        if entry.seq <= through or _only_goes_on(entry, entries):
            continue
        if _is_short_outage(entry, ends, now):
            # One that has just begun may still last: what follows it is sent later, with it.
            if entry.key not in ends:
                last = min(last, entry.seq - 1)
            continue
        if (notice := _notice(entry, context)) and notice.kind in kinds:
            notices.append(notice)
    ready = tuple(one for one in notices if one.seq <= last)
    return Outbox(ready, last, unsure=unsure, not_before=_retry_at([e.moment for e in failures]))


def _has_failed(notice: NoticeBegan, result: Entry) -> bool:
    return bool(notice.about) and is_of(result, NoticeSent) and result.event.taken == 0


def _retry_at(failures: Sequence[datetime]) -> datetime | None:
    if not failures:
        return None
    # Sixty times the first is the last one; a higher power would be too long for any calendar.
    return max(failures) + min(LAST_RETRY, FIRST_RETRY * (1 << min(len(failures) - 1, 6)))


def due(found: Outbox, now: datetime, quiet: QuietHours | None) -> bool:
    """Whether a message is to be sent now; `now` is in the operator's time zone."""
    if not found.notices or (found.not_before and now < found.not_before):
        return False
    oldest = min(one.at for one in found.notices).astimezone(now.tzinfo)
    return quiet is None or quiet.is_over(oldest, now)


def message(found: Outbox, repository: str, link: UrlFor) -> tuple[str, str]:
    """Title and body of the one message that tells of all of it."""
    count = len(found.notices)
    title = f"{repository}: " + (found.notices[0].words if count == 1 else f"{count} events")
    lines = [_line(one, link) for one in found.notices[:MOST_LINES]]
    if count > MOST_LINES:
        lines.append(f"and {count - MOST_LINES} more; `factory digest` lists them")
    if found.unsure:
        lines.append(
            f"An earlier message, of {found.unsure} events, may not have arrived; `factory digest`"
            " lists them."
        )
    return title, "\n".join(lines)


def _line(notice: Notice, link: UrlFor) -> str:
    page = f"  {link(f'issues/{notice.issue}')}" if notice.issue else ""
    return f"{notice.at:%H:%M} UTC  {notice.words}{page}"


@dataclass(frozen=True, slots=True)
class _Context:
    """What entries name by number or run: how releases began, and runs of workflows."""

    releases: Mapping[int, ReleaseBegan]
    workflows: Mapping[str | None, str]


def _notice(entry: Entry, context: _Context) -> Notice | None:
    """What this entry tells people, if anything."""
    issue = entry.issue or 0
    kind: NoticeKind | None
    if is_of(entry, TransitionRecorded):
        kind, words = _of_transition(entry.event)
        words = f"#{issue} {words}"
    elif is_of(entry, PauseBegan) and entry.event.issue is None:
        until = f"no model is asked until {moment(datetime.fromisoformat(entry.event.until))}"
        is_money = entry.event.cause in BY_MONEY
        kind = NoticeKind.BUDGET if is_money else NoticeKind.PAUSED
        words = f"the budget of the {entry.event.cause} is used up; {until}" if is_money else until
    elif is_of(entry, ErrorIssueFiled):
        issue = entry.event.issue
        kind, words = NoticeKind.ERRORS, f"#{issue} is filed for errors of the running app"
    elif is_of(entry, ErrorReturned):
        kind, words = NoticeKind.ERRORS, f"#{issue} came back: its error is seen after its landing"
    elif is_of(entry, OutageBegan):
        kind, words = NoticeKind.OUTAGE, "something that the factory needs does not answer"
    elif is_of(entry, FactoryLeft):
        at = moment(datetime.fromisoformat(entry.event.at))
        how = "died; its last sign of life was" if entry.event.died else "left at"
        kind, words = NoticeKind.LEFT, f"`{entry.event.command}` {how} {at}"
    elif is_of(entry, ApprovalAsked):
        issue = entry.event.number
        kind, words = NoticeKind.NEEDS_HUMAN, f"#{issue} asks for an approval"
    elif is_of(entry, WorkflowNotice):
        # The words are those of the document at base, which only people write.
        kind, words = NoticeKind.WORKFLOW, f"workflow {entry.event.workflow}: {entry.event.text}"
    elif is_of(entry, ReleaseMoved):
        began = context.releases.get(entry.event.number)
        kind, words = _of_release(entry.event, began)
        issue = began.carries[-1] if began and began.carries else 0
    elif is_of(entry, RunEnded) and entry.run in context.workflows:
        shown = WORKFLOW_RUNS[RunStanding(entry.event.status.value)].phrase
        is_bad = entry.event.status in (RunStatus.FAILED, RunStatus.BLOCKED)
        kind = NoticeKind.WORKFLOW if is_bad else None
        words = f"workflow {context.workflows[entry.run]} is {shown}, run {entry.run}"
    elif is_of(entry, RegressionAnswered):
        kind, words = NoticeKind.REGRESSED, _of_answer(entry.event, issue)
    # Where no landing can be named there is no answer.
    elif is_of(entry, RegressionTraced) and not entry.event.culprit and not entry.event.escaped:
        kind = NoticeKind.REGRESSED
        words = f"what worked is broken on {entry.event.seen:.12}; no landing can be named"
    else:
        return None
    return Notice(entry.seq, entry.moment, kind, words, issue) if kind else None


def _of_answer(answered: RegressionAnswered, issue: int) -> str:
    whose = f"the change for #{issue}" if issue else "a push"
    follows = answer_words(answered)
    return f"what worked is broken since {answered.culprit:.12}, {whose}; {follows}"


def _of_release(moved: ReleaseMoved, began: ReleaseBegan | None) -> tuple[NoticeKind | None, str]:
    """How a release ended; where it is taken back, only that: it follows within a minute."""
    commit = f" of {began.commit:.12}" if began else ""
    which, place = f"release {moved.number}{commit}", moved.environment
    match moved.event:
        case ReleaseEvent.SOAKED:
            state, kind = ReleaseState.DONE, NoticeKind.RELEASED
        case ReleaseEvent.HELD:
            state, kind = ReleaseState.HELD, NoticeKind.HELD
        case ReleaseEvent.TAKEN_BACK:
            state, kind = ReleaseState.ROLLED_BACK, NoticeKind.ROLLED_BACK
        case ReleaseEvent.GAVE_UP:
            state, kind = ReleaseState.NEEDS_HUMAN, NoticeKind.NEEDS_HUMAN
        case _:
            return None, ""
    return kind, f"{which} is {stands(state, place)}"


def _of_transition(moved: TransitionRecorded) -> tuple[NoticeKind | None, str]:
    if moved.event is Event.REVERTED:
        return NoticeKind.REVERTED, "was reverted"
    if moved.event is Event.ATTACK_SUSPECTED:
        return NoticeKind.SUSPECTED_ATTACK, "is a suspected attack, which was stopped"
    if moved.after is State.NEEDS_HUMAN:
        return NoticeKind.NEEDS_HUMAN, "needs a person"
    return (NoticeKind.MERGED, "is merged") if moved.after is State.MERGED else (None, "")


def _only_goes_on(entry: Entry, before: Sequence[Entry]) -> bool:
    """Whether a pause only goes on: a provider that stays down pauses the factory again and
    again, and that is one event."""
    if not is_of(entry, PauseBegan):
        return False
    slack = timedelta() if entry.event.cause in BY_MONEY else SAME_PAUSE
    return any(
        one.event.cause == entry.event.cause
        and datetime.fromisoformat(one.event.until) + slack >= entry.moment
        for one in of_kind(before, PauseBegan)
        if one.seq < entry.seq and one.event.issue is None
    )


def _is_short_outage(entry: Entry, ends: Mapping[str, datetime], now: datetime) -> bool:
    """Whether an outage ended soon, or has just begun."""
    return is_of(entry, OutageBegan) and ends.get(entry.key, now) - entry.moment < OUTAGE_AFTER
