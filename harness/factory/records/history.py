"""What the ledger says of an issue, folded. Nothing here is stored twice; everything is derived
from entries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from harness.domain.budget import Usage
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry
from harness.domain.lifecycle import Event, State, fold
from harness.ports.ledger import Ledger

FREEZE = "freeze"
THAW = "thaw"
RESUME = "resume"
STOP = "stop"
WAITING = "waiting"
RAN_OUT = "close-in-time"


@dataclass(frozen=True)
class History:
    """Everything that happened to one issue, oldest first."""

    issue: int
    entries: tuple[Entry, ...]

    @cached_property
    def transitions(self) -> tuple[Entry, ...]:
        return self._of("transition")

    @cached_property
    def state(self) -> State:
        return fold(Event(entry.data["event"]) for entry in self.transitions)

    @property
    def title(self) -> str:
        """The issue's title as it was when it was taken in."""
        return next((str(entry.data["title"]) for entry in reversed(self._of("issue"))), "")

    @cached_property
    def author(self) -> int:
        """The account that filed it, by the forge's number; 0 where that is not known."""
        return next((int(entry.data.get("author", 0)) for entry in self._of("issue")), 0)

    @cached_property
    def login(self) -> str:
        """What that account was called when the issue was taken in."""
        return next((str(entry.data.get("login", "")) for entry in self._of("issue")), "")

    @cached_property
    def of_the_house(self) -> bool:
        """Whether that account might command when the issue was taken in."""
        return any(entry.data.get("may_command") is True for entry in self._of("issue"))

    @cached_property
    def standing(self) -> int:
        """2 for an issue that one of the house filed, 1 for one on which one of the house gave a
        command, else 0."""
        commanded = any(entry.data["command"] != Event.APPEALED for entry in self._of("command"))
        return 2 if self.of_the_house else int(commanded)

    def said_before(self, younger: "History", text: str) -> bool:
        """Whether it is shown that this text (its hash) stood here before the other issue was
        filed: by the forge's clock when it was taken in, by the order of the ledger when it was
        triaged. What nobody can show is no."""
        met = next(iter(younger._of("issue")), None)
        if met is None:
            return False
        taken_in = any(
            entry.data["text"] == text
            and _not_after(entry.data.get("touched"), met.data.get("created"))
            for entry in self._of("issue")
        )
        return taken_in or any(
            entry.data["text"] == text and entry.seq < met.seq for entry in self._of("triage")
        )

    @cached_property
    def triages(self) -> tuple[Entry, ...]:
        """The runs of triage that were begun for it."""
        return tuple(entry for entry in self._of("run") if entry.data["workflow"] == "triage")

    @property
    def waits(self) -> Mapping[str, Any] | None:
        """What it waits for before it is looked at, where the filer was told that it does."""
        found = self._of(WAITING)
        waits = (
            bool(found)
            and self.state is State.UNTRIAGED
            and (not self.triages or self.triages[-1].seq < found[-1].seq)
        )
        return found[-1].data if waits else None

    @property
    def questions(self) -> int:
        """How often its filer was asked something."""
        return [entry.data["event"] for entry in self.transitions].count(Event.TRIAGE_NEEDS_INFO)

    @property
    def closes(self) -> str | None:
        """When it is closed if nothing happens (ISO 8601), as its filer was told; None where nobody
        said so."""
        last = self.transitions[-1].data["event"] if self.transitions else None
        promised = last in (
            Event.TRIAGE_REJECTED,
            Event.TRIAGE_DUPLICATE,
            Event.TRIAGE_NEEDS_INFO,
            Event.NO_REPLY,
        )
        return (self.triage or {}).get("closes") if promised else None

    @property
    def closed(self) -> Entry | None:
        """The closing that followed from the last decision on it, once its time ran out."""
        done = [entry for entry in self._of("done") if entry.data.get("effect") == RAN_OUT]
        return (
            done[-1]
            if done and self.transitions and done[-1].seq > self.transitions[-1].seq
            else None
        )

    @cached_property
    def tellings(self) -> int:
        """How often there was something new to tell its filer."""
        ran_out: int = sum(entry.data.get("effect") == RAN_OUT for entry in self._of("done"))
        return len(self.transitions) + len(self._of(WAITING)) + ran_out + len(self.appeals)

    @cached_property
    def appeals(self) -> tuple[Entry, ...]:
        """What its filer, or somebody of the house, said against a no, each with its account; also
        where it changed nothing because a person had it already."""
        return tuple(
            entry for entry in self._of("command") if entry.data["command"] == Event.APPEALED
        )

    @property
    def held(self) -> State:
        """Where the issue stood when it was put on hold."""
        return State(self.transitions[-1].data["from"])

    @cached_property
    def open_run(self) -> Entry | None:
        """The run that was started and has no end: what a killed factory has to take up again."""
        ended = {entry.run for entry in self._of("run-ended")}
        unfinished = [entry for entry in self._of("run") if entry.run not in ended]
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
        retry)."""
        return self._since(Event.TRIAGE_ACCEPTED, Event.RETRIED).count(Event.RUN_FAILED)

    @property
    def rounds(self) -> int:
        """Times the judge sent the change back. The leak budget: it survives retries and
        appeals."""
        return [entry.data["event"] for entry in self.transitions].count(Event.CHANGES_REQUESTED)

    @property
    def judged_in_vain(self) -> int:
        """Judgements of the change at hand that came to no answer and were asked again."""
        return self._since(Event.CHANGE_READY, Event.VERDICT_PASSED).count(Event.JUDGE_AGAIN)

    @cached_property
    def proposal(self) -> Mapping[str, Any] | None:
        """The pull request, branch and head that the factory itself pushed last."""
        done = [entry for entry in self._of("done") if entry.data.get("effect") == "propose"]
        return done[-1].data["result"] if done else None

    @property
    def pushed_head(self) -> CommitSha | None:
        return CommitSha(self.proposal["head"]) if self.proposal else None

    @property
    def landed(self) -> Mapping[str, Any] | None:
        """The landing as it was confirmed: commit, tree, and the verdict it stood on."""
        done = [entry for entry in self._of("done") if entry.data.get("effect") == "land"]
        return done[-1].data["result"] if done else None

    @cached_property
    def triage(self) -> Mapping[str, Any] | None:
        """The triage decision in force."""
        decided = [entry.data for entry in self._of("triage")]
        return decided[-1] if decided else None

    @property
    def is_being_decided(self) -> bool:
        """Whether a triage has decided and its event is not written yet: another issue may be
        looked at in just this moment."""
        decided = self._of("triage")
        return bool(decided) and not any(entry.seq > decided[-1].seq for entry in self.transitions)

    @property
    def estimate(self) -> str:
        """What it was thought to cost when it was accepted last, in a sentence; empty where nobody
        has said."""
        return next((str(entry.data["says"]) for entry in reversed(self._of("estimate"))), "")

    @property
    def is_duplicate(self) -> bool:
        """Whether it was turned away because an older issue says the same."""
        return (
            bool(self.transitions) and self.transitions[-1].data["event"] == Event.TRIAGE_DUPLICATE
        )

    @property
    def verdicts(self) -> tuple[Entry, ...]:
        return self._of("verdict")

    @property
    def verdict(self) -> Mapping[str, Any] | None:
        return self.verdicts[-1].data if self.verdicts else None

    @property
    def findings(self) -> tuple[Mapping[str, Any], ...]:
        """Why the change was sent back, oldest first: the judge's public findings, the only words
        of it that reach an agent, and the law's where it asked for another try."""
        return tuple(finding for entry in self.entries for finding in _findings_in(entry))

    @property
    def requested(self) -> tuple[Mapping[str, Any], ...]:
        """What reviewers want changed in the proposal at hand, where they sent it back: words of
        models about a difference."""
        since = max(
            (entry.seq for entry in self.transitions if entry.data["event"] == Event.CHANGE_READY),
            default=0,
        )
        return tuple(
            one
            for entry in self._of("node")
            if entry.seq > since
            for one in entry.data["result"]["output"].get("requested", ())
        )

    @property
    def usage(self) -> Usage:
        total = Usage()
        for entry in self._of("usage"):
            data = entry.data
            total += Usage(
                data["calls"],
                data["input_tokens"],
                data["output_tokens"],
                Decimal(data["cost_usd"]),
            )
        return total

    def runs_of(self, workflow: str) -> int:
        return sum(entry.data["workflow"] == workflow for entry in self._of("run"))

    def _of(self, kind: str) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.kind == kind)

    def _since(self, *marks: Event) -> list[str]:
        events = [entry.data["event"] for entry in self.transitions]
        last = max((i for i, event in enumerate(events) if event in marks), default=-1)
        return events[last + 1 :]


