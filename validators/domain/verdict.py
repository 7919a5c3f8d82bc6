"""The verdict as a value. `validators.domain.fold` makes it from evidence; the launcher signs
it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Symptom(StrEnum):
    """What a person would have noticed. Nothing else about a failure may leave the sealed store."""

    NOT_SHOWN = "not-shown"
    STILL_SHOWN = "still-shown"
    NOT_KEPT = "not-kept"
    NOT_SHARED = "not-shared"
    NOT_POSSIBLE = "not-possible"
    SERVER_ERROR = "server-error"
    PAGE_ERROR = "page-error"
    NO_ANSWER = "no-answer"
    NOT_ANSWERED = "not-answered"
    NOT_PRINTED = "not-printed"
    WRONG_EXIT = "wrong-exit"
    DIFFERS_WHEN_WATCHED = "differs-when-watched"


@dataclass(frozen=True, slots=True)
class Finding:
    """One failed journey, and what a person would have noticed. Only `promise` and `symptom` are
    published."""

    journey: str
    promise: str
    symptom: Symptom


@dataclass(frozen=True, slots=True)
class Counts:
    sealed: int = 0
    executed: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Controls:
    """What shows that the judgement could fail.

    `faults_injected` counts the injected faults that a journey should notice or did: a byte that
    was changed where no journey looks shows nothing. `faults_caught` counts those that one noticed.
    `red_on_base`: every journey that must be red on base was red there."""

    negative_controls: int = 0
    negative_controls_failed: int = 0
    faults_injected: int = 0
    faults_caught: int = 0
    red_on_base: bool = False

    def document(self) -> dict[str, int | bool]:
        """The controls by the keys of the signed predicate, which never change."""
        return {
            "twins": self.negative_controls,
            "twins_failed": self.negative_controls_failed,
            "saboteurs": self.faults_injected,
            "caught": self.faults_caught,
            "red_on_base": self.red_on_base,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    reason: str
    journeys: Counts = Counts()
    controls: Controls = Controls()
    findings: tuple[Finding, ...] = ()


class Purpose(StrEnum):
    """Why a journey is in the set. For a bug or a feature it must be red on base, for a regression
    green. MEND is of a journey of landed work that turned red: red on base in any way that both
    visitors share, a step that cannot be done any more included."""

    BUG = "bug"
    FEATURE = "feature"
    REGRESSION = "regression"
    MEND = "mend"


@dataclass(frozen=True, slots=True)
class Proof:
    """What runs on the base commit have shown about one journey. `reason`: why, also if `proved` is
    False."""

    proved: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """One journey that must be performed. `proof`: what base has proved about it; None: nothing
    yet.

    `in_suite`: it belongs to the regression suite, not to the change's own issue. `issue` is the
    one that it was written for (0: for the mission alone). Base is asked about it only when it is
    red on the candidate. `inject_faults` False: an earlier judgement showed that it notices faults.
    `plain` False: only the masked visitor performs it."""

    journey: str
    promise: str
    purpose: Purpose
    proof: Proof | None = None
    in_suite: bool = False
    issue: int = 0
    inject_faults: bool = True
    plain: bool = True

    @property
    def promised(self) -> str:
        """What it guards: an entry of the mission, or the issue that it was written for."""
        return f"issue #{self.issue}" if self.in_suite and self.promise == "issue" else self.promise
