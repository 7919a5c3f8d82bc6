"""Decides which candidates of a home are deleted, and why the others stay. Pure functions.

Properties:
- Nothing is deleted that an unfinished run may still need, or that an audit reads: the ledger,
  verdicts, evidence, journeys, proofs and transcripts are never even candidates.
- Recordings, which a replay needs, are deleted only if somebody set a time for them.
- What the ledger does not know stays, and so does what somebody may still be making.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.domain.ledger import Entry
from harness.domain.lifecycle import State
from harness.factory.records.history import History, histories

# How long unused things stay that can be made again.
DAYS = 30
DAY_SECONDS = 86_400.0
# Longer than making anything here takes.
MAKING_SECONDS = DAY_SECONDS


class CandidateKind(StrEnum):
    """The kind of a candidate. Its value is shown to people.

    TRASH was discarded before, by a process that was killed before it deleted it. WORKTREE belongs
    to a run, with its git store. TESTS are trees exported for a run's tests; their reports stay.
    SPARE worktrees were made ahead of need. LAYER are prepared dependencies. WHEEL are downloads,
    for all homes of this account. HALF_MADE was begun by a process that may be dead. RECORDING are
    a run's requests and answers, for `factory replay`. TEMPORARY is in the temporary folder, named
    after its process. DEMO homes are there too; they contain nobody's work."""

    TRASH = "trash"
    WORKTREE = "worktrees"
    TESTS = "test trees"
    SPARE = "spare worktrees"
    LAYER = "layers"
    WHEEL = "wheels"
    HALF_MADE = "half-made"
    RECORDING = "recordings"
    TEMPORARY = "temporary"
    DEMO = "demo homes"


class RunState(StrEnum):
    """The state of a run, as far as its files are concerned. OPEN: it may continue. LOOKED_AT: it
    is over, and its issue waits for a person, who may want to see its files."""

    OPEN = "open"
    LOOKED_AT = "looked-at"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that was found. `age` is the seconds since it was last written or used. `trash` is
    the folder whose trash takes it; None means that it is deleted in place, and found again by its
    name if that is interrupted."""

    kind: CandidateKind
    path: Path
    age: float
    trash: Path | None
    run: str | None = None
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The input of the decisions. `live_processes` are the processes of this machine. `days` is how
    long unused things stay, `recordings` the same for recordings (0: for ever)."""

    candidates: tuple[Candidate, ...]
    runs: Mapping[str, RunState]
    live_processes: frozenset[int]
    days: float = DAYS
    recordings: float = 0


@dataclass(frozen=True, slots=True)
class GcDecision:
    """Whether a candidate is deleted, and why or why not."""

    candidate: Candidate
    deletes: bool
    why: str


def gc_decisions(facts: Facts) -> tuple[GcDecision, ...]:
    """A decision on every candidate, in their order."""
    return tuple(
        GcDecision(candidate, *_decision(candidate, facts)) for candidate in facts.candidates
    )


def _decision(candidate: Candidate, facts: Facts) -> tuple[bool, str]:
    match candidate.kind:
        case CandidateKind.TRASH:
            return True, "it was discarded before"
        case CandidateKind.WORKTREE | CandidateKind.TESTS:
            return _of_run(candidate, facts)
        case CandidateKind.RECORDING:
            return _recorded(candidate, facts)
        case CandidateKind.HALF_MADE:
            # Such a name does not tell which process made it, so only its age can decide.
            gone = candidate.age >= MAKING_SECONDS
            return gone, "its maker is gone" if gone else "somebody may still be making it"
        case CandidateKind.TEMPORARY:
            # A process that got the same number later only keeps the file longer.
            if candidate.owner in facts.live_processes:
                return False, f"process {candidate.owner} is alive"
            return True, "the process that made it is gone"
        case CandidateKind.LAYER | CandidateKind.WHEEL | CandidateKind.SPARE | CandidateKind.DEMO:
            unused = candidate.age >= facts.days * DAY_SECONDS
            return unused, f"{'not used' if unused else 'used'} in the last {facts.days:g} days"


def _recorded(candidate: Candidate, facts: Facts) -> tuple[bool, str]:
    """A run's recording goes by its age, once the run is over. An object, which several recordings
    may name, goes by the age of its last use."""
    if not facts.recordings:
        return False, "runs can be replayed for ever here"
    if candidate.age < facts.recordings * DAY_SECONDS:
        return False, f"a run can be replayed for {facts.recordings:g} days"
    if candidate.run is None:
        return True, f"recorded more than {facts.recordings:g} days ago"
    return _of_run(candidate, facts)


def _of_run(candidate: Candidate, facts: Facts) -> tuple[bool, str]:
    match facts.runs.get(candidate.run or ""):
        case None:
            return False, "the ledger knows no run of that name"
        case RunState.OPEN:
            return False, "its run is not over"
        case RunState.LOOKED_AT if (
            candidate.kind is CandidateKind.WORKTREE and candidate.age < facts.days * DAY_SECONDS
        ):
            return False, "its issue waits for a person, who may want to look at it"
        case _:
            return True, "its run is over"


def run_states(entries: Iterable[Entry]) -> Mapping[str, RunState]:
    """The state of every run in the ledger, by its name."""
    return {run: state for one in histories(entries) for run, state in _run_states(one)}


def _run_states(history: History) -> Iterable[tuple[str, RunState]]:
    runs = [str(entry.run) for entry in history.entries if entry.kind == "run"]
    ended = {entry.run for entry in history.entries if entry.kind == "run-ended"}
    for run in runs:
        if run not in ended:
            yield run, RunState.OPEN
        elif history.state is State.NEEDS_HUMAN and run == runs[-1]:
            yield run, RunState.LOOKED_AT
        else:
            yield run, RunState.OVER
