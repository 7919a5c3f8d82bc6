"""From evidence to a verdict: one pure fold. Absent, empty, skipped, timed out and unknown all mean
no.

Order matters and is the order of trust: first whether everything that is sealed was performed, then
whether what was performed means anything, then what it says, and only for a green answer whether
the gate was able to be red."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from validators.domain.evidence import (
    ExpectationOutcome,
    FaultInjector,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
    Trouble,
)
from validators.domain.verdict import (
    Controls,
    Counts,
    Finding,
    Outcome,
    Purpose,
    Sealed,
    Symptom,
    Verdict,
)

SILENT = frozenset({Trouble.AMBIGUOUS, Trouble.NO_VALUE, Trouble.BROKEN})
LATE = frozenset({Trouble.TIMED_OUT, Trouble.RESTLESS})
"""What a slow machine looks like as well: beside a definite no it takes nothing away, alone it says
nothing."""


PAINTED = (
    "all it looks for is there as soon as its pages are open, so pages that are only painted would"
    " pass: let it put in, pick or open something with a value that is drawn, and look for what"
    " must come of it; what merely stands there, reach by a click"
)


class Result(StrEnum):
    """What one run says about the app. NOTHING: the run proves neither."""

    PASSED = "passed"
    FAILED = "failed"
    NOTHING = "nothing"


def verdict(sealed: tuple[Sealed, ...], evidence: tuple[RunEvidence, ...]) -> Verdict:
    """What the evidence says about the candidate. Raises nothing: whatever is wrong with the
    evidence is a no."""
    runs = {item.run: item for item in evidence}
    controls = _controls(sealed, runs)
    counts = Counts(
        sealed=len(sealed),
        executed=sum(_executed(one, runs) for one in sealed),
        passed=sum(_results(one.journey, runs) == {Result.PASSED} for one in sealed),
    )
    findings = tuple(found for one in sealed if (found := _finding(one, runs)))
    for reason in _unusable(sealed, evidence, counts, runs):
        return Verdict(Outcome.INCONCLUSIVE, reason, counts, controls)
    if findings:
        return Verdict(Outcome.FAILED, _failed_reason(findings, counts), counts, controls, findings)
    for reason in _uncontrolled(sealed, runs):
        return Verdict(Outcome.INCONCLUSIVE, reason, counts, controls)
    return Verdict(Outcome.PASSED, _passed_reason(sealed), counts, controls)


def result(evidence: RunEvidence) -> Result:
    """What one run says."""
    troubles = {part.trouble for part in _parts(evidence) if part.trouble}
    if (
        evidence.errors
        or evidence.skipped
        or not evidence.app_ready
        or not evidence.complete
        or troubles & SILENT
    ):
        return Result.NOTHING
    if evidence.breaches or any(refuted(part) for part in _parts(evidence)):
        return Result.FAILED
    if troubles & LATE:
        return Result.NOTHING
    return Result.PASSED if evidence.steps and evidence.expectations else Result.NOTHING


def refuted(part: StepOutcome | ExpectationOutcome) -> bool:
    """Whether a step or a look is a definite no: the app had its time, and nothing was
    outstanding."""
    return not part.passed and part.trouble not in LATE


def diverges(plain: RunEvidence, masked: RunEvidence) -> bool:
    """Whether the app answered its two visitors differently, by outcomes of steps, looks and nevers
    alone. What one of them was not answered in time, and what would have come after it, is not
    compared."""
    if _answers(plain, beside=masked) != _answers(masked, beside=plain):
        return True
    heard, other = _heard(plain), _heard(masked)
    return bool(heard - other and not _late(masked)) or bool(other - heard and not _late(plain))


def caught(evidence: RunEvidence) -> bool:
    """Whether a sabotaged run was noticed by a step or a look.

    A breached `never` does not count: `http_status >= 500` sees the saboteur's own mark, and would
    let a journey that asserts nothing kill a mutant. Nor does silence: no saboteur makes an app
    silent, so that is a slow machine."""
    failed = [part for part in _parts(evidence) if not part.passed]
    mute = {Trouble.NO_ANSWER, Trouble.TOO_LARGE, *LATE}
    return (
        result(evidence) is Result.FAILED
        and bool(failed)
        and not any(part.trouble in mute for part in failed)
    )


def _parts(evidence: RunEvidence) -> tuple[StepOutcome | ExpectationOutcome, ...]:
    return (*evidence.steps, *evidence.expectations)


def _answers(evidence: RunEvidence, *, beside: RunEvidence) -> frozenset[tuple[str, int, bool]]:
    """What each step and look came to, up to a step that one of the two runs was not answered in
    time."""
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


def _heard(evidence: RunEvidence) -> frozenset[tuple[str, int]]:
    return frozenset((breach.kind, breach.line) for breach in evidence.breaches)


def _late(evidence: RunEvidence) -> bool:
    return any(part.trouble in LATE for part in _parts(evidence))


def _own(journey: str, runs: dict[RunId, RunEvidence]) -> tuple[RunEvidence, ...]:
    return tuple(
        item for run, item in runs.items() if run.journey == journey and run.kind is RunKind.JOURNEY
    )


def _results(journey: str, runs: dict[RunId, RunEvidence]) -> set[Result]:
    return {result(item) for item in _own(journey, runs)}


def _visitors(one: Sealed) -> tuple[Identity, ...]:
    return tuple(Identity) if one.plain else (Identity.MASKED,)


def _executed(one: Sealed, runs: dict[RunId, RunEvidence]) -> bool:
    return all(_says(runs.get(RunId(one.journey, identity))) for identity in _visitors(one))


def _says(evidence: RunEvidence | None) -> bool:
    return evidence is not None and result(evidence) is not Result.NOTHING


def _unusable(
    sealed: tuple[Sealed, ...],
    evidence: tuple[RunEvidence, ...],
    counts: Counts,
    runs: dict[RunId, RunEvidence],
) -> Iterable[str]:
    """Why the evidence carries no answer, the most basic reason first."""
    if not sealed:
        yield "no journey is sealed for this change"
    names = Counter(one.journey for one in sealed)
    yield from (
        f"two sealed journeys are called {name!r}" for name, times in names.items() if times > 1
    )
    if len(runs) != len(evidence):
        yield "the evidence tells of one run twice"
    if any(run.journey not in names or run.kind is RunKind.BASE for run in runs):
        yield "the evidence tells of a run that was not asked for"
    for one in sealed:
        for identity in _visitors(one):
            yield from _why_silent(one, runs.get(RunId(one.journey, identity)), identity)
    if counts.executed != counts.sealed:
        yield f"{counts.executed} of {counts.sealed} sealed journeys were performed"
    for one in sealed:
        yield from _flaky(one, runs)
    for one in sealed:
        yield from _not_to_blame(one, runs)


def _named(one: Sealed) -> str:
    """A journey in a reason. Its name is sealed and taken out of what leaves; what remains says
    whose it is."""
    if not one.in_suite:
        return f"journey {one.journey!r}"
    return (
        f"journey {one.journey!r} of issue {one.issue}"
        if one.issue
        else f"journey {one.journey!r} of the mission"
    )


def _why_silent(one: Sealed, evidence: RunEvidence | None, identity: Identity) -> Iterable[str]:
    if evidence is None:
        yield f"{_named(one)} was not performed {identity}"
    elif result(evidence) is Result.NOTHING:
        yield f"{_named(one)} ({identity}) says nothing: {silence(evidence)}"


def _not_to_blame(one: Sealed, runs: dict[RunId, RunEvidence]) -> Iterable[str]:
    """A change breaks what stood only if it stood on base: where that is not known, the red is
    nobody's."""
    if one.in_suite and _finding(one, runs) and not (one.proof and one.proof.proved):
        why = one.proof.reason if one.proof else "it was not performed there"
        yield f"{_named(one)} failed, and that it held on base is not shown: {why}"