def _not_after(one: str | None, other: str | None) -> bool:
    return bool(one and other) and datetime.fromisoformat(str(one)) <= datetime.fromisoformat(
        str(other)
    )


def _findings_in(entry: Entry) -> Iterable[Mapping[str, Any]]:
    if entry.kind == "verdict":
        return tuple(entry.data.get("findings", ()))
    if entry.kind == "node" and entry.data["result"]["event"] == Event.CHANGES_REQUESTED:
        return tuple(entry.data["result"]["output"].get("sent_back", ()))
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


def is_stop_requested(ledger: Ledger) -> bool:
    """Whether the owner's stop is in the ledger: there it reaches a factory on whichever machine
    works on it now."""
    marks = [
        entry.data["command"]
        for entry in ledger.entries(kind="command")
        if entry.run is None and entry.data["command"] in (STOP, RESUME)
    ]
    return marks[-1:] == [STOP]


def is_frozen(ledger: Ledger) -> bool:
    """Whether a landing that differed, or a red main, has stopped all merging until a person thaws
    it."""
    return bool(why_frozen(ledger))


def why_frozen(ledger: Ledger) -> str:
    """Why merging is frozen, in words that may hold text from outside; empty where it is not."""
    marks = [
        entry.data
        for entry in ledger.entries(kind="command")
        if entry.data["command"] in (FREEZE, THAW)
    ]
    is_on = bool(marks) and marks[-1]["command"] == FREEZE
    return str(marks[-1].get("why") or "what landed was not what was judged") if is_on else ""
