"""The morning digest, folded from the ledger: what was done, what needs a person, the cost, the
faults.

What was done is counted from `since`. What needs a person, is under way or is wrong is shown as it
is now."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal

from harness.domain.budget import Usage
from harness.domain.events import (
    CommitObserved,
    DigestWritten,
    JourneyEdited,
    OutageBegan,
    OutageEnded,
    RegressionAnswered,
    RegressionTraced,
    Suspicion,
    UsageRecorded,
    VerdictRecorded,
)
from harness.domain.ledger import Entry, Recorded, is_of, of_kind
from harness.domain.lifecycle import ENDED, State
from harness.domain.plain import JsonDict
from harness.factory.records.history import History, histories
from harness.factory.records.regressions import answer_words
from harness.factory.records.releases import LivePlace, ReleaseIndex
from harness.factory.reporting.releases import ReleaseSummary, live_document, release_summary
from harness.factory.reporting.shown import shown
from harness.factory.reporting.workflow_runs import WorkflowRow


@dataclass(frozen=True, slots=True)
class IssueSummary:
    """One issue in a list. `title` and `message` are text from outside. `event` is the last event,
    empty before the first. `state` is the stored one, `shown` what people read. `evidence` is
    the path of the last verdict's evidence page, `suspicion` the attack that is suspected. Paths
    are below the repository's address, those with a leading slash below the forge's."""

    issue: int
    title: str
    event: str
    state: str
    shown: str
    message: str = ""
    cites: tuple[str, ...] = ()
    duplicate_of: int | None = None
    pull: int | None = None
    commit: str = ""
    verdict: str = ""
    evidence: str = ""
    suspicion: Suspicion | None = None


@dataclass(frozen=True, slots=True)
class BrokenJourney:
    """A sealed journey of landed work that fails on the default branch. `journey` is its digest.
    `words` is what it promises: text of the mission, or the title of the issue that it was written
    for. `issue` is 0 if there is none. `run` is the run whose judgement found it."""

    journey: str
    issue: int
    words: str
    run: str
    follows: str = ""


@dataclass(frozen=True, slots=True)
class Outage:
    """Something outside the factory that was down. `until` is None while it still is."""

    key: str
    message: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ErrorSummary:
    """A group of errors that the running app reported. `words` are its kind and place, a
    stranger's text; `count` counts from the beginning. `release` is the last one; `landed` the
    issue whose landing it names and `issue` the one that was filed, both 0 if there is none."""

    group: str
    words: str
    count: int
    release: str
    landed: int
    issue: int


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest, over the time from `since` to `at`.

    `asked` wait for their filers, `waiting` for a maintainer. `errors` came since. `releases` are
    those to which something happened since, `live` what the environments serve, `held` why nothing
    more is released; `watched` is what the last look at the tip showed, `workflows` the runs that
    are open or ended since. `frozen` is why merging is frozen, `fault` why the ledger cannot be
    trusted, `paused` why and until when no model is asked. Each is empty where that is not so."""

    since: datetime
    at: datetime
    merged: tuple[IssueSummary, ...]
    rejected: tuple[IssueSummary, ...]
    asked: tuple[IssueSummary, ...]
    waiting: tuple[IssueSummary, ...]
    under_way: tuple[IssueSummary, ...]
    spent: Usage
    spent_on: tuple[tuple[int, Decimal], ...]
    outages: tuple[Outage, ...]
    broken: tuple[BrokenJourney, ...]
    frozen: str
    stopped: bool
    fault: str
    paused: str = ""
    errors: tuple[ErrorSummary, ...] = ()
    releases: tuple[ReleaseSummary, ...] = ()
    live: tuple[LivePlace, ...] = ()
    held: str = ""
    watched: str = ""
    workflows: tuple[WorkflowRow, ...] = ()

    @property
    def is_quiet(self) -> bool:
        """Whether nobody has to do anything. A pause ends by itself, but somebody may want to end
        it sooner."""
        down = any(one.until is None for one in self.outages)
        return not (
            self.waiting
            or self.broken
            or self.frozen
            or self.stopped
            or self.fault
            or self.paused
            or self.held
            or any(one.is_in_trouble or one.asks_on for one in self.workflows)
            or down
        )

    def as_json(self) -> JsonDict:
        """The document for `--json`: times in ISO 8601, money in dollars as numbers."""
        lists = ("merged", "rejected", "asked", "waiting", "under_way")
        return {
            "quiet": self.is_quiet,
            "since": self.since.isoformat(),
            "at": self.at.isoformat(),
            **{name: [_issue_document(one) for one in getattr(self, name)] for name in lists},
            "calls": self.spent.calls,
            "cost_usd": float(self.spent.cost_usd),
            "cost_usd_by_issue": {issue: float(cost) for issue, cost in self.spent_on},
            "outages": [
                {
                    "message": one.message,
                    "since": one.since.isoformat(),
                    "until": one.until and one.until.isoformat(),
                }
                for one in self.outages
            ],
            "broken": [_journey_document(one) for one in self.broken],
            "errors": [asdict(one) for one in self.errors],
            "releases": [one.document() for one in self.releases],
            "live": [live_document(one) for one in self.live],
            "held": self.held,
            "watched": self.watched,
            "workflows": [one.document() for one in self.workflows],
            "frozen": self.frozen,
            "stopped": self.stopped,
            "fault": self.fault,
            "paused": self.paused,
        }