def silence(evidence: RunEvidence) -> str:
    """Why a run says nothing, in words without a step, a selector or a value."""
    mute = [part for part in _parts(evidence) if part.trouble in SILENT | LATE]
    if evidence.skipped:
        return "it was skipped"
    if evidence.errors:
        return "the judge's own machinery failed"
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
        }.get(mute[0].trouble or Trouble.BROKEN, "the browser failed")
    return "it looked at nothing"


def _flaky(one: Sealed, runs: dict[RunId, RunEvidence]) -> Iterable[str]:
    for identity in Identity:
        seen = {result(item) for item in _own(one.journey, runs) if item.run.identity is identity}
        if len(seen) > 1:
            yield f"{_named(one)} is flaky: a retry disagreed"


def _finding(one: Sealed, runs: dict[RunId, RunEvidence]) -> Finding | None:
    told = [run for identity in _visitors(one) if (run := runs.get(RunId(one.journey, identity)))]
    if len(told) != len(_visitors(one)):
        return None
    if any(diverges(told[0], other) for other in told[1:]):
        return Finding(one.journey, one.promised, Symptom.DIFFERS_WHEN_WATCHED)
    return (
        Finding(one.journey, one.promised, symptom(told[0]))
        if result(told[0]) is Result.FAILED
        else None
    )


