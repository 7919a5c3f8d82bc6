"""What may go from a home, and what stays and why: a pure decision about what was found lying
there.

Properties kept:
- nothing goes that a run which is not over may still need, or that an audit reads: the ledger,
  verdicts, evidence, journeys, proofs and transcripts are never even looked at; what a replay needs
  only where somebody set its time;
- what the ledger does not know stays; what somebody may still be making stays; unknown is no.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from harness.domain.ledger import Entry
from harness.domain.lifecycle import State
from harness.factory.records.history import History, histories

DAYS = 30  # how long what can be made again is kept without being used
DAY_SECONDS = 86_400.0
MAKING_SECONDS = DAY_SECONDS  # longer than anything here takes to be made


class Kind(StrEnum):
    """What lies there. The value is what people read."""

    TRASH = "trash"  # thrown away before, by whoever was killed before it was deleted
    WORKTREE = "worktrees"  # of a run, with its store
    TESTS = "test trees"  # exported for a run's tests; their reports stay
    SPARE = "spare worktrees"  # made before anybody asked
    LAYER = "layers"  # prepared dependencies
    WHEEL = "wheels"  # downloaded, for all homes of this account
    HALF_MADE = "half-made"  # begun by somebody who may be dead
    RECORDING = "recordings"  # what a run asked, and was answered: `factory replay` needs it
    TEMPORARY = "temporary"  # in the folder for temporary files, named for the process that made it
    DEMO = "demo homes"  # in the folder for temporary files; nothing in them was anybody's work


class Standing(StrEnum):
    """How a run stands, as far as what it left is concerned."""

    OPEN = "open"  # it may go on
    # it is over, and its issue waits for a person, who may want to see what it made
    LOOKED_AT = "looked-at"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Leaving:
    """One thing that was found. `age` is the seconds since it was last written or used; `trash` is
    the folder whose trash takes it (None: it is deleted where it lies, and is told by its name if
    that is cut short)."""

    kind: Kind
    path: Path
    age: float
    trash: Path | None
    run: str | None = None
    owner: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the decision is made of. `living` are the processes of this machine; `days` is the
    patience, `recordings` that with what replays need (0: without end)."""

    leavings: tuple[Leaving, ...]
    runs: Mapping[str, Standing]
    living: frozenset[int]
    days: float = DAYS
    recordings: float = 0


@dataclass(frozen=True, slots=True)
class GcDecision:
    """Whether a thing goes, and why, or why it stays."""

    leaving: Leaving
    goes: bool
    why: str


def sweepable(facts: Facts) -> tuple[GcDecision, ...]:
    """The fate of everything that was found, in the order it was found in."""
    return tuple(GcDecision(leaving, *_decision(leaving, facts)) for leaving in facts.leavings)


def _decision(leaving: Leaving, facts: Facts) -> tuple[bool, str]:
    match leaving.kind:
        case Kind.TRASH:
            return True, "it was thrown away before"
        case Kind.WORKTREE | Kind.TESTS:
            return _of_run(leaving, facts)
        case Kind.RECORDING:
            return _recorded(leaving, facts)
        case Kind.HALF_MADE:
            gone = leaving.age >= MAKING_SECONDS
            return gone, "whoever began it is gone" if gone else "somebody may still be making it"
        case Kind.TEMPORARY:
            alive = leaving.owner in facts.living
            return (
                not alive,
                f"process {leaving.owner} is alive"
                if alive
                else "the process that made it is gone",
            )
        case Kind.LAYER | Kind.WHEEL | Kind.SPARE | Kind.DEMO:
            unused = leaving.age >= facts.days * DAY_SECONDS
            return unused, f"{'not used' if unused else 'used'} in the last {facts.days:g} days"


def _recorded(leaving: Leaving, facts: Facts) -> tuple[bool, str]:
    """A tape goes with its age, and when its run is over; an object, which many tapes may name,
    with that of its last use."""
    if not facts.recordings:
        return False, "runs can be replayed for ever here"
    if leaving.age < facts.recordings * DAY_SECONDS:
        return False, f"a run can be replayed for {facts.recordings:g} days"
    return (
        (True, f"recorded more than {facts.recordings:g} days ago")
        if leaving.run is None
        else _of_run(leaving, facts)
    )


def _of_run(leaving: Leaving, facts: Facts) -> tuple[bool, str]:
    match facts.runs.get(leaving.run or ""):
        case None:
            return False, "the ledger knows no run of that name"
        case Standing.OPEN:
            return False, "its run is not over"
        case Standing.LOOKED_AT if (
            leaving.kind is Kind.WORKTREE and leaving.age < facts.days * DAY_SECONDS
        ):
            return False, "its issue waits for a person, who may want to look at it"
        case _:
            return True, "its run is over"


def standings(entries: Iterable[Entry]) -> Mapping[str, Standing]:
    """Every run that the ledger knows, and how it stands."""
    return {run: standing for told in histories(entries) for run, standing in _standings(told)}


def _standings(history: History) -> Iterable[tuple[str, Standing]]:
    runs = [str(entry.run) for entry in history.entries if entry.kind == "run"]
    ended = {entry.run for entry in history.entries if entry.kind == "run-ended"}
    for run in runs:
        if run not in ended:
            yield run, Standing.OPEN
        elif history.state is State.NEEDS_HUMAN and run == runs[-1]:
            yield run, Standing.LOOKED_AT
        else:
            yield run, Standing.OVER