def _issue_document(issue: IssueSummary) -> JsonDict:
    return asdict(issue)


def _journey_document(journey: BrokenJourney) -> JsonDict:
    """The fields of a broken journey as JSON. `run` keeps its public key, `seen`."""
    return {"seen" if name == "run" else name: value for name, value in asdict(journey).items()}


def digest(
    entries: Sequence[Entry],
    *,
    since: datetime,
    at: datetime,
    stopped: bool,
    frozen: str,
    fault: str = "",
    paused: str = "",
    errors: tuple[ErrorSummary, ...] = (),
    releases: ReleaseIndex | None = None,
    watched: str = "",
    workflows: tuple[WorkflowRow, ...] = (),
) -> Digest:
    """The digest at `at`. All times must have a time zone."""
    issues = histories(entries)
    # Not `>=`: what was at that very moment is in the digest before.
    usage = [entry for entry in of_kind(entries, UsageRecorded) if entry.moment > since]
    follows = _follows(entries)
    return Digest(
        since=since,
        at=at,
        stopped=stopped,
        frozen=frozen,
        fault=fault,
        paused=paused,
        errors=errors,
        releases=tuple(
            release_summary(one)
            for one in (releases.all() if releases else ())
            if one.changed_at > since
        ),
        live=releases.live() if releases else (),
        held=releases.why_frozen() if releases else "",
        watched=watched,
        workflows=tuple(
            one for one in workflows if one.is_open or datetime.fromisoformat(one.at) > since
        ),
        merged=_summaries(
            issues, lambda one: one.state is State.MERGED and _moved_after(one, since)
        ),
        rejected=_summaries(
            issues, lambda one: one.state is State.REJECTED and _moved_after(one, since)
        ),
        asked=_summaries(issues, lambda one: one.state is State.NEEDS_INFO),
        waiting=_summaries(issues, lambda one: one.state in (State.NEEDS_HUMAN, State.PAUSED)),
        under_way=_summaries(issues, is_under_way),
        spent=sum((_usage(entry) for entry in usage), Usage()),
        spent_on=_by_issue(usage),
        outages=tuple(one for one in _outages(entries) if one.until is None or one.until > since),
        broken=tuple(
            replace(one, follows=follows.get(one.journey, ""))
            for one in _broken([entry for entry in entries if entry.moment > since])
        ),
    )


def last_digest(entries: Iterable[Entry]) -> datetime | None:
    """When the last digest was written; None if there was none."""
    moments = [entry.moment for entry in of_kind(entries, DigestWritten)]
    return moments[-1] if moments else None