def symptom(evidence: RunEvidence) -> Symptom:
    """What a person would have noticed first in a failed run."""
    if any(breach.kind == "http_status" for breach in evidence.breaches):
        return Symptom.SERVER_ERROR
    for step in evidence.steps:
        if refuted(step):
            cut = step.trouble in (Trouble.NO_ANSWER, Trouble.TOO_LARGE)
            return Symptom.NO_ANSWER if cut else Symptom.NOT_POSSIBLE
    for look in filter(refuted, evidence.expectations):
        if look.trouble in (Trouble.NO_ANSWER, Trouble.TOO_LARGE):
            return Symptom.NO_ANSWER
        if look.vantage != "here":
            return Symptom.NOT_KEPT if look.vantage == "after_reload" else Symptom.NOT_SHARED
        return Symptom.STILL_SHOWN if look.kind == "absent" else Symptom.NOT_SHOWN
    return Symptom.PAGE_ERROR


def _passed_reason(sealed: tuple[Sealed, ...]) -> str:
    standing = [one for one in sealed if one.in_suite]
    own, promises = len(sealed) - len(standing), len({one.promised for one in standing})
    if standing and not own:
        told = f"{_counted(len(standing), 'regression journey')} of {_counted(promises, 'promise')}"
        return f"no journey of its own: {told} passed, and each could fail"
    every = f"all {len(sealed)} sealed journeys passed, and each could fail"
    if standing:
        return f"{every}: {own} of this issue, {len(standing)} of what has landed"
    return every if own > 1 else "the one sealed journey passed, and it could fail"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _failed_reason(findings: tuple[Finding, ...], counts: Counts) -> str:
    if any(found.symptom is Symptom.DIFFERS_WHEN_WATCHED for found in findings):
        return "the app behaves differently when watched"
    return f"{len(findings)} of {counts.sealed} sealed journeys failed"


def _controls(sealed: tuple[Sealed, ...], runs: dict[RunId, RunEvidence]) -> Controls:
    told = [_twin(one, runs) for one in sealed]
    negative_controls = [
        negative_control
        for negative_control in told
        if negative_control and not negative_control.skipped
    ]
    hurt = [
        item
        for one in sealed
        for item in _faulty(one.journey, runs)
        if item.fault and item.fault.changed
    ]
    must_be_red = [one for one in sealed if one.purpose is not Purpose.REGRESSION]
    return Controls(
        negative_controls=len(negative_controls),
        negative_controls_failed=sum(not _twin_trouble(item) for item in negative_controls),
        faults_injected=len(hurt),
        faults_caught=sum(caught(item) for item in hurt),
        red_on_base=bool(must_be_red)
        and all(one.proof is not None and one.proof.proved for one in must_be_red),
    )


def _twin(one: Sealed, runs: dict[RunId, RunEvidence]) -> RunEvidence | None:
    asked = (RunId(one.journey, identity, RunKind.NEGATIVE_CONTROL) for identity in _visitors(one))
    return next((runs[run] for run in asked if run in runs), None)


