"""The morning digest: a pure fold of the ledger into what was done, what needs a person, what it
cost, what is wrong.

What was done is counted from `since`; what needs a person, is under way or is wrong is told as it
stands now."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from harness.domain.budget import Usage
from harness.domain.events import (
    DigestWritten,
    JourneyEdited,
    OutageBegan,
    OutageEnded,
    UsageRecorded,
    VerdictRecorded,
)
from harness.domain.ledger import Entry, Recorded, is_of, of_kind
from harness.domain.lifecycle import ENDED, State
from harness.factory.records.history import History, histories


@dataclass(frozen=True, slots=True)
class Told:
    """One issue and what is to be said of it. `title` and `says` are text from outside. Paths are
    below the repository's address; one that begins with a slash is below the forge's."""

    issue: int
    title: str
    event: str  # the last event of its life, empty before the first
    state: str
    says: str = ""
    cites: tuple[str, ...] = ()
    duplicate_of: int | None = None
    pull: int | None = None
    commit: str = ""
    verdict: str = ""
    evidence: str = ""  # the path of the evidence page of the last verdict


@dataclass(frozen=True, slots=True)
class Broken:
    """A sealed journey of what has landed that is red on the default branch itself. `journey` is
    its digest, `words` what it promises: text of the mission, or the title of the issue that it was
    written for (0: of none)."""

    journey: str
    issue: int
    words: str
    seen: str  # the run whose judgement saw it


@dataclass(frozen=True, slots=True)
class Outage:
    """Something outside that was down. `until` is None while it still is."""

    key: str
    says: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """One digest, over the time from `since` to `at`."""

    since: datetime
    at: datetime
    merged: tuple[Told, ...]
    rejected: tuple[Told, ...]
    asked: tuple[Told, ...]  # waits for its author's answer
    waiting: tuple[Told, ...]  # waits for a maintainer
    under_way: tuple[Told, ...]
    spent: Usage
    spent_on: tuple[tuple[int, Decimal], ...]
    outages: tuple[Outage, ...]
    broken: tuple[Broken, ...]
    frozen: str  # why merging is; empty when it is not
    stopped: bool
    fault: str  # why the ledger cannot be trusted; empty when it can
    paused: str = ""  # why no model is asked, and until when; empty when one is

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
            or down
        )

    def as_json(self) -> dict[str, Any]:
        """Moments as ISO 8601, dollars as numbers."""
        lists = ("merged", "rejected", "asked", "waiting", "under_way")
        return {
            "quiet": self.is_quiet,
            "since": self.since.isoformat(),
            "at": self.at.isoformat(),
            **{name: [asdict(told) for told in getattr(self, name)] for name in lists},
            "calls": self.spent.calls,
            "cost_usd": float(self.spent.cost_usd),
            "cost_usd_by_issue": {issue: float(cost) for issue, cost in self.spent_on},
            "outages": [
                {
                    "says": one.says,
                    "since": one.since.isoformat(),
                    "until": one.until and one.until.isoformat(),
                }
                for one in self.outages
            ],
            "broken": [asdict(one) for one in self.broken],
            "frozen": self.frozen,
            "stopped": self.stopped,
            "fault": self.fault,
            "paused": self.paused,
        }


def digest(
    entries: Sequence[Entry],
    *,
    since: datetime,
    at: datetime,
    stopped: bool,
    frozen: str,
    fault: str = "",
    paused: str = "",
) -> Digest:
    """What the ledger says at `at`. All moments are aware."""
    told = histories(entries)
    usage = [entry for entry in of_kind(entries, UsageRecorded) if _moment(entry) > since]
    return Digest(
        since=since,
        at=at,
        stopped=stopped,
        frozen=frozen,
        fault=fault,
        paused=paused,
        merged=_those(told, lambda one: one.state is State.MERGED and _moved_after(one, since)),
        rejected=_those(told, lambda one: one.state is State.REJECTED and _moved_after(one, since)),
        asked=_those(told, lambda one: one.state is State.NEEDS_INFO),
        waiting=_those(told, lambda one: one.state in (State.NEEDS_HUMAN, State.PAUSED)),
        under_way=_those(told, is_under_way),
        spent=sum((_usage(entry) for entry in usage), Usage()),
        spent_on=_by_issue(usage),
        outages=tuple(one for one in _outages(entries) if one.until is None or one.until > since),
        broken=_broken([entry for entry in entries if _moment(entry) > since]),
    )


def last_digest(entries: Iterable[Entry]) -> datetime | None:
    """When the last digest was written; None where there was none."""
    moments = [_moment(entry) for entry in of_kind(entries, DigestWritten)]
    return moments[-1] if moments else None


def open_outages(entries: Iterable[Entry]) -> tuple[Outage, ...]:
    """What is down, as far as the ledger knows."""
    return tuple(one for one in _outages(entries) if one.until is None)


def _outages(entries: Iterable[Entry]) -> tuple[Outage, ...]:
    known = tuple(entries)
    ended = {entry.event.began: _moment(entry) for entry in of_kind(known, OutageEnded)}
    return tuple(
        Outage(entry.key, entry.event.says, _moment(entry), ended.get(entry.key))
        for entry in of_kind(known, OutageBegan)
    )


def _broken(entries: Iterable[Entry]) -> tuple[Broken, ...]:
    """What judgements of this time saw broken on their base, but for what a maintainer has seen to
    since."""
    found: dict[str, Broken] = {}
    for entry in entries:
        if is_of(entry, VerdictRecorded):
            for one in entry.event.broken_on_base:
                found[one["journey"]] = Broken(
                    one["journey"], one["issue"], one["words"], str(entry.run)
                )
        elif is_of(entry, JourneyEdited):
            found.pop(entry.event.journey or "", None)
    return tuple(found.values())


def _those(histories: Iterable[History], wanted: Callable[[History], bool]) -> tuple[Told, ...]:
    return tuple(told_of(one) for one in histories if wanted(one))


def told_of(one: History) -> Told:
    """What is to be said of one issue in a list."""
    last = one.transitions[-1].event if one.transitions else None
    triaged = tuple(cite.id for cite in one.triage.cites) if one.triage else ()
    return Told(
        issue=one.issue,
        title=one.title,
        event=last.event if last else "",
        state=one.state.value,
        says=last.says if last else "",
        cites=(last and last.cites) or triaged,
        duplicate_of=last.duplicate_of if last else None,
        pull=one.proposal.number if one.proposal else None,
        commit=one.landed.commit if one.landed else "",
        verdict=one.verdict.outcome if one.verdict else "",
        evidence=f"/-/evidence/{one.verdicts[-1].run}/index.html" if one.verdicts else "",
    )


def is_under_way(one: History) -> bool:
    """Whether the factory itself has it in hand, or will."""
    return one.state not in ENDED | {State.NEEDS_HUMAN, State.NEEDS_INFO, State.PAUSED}


def _moved_after(one: History, since: datetime) -> bool:
    return _moment(one.transitions[-1]) > since


def _by_issue(usage: Iterable[Recorded[UsageRecorded]]) -> tuple[tuple[int, Decimal], ...]:
    total: dict[int, Decimal] = {}
    for entry in usage:
        if entry.issue is not None:
            total[entry.issue] = total.get(entry.issue, Decimal(0)) + _usage(entry).cost_usd
    return tuple(sorted(total.items()))


def _usage(entry: Recorded[UsageRecorded]) -> Usage:
    used = entry.event
    return Usage(used.calls, used.input_tokens, used.output_tokens, used.cost_usd)


def _moment(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.at)