def open_outages(entries: Iterable[Entry]) -> tuple[Outage, ...]:
    """The outages that have not ended."""
    return tuple(one for one in _outages(entries) if one.until is None)


def _outages(entries: Iterable[Entry]) -> tuple[Outage, ...]:
    found = tuple(entries)
    ended = {entry.event.began: entry.moment for entry in of_kind(found, OutageEnded)}
    return tuple(
        Outage(entry.key, entry.event.message, entry.moment, ended.get(entry.key))
        for entry in of_kind(found, OutageBegan)
    )


def _broken(entries: Iterable[Entry]) -> tuple[BrokenJourney, ...]:
    """The journeys that fail on the base, by the judgements and observations in these entries. A
    journey that a
    maintainer has superseded or retired since is left out."""
    found: dict[str, BrokenJourney] = {}
    for entry in entries:
        if is_of(entry, VerdictRecorded):
            for one in entry.event.broken_on_base:
                found[one["journey"]] = BrokenJourney(
                    one["journey"], one["issue"], one["words"], str(entry.run)
                )
        elif is_of(entry, CommitObserved) and entry.event.cause.of_tip:
            for red in entry.event.red:
                found[red.journey] = BrokenJourney(
                    red.journey, red.issue, red.words, str(entry.run)
                )
            for green in entry.event.green:
                found.pop(green, None)
        # A maintainer superseded or retired it.
        elif is_of(entry, JourneyEdited):
            found.pop(entry.event.journey or "", None)
    return tuple(found.values())


def _follows(entries: Sequence[Entry]) -> dict[str, str]:
    """By journey: what follows from the landing that broke it."""
    answers = {one.event.culprit: one.event for one in of_kind(entries, RegressionAnswered)}
    return {
        one.event.red.journey: answer_words(answers[one.event.culprit])
        for one in of_kind(entries, RegressionTraced)
        if one.event.culprit in answers
    }


def _summaries(
    histories: Iterable[History], wanted: Callable[[History], bool]
) -> tuple[IssueSummary, ...]:
    return tuple(issue_summary(one) for one in histories if wanted(one))


def issue_summary(one: History) -> IssueSummary:
    """One issue as it appears in a list."""
    last = one.transitions[-1].event if one.transitions else None
    triaged = tuple(cite.id for cite in one.triage.cites) if one.triage else ()
    return IssueSummary(
        issue=one.issue,
        title=one.title,
        event=last.event if last else "",
        state=one.state.value,
        shown=shown(one).phrase,
        message=last.reason if last else "",
        # A later event may cite nothing, and what triage cited still explains the issue.
        cites=(last and last.cites) or triaged,
        duplicate_of=last.duplicate_of if last else None,
        pull=one.proposal.number if one.proposal else None,
        commit=one.landed.commit if one.landed else "",
        verdict=one.verdict.outcome if one.verdict else "",
        suspicion=one.suspicion,
        evidence=f"/-/evidence/{one.verdicts[-1].run}/index.html" if one.verdicts else "",
    )


def is_under_way(one: History) -> bool:
    """Whether the factory works on it, or will."""
    return one.state not in ENDED | {State.NEEDS_HUMAN, State.NEEDS_INFO, State.PAUSED}


def _moved_after(one: History, since: datetime) -> bool:
    return one.transitions[-1].moment > since


def _by_issue(usage: Iterable[Recorded[UsageRecorded]]) -> tuple[tuple[int, Decimal], ...]:
    total: dict[int, Decimal] = {}
    for entry in usage:
        if entry.issue is not None:
            total[entry.issue] = total.get(entry.issue, Decimal(0)) + _usage(entry).cost_usd
    return tuple(sorted(total.items()))


def _usage(entry: Recorded[UsageRecorded]) -> Usage:
    used = entry.event
    return Usage(used.calls, used.input_tokens, used.output_tokens, used.cost_usd)