def _faulty(journey: str, runs: dict[RunId, RunEvidence]) -> tuple[RunEvidence, ...]:
    wanted = (
        RunId(journey, kind=RunKind.FAULT_INJECTION, injector=injector)
        for injector in FaultInjector
    )
    return tuple(runs[run] for run in wanted if run in runs)


def _uncontrolled(sealed: tuple[Sealed, ...], runs: dict[RunId, RunEvidence]) -> Iterable[str]:
    """Why a green answer may not be believed."""
    for one in sealed:
        if one.proof is None and not one.in_suite:
            yield f"{_named(one)} has no proof on the base commit"
        elif one.proof and not one.proof.proved and not one.in_suite:
            yield f"{_named(one)}: {one.proof.reason}"
        negative_control = _twin(one, runs)
        if (
            trouble := _twin_trouble(negative_control)
            if negative_control
            else "the control was not performed"
        ):
            yield f"{_named(one)}: {trouble}"
        if one.inject_faults:
            faulty, plain = _faulty(one.journey, runs), runs.get(RunId(one.journey))
            yield from (
                f"{_named(one)}: {why}" for why in (*_uncaught(faulty, plain), *_painted(faulty))
            )
    if not any(caught(item) for one in sealed for item in _faulty(one.journey, runs)):
        yield (
            "no saboteur was performed and noticed, so nothing shows that this judgement could fail"
        )


def _twin_trouble(negative_control: RunEvidence) -> str:
    """Empty when the control failed as a control must: its steps done, and one of its expectations
    not met."""
    troubles = {look.trouble for look in negative_control.expectations if look.trouble}
    broken = (
        negative_control.errors
        or negative_control.skipped
        or not negative_control.app_ready
        or not negative_control.complete
        or troubles & SILENT
    )
    if (
        broken
        or not negative_control.steps
        or not all(step.passed for step in negative_control.steps)
    ):
        return "the control could not be performed"
    if any(refuted(look) for look in negative_control.expectations):
        return ""
    return "the control could not be performed" if troubles & LATE else "the control did not fail"


def _uncaught(faulty: tuple[RunEvidence, ...], plain: RunEvidence | None) -> Iterable[str]:
    """Each sabotage that altered what the journey requires must be noticed, and at least one of all
    that applied.

    Where a step put in what must be seen, a noticed one must have reached it, or it was looked for
    again from elsewhere: else a page that paints what is typed, and keeps nothing, could pass."""
    if len(faulty) != len(FaultInjector) or any(item.fault is None for item in faulty):
        yield "not every sabotage was performed"
        return
    hurt = [item for item in faulty if item.fault and item.fault.changed]
    for item in hurt:
        if item.fault and item.fault.touched and not caught(item):
            yield f"sabotage {item.run.injector} went unnoticed"
    if not hurt:
        yield (
            "no sabotage applied, so nothing shows that it could fail: let it change something, or"
            " look for what the app sends"
        )
    elif not any(caught(item) for item in hurt):
        yield "no sabotage was noticed"
    elif any(item.fault and item.fault.put_in for item in hurt) and not _kept(hurt, plain):
        yield (
            "no saboteur reached what was put in, and nothing looked for it from elsewhere: let it"
            " be seen after_reload"
        )


def _painted(faulty: Iterable[RunEvidence]) -> Iterable[str]:
    """An app that is a picture for each address passes whoever merely opens pages, and looks for
    what stands there.

    Either something is not there yet when the pages have been opened, or an app that answers each
    address in one way for ever is noticed. Which of the two holds shows that what the steps do
    makes a difference."""
    frozen = [item for item in faulty if item.run.injector is FaultInjector.FROZEN]
    if not any(item.there_at_first is False or caught(item) for item in frozen):
        yield PAINTED


def _kept(hurt: Iterable[RunEvidence], plain: RunEvidence | None) -> bool:
    """Whether anything shows that what was put in went further than the page it was typed into."""
    reached = any(item.fault and item.fault.reached and caught(item) for item in hurt)
    again = plain is not None and any(
        look.passed and look.vantage != "here" for look in plain.expectations
    )
    return reached or again
