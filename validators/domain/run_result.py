"""What one run shows about the app, read from its evidence alone.

A run passes, fails or is inconclusive. Everything that is absent, skipped, ambiguous or the fault
of the judge's own machinery is inconclusive."""

from __future__ import annotations

from enum import StrEnum

from validators.domain.evidence import (
    UNREAD,
    UNRECORDED,
    ExpectationOutcome,
    RunEvidence,
    StepOutcome,
    Trouble,
)
from validators.domain.verdict import Symptom

SILENT = frozenset({Trouble.AMBIGUOUS, Trouble.NO_VALUE, Trouble.BROKEN})
"""Troubles that make a whole run inconclusive, whatever else it found."""

LATE = frozenset({Trouble.TIMED_OUT, Trouble.RESTLESS})
"""Troubles that a slow machine causes as well. Beside a definite failure they change nothing; alone
they make the run inconclusive."""

ENDINGS = ("exit", "within")
"""How a command must end where no look expects otherwise: breaches of these kinds."""
PRINTED = ("exit", "output", "errors", "file")
"""Looks at what came of a command."""
CUT_OFF = (Trouble.NO_ANSWER, Trouble.TOO_LARGE)


class Result(StrEnum):
    """What one run shows about the app. INCONCLUSIVE: it proves neither."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


def result(evidence: RunEvidence) -> Result:
    """The result of one run."""
    troubles = {part.trouble for part in _parts(evidence) if part.trouble}
    unusable = evidence.errors or evidence.skipped
    if unusable or not evidence.app_ready or not evidence.complete or troubles & SILENT:
        return Result.INCONCLUSIVE
    # A definite failure counts even beside a late answer, so it is asked for first.
    if evidence.breaches or any(refuted(part) for part in _parts(evidence)):
        return Result.FAILED
    if troubles & LATE:
        return Result.INCONCLUSIVE
    # A run that did nothing or looked at nothing proves nothing.
    return Result.PASSED if evidence.steps and evidence.expectations else Result.INCONCLUSIVE


def refuted(part: StepOutcome | ExpectationOutcome) -> bool:
    """Whether a step or a look failed for certain: the app had its time and owed no answer."""
    return not part.passed and part.trouble not in LATE


def diverges(plain: RunEvidence, masked: RunEvidence) -> bool:
    """Whether the app answered its two visitors differently.

    Compares outcomes of steps, looks and nevers only. A part for which one visitor got no answer in
    time is left out, and so is everything after such a step."""
    if _answers(plain, beside=masked) != _answers(masked, beside=plain):
        return True
    broken, other = _breached(plain), _breached(masked)
    # A late visitor may not have come to the page that breaches, so its silence is no difference.
    return bool(broken - other and not _late(masked)) or bool(other - broken and not _late(plain))


def caught(evidence: RunEvidence) -> bool:
    """Whether a step or a look noticed the injected fault of this run.

    A breached `never` does not count: `http_status >= 500` sees the injector's own answer, and
    would let a journey that asserts nothing catch it. No answer does not count either: no injector
    makes an app silent, so that is a slow machine."""
    failed = [part for part in _parts(evidence) if not part.passed]
    mute = {*CUT_OFF, *LATE}
    return (
        result(evidence) is Result.FAILED
        and bool(failed)
        and not any(part.trouble in mute for part in failed)
    )


def silence(evidence: RunEvidence) -> str:
    """Why a run is inconclusive, in words without a step, a selector or a value."""
    mute = [part for part in _parts(evidence) if part.trouble in SILENT | LATE]
    if evidence.skipped:
        return "it was skipped"
    if evidence.errors:
        known = (one for one in (UNRECORDED, UNREAD) if one in evidence.errors)
        return next(known, "the judge's own machinery failed")
    if not evidence.app_ready:
        return "the app was not ready"
    if not evidence.complete:
        return "it did not come to its end in time"
    if mute:
        seconds = f"{mute[0].millis / 1000:.0f} s"
        return {
            Trouble.AMBIGUOUS: "it names something that is there more than once",
            Trouble.NO_VALUE: "it uses a value that nothing had set",
            Trouble.TIMED_OUT: f"the app did not answer in {seconds}",
            Trouble.RESTLESS: f"what it looks for was never all there at one moment in {seconds}",
        }.get(mute[0].trouble or Trouble.BROKEN, "the browser failed, or could not read the page")
    return "it looked at nothing"


def symptom(evidence: RunEvidence) -> Symptom:
    """What a person would have noticed first in a failed run."""
    if any(breach.kind == "http_status" for breach in evidence.breaches):
        return Symptom.SERVER_ERROR
    if any(breach.kind in ENDINGS for breach in evidence.breaches):
        return Symptom.WRONG_EXIT
    for step in evidence.steps:
        if refuted(step):
            return Symptom.NO_ANSWER if step.trouble in CUT_OFF else Symptom.NOT_POSSIBLE
    for look in filter(refuted, evidence.expectations):
        if look.trouble in CUT_OFF:
            return Symptom.NO_ANSWER
        if look.kind in PRINTED:
            return Symptom.WRONG_EXIT if look.kind == "exit" else Symptom.NOT_PRINTED
        if look.kind == "answer":
            return Symptom.NOT_ANSWERED
        if look.vantage != "here":
            return Symptom.NOT_KEPT if look.vantage == "after_reload" else Symptom.NOT_SHARED
        return Symptom.STILL_SHOWN if look.kind == "absent" else Symptom.NOT_SHOWN
    return Symptom.PAGE_ERROR


def _parts(evidence: RunEvidence) -> tuple[StepOutcome | ExpectationOutcome, ...]:
    return (*evidence.steps, *evidence.expectations)


def _answers(evidence: RunEvidence, *, beside: RunEvidence) -> frozenset[tuple[str, int, bool]]:
    """The outcome of each step and look, up to a step that was late in either run."""
    late = {
        _place(part) for run in (evidence, beside) for part in _parts(run) if part.trouble in LATE
    }
    ended = min((place for place in late if place[0] == "step"), default=None)
    return frozenset(
        (*_place(part), part.passed)
        for part in _parts(evidence)
        if _place(part) not in late and (ended is None or ("step", -1) < _place(part) < ended)
    )


def _place(part: StepOutcome | ExpectationOutcome) -> tuple[str, int]:
    return "step" if isinstance(part, StepOutcome) else "look", part.index


def _breached(evidence: RunEvidence) -> frozenset[tuple[str, int]]:
    return frozenset((breach.kind, breach.line) for breach in evidence.breaches)


def _late(evidence: RunEvidence) -> bool:
    return any(part.trouble in LATE for part in _parts(evidence))
