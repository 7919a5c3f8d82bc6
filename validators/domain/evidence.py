"""Evidence: what happened when a journey was performed, as facts. Nothing here decides.

A run is one journey, performed once by one identity for one reason against one fresh app. Texts
seen on a page are data: capped, stripped of invisible characters, never shown outside the sealed
store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from validators.domain.journeys.wording import folded, visible

OBSERVED_CHARACTERS = 300


class Identity(StrEnum):
    PLAIN = "plain"
    MASKED = "masked"


class RunKind(StrEnum):
    """Why a run was made. `BASE` is the journey on the base commit, where a change's journey must
    be red."""

    JOURNEY = "journey"
    NEGATIVE_CONTROL = "twin"
    FAULT_INJECTION = "sabotage"
    BASE = "base"


class FaultInjector(StrEnum):
    DROP_ROW = "drop-row"
    STALE = "stale"
    ERROR_500 = "error-500"
    SWAP_TEXT = "swap-text"
    FROZEN = "frozen"


class Trouble(StrEnum):
    """Why a step could not be done or a look could not be taken."""

    MISSING = "missing"  # no such element within the patience
    AMBIGUOUS = "ambiguous"  # more than one: the journey does not say which
    NOT_ACTIONABLE = "not-actionable"  # there, but disabled, covered or not a field
    NO_ANSWER = "no-answer"  # the app refused, broke off or redirected for ever
    TIMED_OUT = "timed-out"  # the bound ran out while an answer was outstanding: says nothing
    RESTLESS = "restless"  # all was there, and never at one moment of one page: says nothing
    TOO_LARGE = "too-large"  # the app answered with more than a person's browser should take
    # the dialog, the download or the file chooser that a step is about did not come
    NOT_COME = "not-come"
    OTHER_DIALOG = "other-dialog"  # a dialog came, and says something else or is of another kind
    NO_VALUE = "no-value"  # a name that nothing had set
    BROKEN = "broken"  # the browser or this program failed: says nothing about the app


@dataclass(frozen=True, slots=True)
class RunId:
    """Which run. `injector` is set exactly when `kind` is SABOTAGE; `attempt` counts from 1."""

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
    """One step. `index` counts from 0; `millis` is wall time; `trouble` None means done."""

    index: int
    line: int
    verb: str
    passed: bool
    trouble: Trouble | None = None
    observed: str = ""
    millis: int = 0


@dataclass(frozen=True, slots=True)
class ExpectationOutcome:
    """One look. `index` counts over the whole `expect`, so plain and masked can be compared
    pairwise.

    `vantage` is the language's word, and for what one of the people saw `as` and their name."""

    index: int
    line: int
    kind: str
    vantage: str
    passed: bool
    expected: str = ""
    observed: str = ""
    trouble: Trouble | None = None
    millis: int = 0


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that must never happen, and did. `page`: it is the status of a page that somebody
    opened."""

    kind: str
    line: int
    observed: str = ""
    page: bool = False


@dataclass(frozen=True, slots=True)
class FaultFacts:
    """What the saboteur did. `changed`: responses or requests whose bytes it altered; 0 means not
    applicable.

    `touched`: the bytes it altered carried a value or a text that an expectation of the journey
    requires. `put_in`: one of these values was put in by a step; `reached`: the bytes carried such
    a value."""

    changed: int
    touched: bool
    put_in: bool = False
    reached: bool = False


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """Everything known about one run. `complete`: every step was tried and every look taken, up to
    the first trouble.

    `errors` are failures of the judge's own machinery; any of them makes the run say nothing.
    `skipped` is why a run was not made at all. `files` are paths below the output folder.
    `there_at_first` is asked in the run of FROZEN alone: whether all that is expected was there
    when its pages had merely been opened; None: nobody knows."""

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
    notes: tuple[str, ...] = ()  # dialogs dismissed, popups, downloads and addresses refused
    files: tuple[str, ...] = ()
    millis: int = 0


def observed(text: str) -> str:
    """A page's text fit to be kept: one line, no invisible or control characters, at most
    OBSERVED_CHARACTERS."""
    line = folded(visible(text))
    return line if len(line) <= OBSERVED_CHARACTERS else line[: OBSERVED_CHARACTERS - 1] + "…"
