"""An issue's history, derived from the ledger's entries. Nothing here is stored twice."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from harness.domain.budget import Usage
from harness.domain.errors import IllegalTransition, LedgerError
from harness.domain.events import (
    CommandGiven,
    CommandReported,
    CostEstimated,
    IssueExpired,
    IssueQueued,
    IssueSeen,
    Landed,
    LedgerEvent,
    NodeEnded,
    ProposalPushed,
    RegressionTraced,
    RunEnded,
    RunStarted,
    Suspicion,
    TransitionRecorded,
    TriageDecided,
    UsageRecorded,
    VerdictRecorded,
)
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, Recorded, of_kind
from harness.domain.lifecycle import Event, State, fold
from harness.domain.plain import JsonObject
from harness.ports.ledger import Ledger

BEGINS = (Event.TRIAGE_ACCEPTED, Event.RETRIED, Event.REVISED, Event.REGRESSED)
"""After these the failed attempts are counted anew: somebody said yes to the work, or it landed and
broke something."""

READ_ANEW = (Event.ISSUE_EDITED, Event.AUTHOR_REPLIED, Event.TRIAGE_AGAIN, Event.ERROR_RETURNED)
"""After these triage has to decide on the text, and what it decided before does not count."""

E = TypeVar("E", bound=LedgerEvent)


@dataclass(frozen=True)
class History:
    """Everything that happened to one issue, oldest first."""

    issue: int
    entries: tuple[Entry, ...]

    @cached_property
    def transitions(self) -> tuple[Recorded[TransitionRecorded], ...]:
        return self.of(TransitionRecorded)

    @property
    def last_event(self) -> Event | None:
        """What moved it last; None where nothing has."""
        return self.transitions[-1].event.event if self.transitions else None

    @cached_property
    def state(self) -> State:
        try:
            return fold(entry.event.event for entry in self.transitions)
        except IllegalTransition as error:
            raise LedgerError(
                f"the ledger's entries of issue #{self.issue} do not fit together: {error}; run"
                " `factory audit`, which names the first that does not fit"
            ) from error

    @property
    def title(self) -> str:
        """The issue's title as it was when it was taken in."""
        return self.seen[-1].event.title if self.seen else ""

    @cached_property
    def seen(self) -> tuple[Recorded[IssueSeen], ...]:
        """How often, and as what, it was taken in."""
        return self.of(IssueSeen)

    @cached_property
    def author(self) -> int:
        """The account that filed it, by the forge's number; 0 where that is not known."""
        return self.seen[0].event.author if self.seen else 0

    @cached_property
    def login(self) -> str:
        """What that account was called when the issue was taken in."""
        return self.seen[0].event.login if self.seen else ""

    @cached_property
    def filer_may_command(self) -> bool:
        """Whether that account might command when the issue was taken in."""
        return any(entry.event.may_command for entry in self.seen)

    @cached_property
    def standing(self) -> int:
        """2 for an issue whose filer may command, 1 for one on which somebody gave a command who
        may, else 0."""
        # Every filer may appeal, so an appeal shows no standing.
        commanded = any(one.event.command != Event.APPEALED for one in self.of(CommandGiven))
        return 2 if self.filer_may_command else int(commanded)

    @cached_property
    def runs(self) -> tuple[Recorded[RunStarted], ...]:
        """The runs that were begun for it."""
        return self.of(RunStarted)

    @cached_property
    def triages(self) -> tuple[Recorded[RunStarted], ...]:
        """The runs of triage among them."""
        return tuple(run for run in self.runs if run.event.workflow == "triage")

    def run(self, name: str | None) -> RunStarted | None:
        """The start of the run with this name."""
        return next((entry.event for entry in self.runs if entry.run == name), None)

    def workflow_of(self, run: str | None) -> str:
        """Which workflow that run is of; empty for no run of this issue."""
        started = self.run(run)
        return started.workflow if started else ""

    @cached_property
    def nodes(self) -> tuple[Recorded[NodeEnded], ...]:
        """What each node of its runs gave."""
        return self.of(NodeEnded)

    @property
    def waits(self) -> IssueQueued | None:
        """What it waits for before it is looked at, where the filer was notified of it."""
        found = self.of(IssueQueued)
        waits = (
            bool(found)
            and self.state is State.UNTRIAGED
            and (not self.triages or self.triages[-1].seq < found[-1].seq)
        )
        return found[-1].event if waits else None

    @property
    def questions(self) -> int:
        """How often its filer was asked something."""
        return self._events.count(Event.TRIAGE_NEEDS_INFO)

    @property
    def closes(self) -> str | None:
        """When it is closed if nothing happens (ISO 8601), as its filer was notified; None where
        nobody said so."""
        promised = self.last_event in (
            Event.TRIAGE_REJECTED,
            Event.TRIAGE_DUPLICATE,
            Event.TRIAGE_NEEDS_INFO,
            Event.NO_REPLY,
        )
        return self.triage.closes if self.triage and promised else None

    @property
    def closed(self) -> Recorded[IssueExpired] | None:
        """The closing that followed from the last decision on it, once its time ran out."""
        done = self.of(IssueExpired)
        return (
            done[-1]
            if done and self.transitions and done[-1].seq > self.transitions[-1].seq
            else None
        )

    @cached_property
    def notices(self) -> int:
        """How often there was something new to tell its filer."""
        others = len(self.of(IssueQueued)) + len(self.of(IssueExpired))
        return len(self.transitions) + others + len(self.appeals)

    @cached_property
    def appeals(self) -> tuple[Recorded[CommandGiven], ...]:
        """What its filer, or a maintainer, said against a no, each with its account; also
        where it changed nothing because a person had it already."""
        return tuple(one for one in self.of(CommandGiven) if one.event.command == Event.APPEALED)

    @property
    def held(self) -> State:
        """Where the issue stood when it was put on hold."""
        return self.transitions[-1].event.before

    @cached_property
    def open_run(self) -> Recorded[RunStarted] | None:
        """The run that was started and has no end: what a killed factory has to take up again."""
        ended = {entry.run for entry in self.of(RunEnded)}
        unfinished = [entry for entry in self.runs if entry.run not in ended]
        return unfinished[-1] if unfinished else None

    @property
    def has_last_steps(self) -> bool:
        """Whether the run that brought the issue where it is was killed before its last steps, an
        issue to be closed say."""
        return (
            self.open_run is not None
            and bool(self.transitions)
            and self.transitions[-1].run == self.open_run.run
        )

    @property
    def attempts(self) -> int:
        """Implement runs that failed since a person last said yes to the issue (the triage, or a
        retry, another change asked for)."""
        return self._since(*BEGINS).count(Event.RUN_FAILED)

    @property
    def fix_runs(self) -> int:
        """Implement runs that were begun since its landing first broke something, or since a person
        asked for a retry."""
        since = None
        for one in self.transitions:
            if one.event.event in (Event.RETRIED, Event.TRIAGE_ACCEPTED):
                since = None
            elif one.event.event is Event.REGRESSED and since is None:
                since = one.seq
        return sum(
            run.event.workflow == "implement" and since is not None and run.seq > since
            for run in self.runs
        )

    def rounds_by(self, event: Event) -> int:
        """How often this asked for another attempt since the triage or a retry."""
        return self._since(Event.TRIAGE_ACCEPTED, Event.RETRIED).count(event)

    @property
    def wishes(self) -> tuple[CommandGiven, ...]:
        """How people with the right want the change to be, since its triage, oldest first."""
        since = self._seq_of_last(Event.TRIAGE_ACCEPTED)
        given = (one.event for one in self.of(CommandGiven) if one.seq > since)
        return tuple(one for one in given if one.command == Event.REVISED and one.words)

    @property
    def rounds(self) -> int:
        """Times the judge sent the change back. The leak budget: it survives retries and
        appeals."""
        return self._events.count(Event.CHANGES_REQUESTED)

    @property
    def judged_in_vain(self) -> int:
        """Judgements of the change at hand that came to no answer and were asked again."""
        return self._since(Event.CHANGE_READY, Event.VERDICT_PASSED).count(Event.JUDGE_AGAIN)

    @cached_property
    def proposal(self) -> ProposalPushed | None:
        """The pull request, branch and head that the factory itself pushed last."""
        return self._last(ProposalPushed)

    @property
    def pushed_head(self) -> CommitSha | None:
        return CommitSha(self.proposal.head) if self.proposal else None

    @property
    def landed(self) -> Landed | None:
        """The landing as it was confirmed: commit, tree, and the verdict it stood on."""
        return self._last(Landed)

    @cached_property
    def triage(self) -> TriageDecided | None:
        """The last decision of triage."""
        return self._last(TriageDecided)

    @cached_property
    def current_triage(self) -> TriageDecided | None:
        """The last decision of triage, while it is about the text as it is now."""
        decided = self.of(TriageDecided)
        read_since = decided and decided[-1].seq > self._seq_of_last(*READ_ANEW)
        return decided[-1].event if read_since else None

    @cached_property
    def specification(self) -> TriageDecided | None:
        """The decision of triage whose text a change may be built from, whatever it decided: a
        person may overrule a no. None where triage has decided nothing about the text as it is now,
        or where that has no words."""
        if (found := self.current_triage) is None:
            return None
        has_words = any(text.strip() for text in (found.title, found.body, *found.replies))
        return found if has_words else None

    @property
    def estimate(self) -> str:
        """What it was thought to cost when it was accepted last, in a sentence; empty where nobody
        has said."""
        estimated = self._last(CostEstimated)
        return estimated.message if estimated else ""

    @property
    def suspicion(self) -> Suspicion | None:
        """The attack that is suspected, from then on until somebody decides; a hold decides
        nothing."""
        brackets = (Event.OWNER_HOLD, Event.RESUMED)
        decided = [one.event for one in self.transitions if one.event.event not in brackets]
        return decided[-1].suspicion if decided else None

    @property
    def is_duplicate(self) -> bool:
        """Whether it was turned away as a duplicate of an older issue."""
        return self.last_event is Event.TRIAGE_DUPLICATE

    @cached_property
    def verdicts(self) -> tuple[Recorded[VerdictRecorded], ...]:
        return self.of(VerdictRecorded)

    @property
    def verdict(self) -> VerdictRecorded | None:
        return self._last(VerdictRecorded)

    @property
    def findings(self) -> tuple[JsonObject, ...]:
        """Why the change was sent back, oldest first: the judge's public findings, the only words
        of it that reach an agent, and the policy's where it asked for another try."""
        return tuple(finding for entry in self.entries for finding in _findings_in(entry))

    @property
    def requested(self) -> tuple[JsonObject, ...]:
        """What reviewers want changed in the proposal at hand, where they sent it back: words of
        models about a difference."""
        since = self._seq_of_last(Event.CHANGE_READY)
        return tuple(
            one
            for entry in self.nodes
            if entry.seq > since
            for one in entry.event.result.output.get("requested", ())
        )

    def printed_in(self, run: str | None) -> str:
        """What commands and checks that failed printed in a run."""
        reports = self.of(CommandReported)
        return "\n".join(one.event.printed for one in reports if one.run == run)

    @property
    def usage(self) -> Usage:
        total = Usage()
        for entry in self.of(UsageRecorded):
            used = entry.event
            total += Usage(used.calls, used.input_tokens, used.output_tokens, used.cost_usd)
        return total

    def runs_of(self, workflow: str) -> int:
        return sum(entry.event.workflow == workflow for entry in self.runs)

    def of(self, kind: type[E]) -> tuple[Recorded[E], ...]:
        """What happened to it of this kind, oldest first."""
        types = [one for one in self._by_type if issubclass(one, kind)]
        if not types:
            return ()
        # One issue is asked for many kinds in a row, and nearly every kind is one type.
        return of_kind(self._by_type[types[0]] if len(types) == 1 else self.entries, kind)

    @cached_property
    def _by_type(self) -> Mapping[type[LedgerEvent], Sequence[Entry]]:
        found: dict[type[LedgerEvent], list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(type(entry.event), []).append(entry)
        return found

    def _last(self, kind: type[E]) -> E | None:
        found = self.of(kind)
        return found[-1].event if found else None

    @property
    def _events(self) -> list[Event]:
        return [entry.event.event for entry in self.transitions]

    def _seq_of_last(self, *events: Event) -> int:
        """The number of the ledger's entry with the last of these events; 0 where there is none."""
        return max((one.seq for one in self.transitions if one.event.event in events), default=0)

    def _since(self, *marks: Event) -> list[Event]:
        events = self._events
        last = max((i for i, event in enumerate(events) if event in marks), default=-1)
        return events[last + 1 :]


def _findings_in(entry: Entry) -> Iterable[JsonObject]:
    match entry.event:
        case VerdictRecorded(findings=findings):
            return findings
        case RegressionTraced(red=red, escaped=None, culprit=culprit):
            since = f"it worked until {culprit:.12} landed, the change for this issue"
            return ({"words": red.words, "observed": f"{red.observed}; {since}"},)
        case NodeEnded(result=result) if result.event == Event.CHANGES_REQUESTED:
            return tuple(result.output.get("sent_back", ()))
    return ()


def history_of(ledger: Ledger, issue: int) -> History:
    """One issue's history."""
    return History(issue, ledger.entries(issue=issue))


def histories(entries: Iterable[Entry]) -> tuple[History, ...]:
    """Every issue's history, by number."""
    by_issue: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.issue is not None:
            by_issue.setdefault(entry.issue, []).append(entry)
    return tuple(History(issue, tuple(found)) for issue, found in sorted(by_issue.items()))
