"""From evidence to a verdict: one pure fold. Absent, empty, skipped, late and unknown all mean no.

The fold asks in the order of trust: was every sealed journey performed, does what was
performed mean anything, what does it show, and only for a green answer, could this judgement
have been red?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from validators.domain.evidence import (
    ON_BASE,
    FaultInjector,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
)
from validators.domain.run_result import (
    LATE,
    SILENT,
    Result,
    caught,
    diverges,
    refuted,
    result,
    silence,
    symptom,
)
from validators.domain.shortened import count
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

Runs = dict[RunId, RunEvidence]

PAINTED = (
    "all it looks for is there as soon as its pages are open, so pages that are only painted would"
    " pass: let it put in, pick or open something with a value that is drawn, and look for what"
    " must come of it; what merely stands there, reach by a click; and hand a command something"
    " that is drawn"
)
NOT_PERFORMED = "the control could not be performed"


def verdict(sealed: tuple[Sealed, ...], evidence: tuple[RunEvidence, ...]) -> Verdict:
    """The verdict about the candidate. Raises nothing: faulty evidence is a no."""
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
    # Controls only limit what a green answer is worth: a red one stands without them.
    for reason in _uncontrolled(sealed, runs):
        return Verdict(Outcome.INCONCLUSIVE, reason, counts, controls)
    return Verdict(Outcome.PASSED, _passed_reason(sealed), counts, controls)


def _own(journey: str, runs: Runs) -> tuple[RunEvidence, ...]:
    return tuple(
        item for run, item in runs.items() if run.journey == journey and run.kind is RunKind.JOURNEY
    )


def _results(journey: str, runs: Runs) -> set[Result]:
    return {result(item) for item in _own(journey, runs)}


def _visitors(one: Sealed) -> tuple[Identity, ...]:
    return tuple(Identity) if one.plain else (Identity.MASKED,)


def _executed(one: Sealed, runs: Runs) -> bool:
    found = (runs.get(RunId(one.journey, identity)) for identity in _visitors(one))
    return all(item is not None and result(item) is not Result.INCONCLUSIVE for item in found)


def _unusable(
    sealed: tuple[Sealed, ...], evidence: tuple[RunEvidence, ...], counts: Counts, runs: Runs
) -> Iterable[str]:
    """Why the evidence carries no answer, the most basic reason first."""
    if not sealed:
        yield "no journey is sealed for this change"
    names = Counter(one.journey for one in sealed)
    yield from (
        f"two sealed journeys are called {name!r}" for name, times in names.items() if times > 1
    )
    if len(runs) != len(evidence):
        yield "the evidence has one run twice"
    if any(run.journey not in names or run.kind in ON_BASE for run in runs):
        yield "the evidence has a run that was not asked for"
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
    """A journey in a reason. The launcher removes its sealed name before it publishes the reason;
    the owner remains."""
    if not one.in_suite:
        return f"journey {one.journey!r}"
    owner = f"issue {one.issue}" if one.issue else "the mission"
    return f"journey {one.journey!r} of {owner}"


def _why_silent(one: Sealed, evidence: RunEvidence | None, identity: Identity) -> Iterable[str]:
    if evidence is None:
        yield f"{_named(one)} was not performed {identity}"
    elif result(evidence) is Result.INCONCLUSIVE:
        yield f"{_named(one)} ({identity}) is inconclusive: {silence(evidence)}"


def _not_to_blame(one: Sealed, runs: Runs) -> Iterable[str]:
    """Why a red journey of the regression suite is not this change's fault.

    A change breaks only what held on base. Where that is not known, nobody is to blame."""
    if one.in_suite and _finding(one, runs) and not (one.proof and one.proof.proved):
        why = one.proof.reason if one.proof else "it was not performed there"
        yield f"{_named(one)} failed, and that it held on base is not shown: {why}"


def _flaky(one: Sealed, runs: Runs) -> Iterable[str]:
    for identity in Identity:
        seen = {result(item) for item in _own(one.journey, runs) if item.run.identity is identity}
        if len(seen) > 1:
            yield f"{_named(one)} is flaky: a retry disagreed"


def _finding(one: Sealed, runs: Runs) -> Finding | None:
    found = [run for identity in _visitors(one) if (run := runs.get(RunId(one.journey, identity)))]
    if len(found) != len(_visitors(one)):
        return None
    if any(diverges(found[0], other) for other in found[1:]):
        return Finding(one.journey, one.promised, Symptom.DIFFERS_WHEN_WATCHED)
    if result(found[0]) is Result.FAILED:
        return Finding(one.journey, one.promised, symptom(found[0]))
    return None


def _passed_reason(sealed: tuple[Sealed, ...]) -> str:
    suite = [one for one in sealed if one.in_suite]
    own, promises = len(sealed) - len(suite), len({one.promised for one in suite})
    if suite and not own:
        guards = f"{count(len(suite), 'regression journey')} of {count(promises, 'promise')}"
        return f"no journey of its own: {guards} passed, and each could fail"
    every = f"all {len(sealed)} sealed journeys passed, and each could fail"
    if suite:
        return f"{every}: {own} of this issue, {len(suite)} of what has landed"
    return every if own > 1 else "the one sealed journey passed, and it could fail"


def _failed_reason(findings: tuple[Finding, ...], counts: Counts) -> str:
    if any(found.symptom is Symptom.DIFFERS_WHEN_WATCHED for found in findings):
        return "the app behaves differently when watched"
    return f"{len(findings)} of {counts.sealed} sealed journeys failed"


def _controls(sealed: tuple[Sealed, ...], runs: Runs) -> Controls:
    found = [_negative_control(one, runs) for one in sealed]
    controls = [control for control in found if control and not control.skipped]
    injected = [
        item
        for one in sealed
        for item in _faulty(one.journey, runs)
        if item.fault and item.fault.changed and (item.fault.touched or caught(item))
    ]
    must_be_red = [one for one in sealed if one.purpose is not Purpose.REGRESSION]
    return Controls(
        negative_controls=len(controls),
        negative_controls_failed=sum(not _control_trouble(item) for item in controls),
        faults_injected=len(injected),
        faults_caught=sum(caught(item) for item in injected),
        red_on_base=bool(must_be_red)
        and all(one.proof is not None and one.proof.proved for one in must_be_red),
    )


def _negative_control(one: Sealed, runs: Runs) -> RunEvidence | None:
    asked = (RunId(one.journey, identity, RunKind.NEGATIVE_CONTROL) for identity in _visitors(one))
    return next((runs[run] for run in asked if run in runs), None)


def _faulty(journey: str, runs: Runs) -> tuple[RunEvidence, ...]:
    """The runs of a journey with an injected fault, in the order of the injectors."""
    wanted = (
        RunId(journey, kind=RunKind.FAULT_INJECTION, injector=injector)
        for injector in FaultInjector
    )
    return tuple(runs[run] for run in wanted if run in runs)


def _uncontrolled(sealed: tuple[Sealed, ...], runs: Runs) -> Iterable[str]:
    """Why a green answer may not be believed."""
    for one in sealed:
        if one.proof is None and not one.in_suite:
            yield f"{_named(one)} has no proof on the base commit"
        elif one.proof and not one.proof.proved and not one.in_suite:
            yield f"{_named(one)}: {one.proof.reason}"
        control = _negative_control(one, runs)
        if trouble := _control_trouble(control) if control else "the control was not performed":
            yield f"{_named(one)}: {trouble}"
        if one.inject_faults:
            faulty, plain = _faulty(one.journey, runs), runs.get(RunId(one.journey))
            reasons = (*_uncaught(faulty, plain), *_painted(faulty))
            yield from (f"{_named(one)}: {why}" for why in reasons)
    # Journeys of the suite may skip their faults, but not all of a judgement may.
    if not any(caught(item) for one in sealed for item in _faulty(one.journey, runs)):
        yield (
            "no injected fault was performed and noticed, so nothing shows that this judgement"
            " could fail"
        )


def _control_trouble(control: RunEvidence) -> str:
    """What is wrong with a negative control; empty when it failed as it must: every step was done,
    and one of its expectations was not met."""
    troubles = {look.trouble for look in control.expectations if look.trouble}
    unusable = control.errors or control.skipped or troubles & SILENT
    if unusable or not control.app_ready or not control.complete:
        return NOT_PERFORMED
    if not control.steps or not all(step.passed for step in control.steps):
        return NOT_PERFORMED
    if any(refuted(look) for look in control.expectations):
        return ""
    return NOT_PERFORMED if troubles & LATE else "the control did not fail"


def _uncaught(faulty: tuple[RunEvidence, ...], plain: RunEvidence | None) -> Iterable[str]:
    """Why the injected faults of a journey do not show that it can fail.

    A fault that altered what the journey requires must be caught, and of all that applied at least
    one. Where a step put in what must be seen, a caught fault must have reached that value, or the
    journey must have looked for it again from elsewhere. Otherwise a page that paints what is typed
    and keeps nothing could pass."""
    if len(faulty) != len(FaultInjector) or any(item.fault is None for item in faulty):
        yield "not every fault was injected"
        return
    applied = [item for item in faulty if item.fault and item.fault.changed]
    for item in applied:
        if item.fault and item.fault.touched and not caught(item):
            yield f"the injected fault {item.run.injector} went unnoticed"
    if not applied:
        yield (
            "no injected fault applied, so nothing shows that it could fail: let it change"
            " something, or look for what the app sends"
        )
    elif not any(caught(item) for item in applied):
        yield "no injected fault was noticed"
    elif any(item.fault and item.fault.put_in for item in applied) and not _kept(applied, plain):
        yield (
            "no injected fault reached what was put in, and nothing looked for it from elsewhere:"
            " let it be seen after_reload"
        )


def _painted(faulty: Iterable[RunEvidence]) -> Iterable[str]:
    """Why an app that is one fixed picture for each address could pass.

    It cannot if something that is expected is missing when the pages have merely been opened, or if
    the journey notices an app that answers each address with its first answer for ever. Either
    shows that what the steps do makes a difference."""
    frozen = [item for item in faulty if item.run.injector is FaultInjector.FROZEN]
    if not any(item.there_at_first is False or caught(item) for item in frozen):
        yield PAINTED


def _kept(applied: Iterable[RunEvidence], plain: RunEvidence | None) -> bool:
    """Whether anything shows that what was put in went further than the page it was typed into."""
    reached = any(item.fault and item.fault.reached and caught(item) for item in applied)
    looked_again = plain is not None and any(
        look.passed and look.vantage != "here" for look in plain.expectations
    )
    return reached or looked_again
