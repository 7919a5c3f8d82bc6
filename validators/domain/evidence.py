"""Evidence: the facts of what happened when a journey was performed. Nothing here decides.

A run is one journey, performed once, by one identity, for one reason, against one fresh app. Texts
from a page are data: they are capped, stripped of invisible characters, and never leave the sealed
store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from validators.domain.journeys.wording import folded, visible
from validators.domain.shortened import cut

OBSERVED_CHARACTERS = 300


class Identity(StrEnum):
    PLAIN = "plain"
    MASKED = "masked"


class RunKind(StrEnum):
    """Why a run was made. `BASE` is the journey on the base commit, where a change's journey must
    be red. `COMPARISON` is the same with the data of the judgement, to be shown beside the
    candidate: it proves nothing and has no vote."""

    # The values are stored in evidence and in the names of its folders, so they never change.
    JOURNEY = "journey"
    NEGATIVE_CONTROL = "twin"
    FAULT_INJECTION = "sabotage"
    BASE = "base"
    COMPARISON = "comparison"


UNRECORDED = "it made more requests than are recorded"
UNREAD = "the text of a page could not be read whole"
"""Errors of a run for which it is not known whether it did what it never may."""

ON_BASE = frozenset({RunKind.BASE, RunKind.COMPARISON})
"""The kinds of runs whose app is the base."""


class FaultInjector(StrEnum):
    DROP_ROW = "drop-row"
    STALE = "stale"
    ERROR_500 = "error-500"
    SWAP_TEXT = "swap-text"
    FROZEN = "frozen"


class Trouble(StrEnum):
    """Why a step could not be done or a look could not be taken."""

    # No such element within the patience.
    MISSING = "missing"
    # Several such elements: the journey does not say which.
    AMBIGUOUS = "ambiguous"
    # The element is there, but disabled, covered or not a field.
    NOT_ACTIONABLE = "not-actionable"
    # The app refused, broke off or redirected for ever.
    NO_ANSWER = "no-answer"
    # The bound ran out while the app still owed an answer: inconclusive.
    TIMED_OUT = "timed-out"
    # Everything was there, but never at one moment of one page: inconclusive.
    RESTLESS = "restless"
    # The app answered with more bytes than a person's browser should take.
    TOO_LARGE = "too-large"
    # The dialog, download or file chooser that a step needs did not come.
    NOT_COME = "not-come"
    # A dialog came, with another message or of another kind.
    OTHER_DIALOG = "other-dialog"
    # The journey uses a name that nothing had set.
    NO_VALUE = "no-value"
    # The browser or this program failed: inconclusive.
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class RunId:
    """Which run. `injector` is set exactly when `kind` is FAULT_INJECTION; `attempt` counts from
    1."""

    journey: str
    identity: Identity = Identity.PLAIN
    kind: RunKind = RunKind.JOURNEY
    injector: FaultInjector | None = None
    attempt: int = 1

    def __str__(self) -> str:
        kind = f"{self.kind}-{self.injector}" if self.injector else str(self.kind)
        return f"{kind}-{self.identity}-{self.attempt}"


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """One step. `index` counts from 0; `millis` is wall time; `trouble` None: the step was done."""

    index: int
    line: int
    verb: str
    passed: bool
    trouble: Trouble | None = None
    observed: str = ""
    millis: int = 0


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """One look. `index` counts over the whole `expect`, so that the looks of two visitors can be
    compared in pairs.

    `vantage` is the word of the journey language; for a named person, `as` and the name."""

    index: int
    line: int
    kind: str
    vantage: str
    passed: bool
    expected: str = ""
    observed: str = ""
    trouble: Trouble | None = None
    millis: int = 0


Part = StepOutcome | ExpectationOutcome


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that must never happen, but did. `page`: it is the HTTP status of a page that
    somebody opened."""

    kind: str
    line: int
    observed: str = ""
    page: bool = False


@dataclass(frozen=True, slots=True)
class FaultFacts:
    """What a fault injector did in a run.

    `changed`: how many requests or responses it altered; 0: it did not apply. `touched`: the
    altered bytes carried a value or a text that an expectation of the journey requires. `put_in`: a
    step put in one of these values. `reached`: the altered bytes carried such a value."""

    changed: int
    touched: bool
    put_in: bool = False
    reached: bool = False


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """Everything known about one run.

    `complete`: every step was tried and every look taken, up to the first trouble. `errors` are
    failures of the judge's own machinery; one of them makes the run inconclusive. `skipped` is why
    the run was not made. `there_at_first` is set in the run of FROZEN only: whether everything
    expected was there when the pages had merely been opened; None: not known. `notes` are dialogs
    dismissed, and pop-ups, downloads and addresses refused. `files` are paths below the output
    folder."""

    run: RunId
    app_ready: bool
    complete: bool
    steps: tuple[StepOutcome, ...] = ()
    expectations: tuple[ExpectationOutcome, ...] = ()
    breaches: tuple[Breach, ...] = ()
    errors: tuple[str, ...] = ()
    skipped: str = ""
    fault: FaultFacts | None = None
    there_at_first: bool | None = None
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    millis: int = 0


def observed(text: str) -> str:
    """A page's text as it is stored: one line, without invisible and control characters, at most
    OBSERVED_CHARACTERS long."""
    return cut(folded(visible(text)), OBSERVED_CHARACTERS)
