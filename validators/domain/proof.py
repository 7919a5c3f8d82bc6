"""Proof on the base commit: a change's journey must be red there, a regression journey green.

Red means that the app was ready and a *named* expectation failed, for both identities. These are
not red:
- a failure to start the app;
- a step that cannot be done, except for a feature, where the missing element may be the promise;
- a refusal (status 400 to 499) of anything but a page that somebody opened: a missing icon or a
  refused form has nothing to do with the issue, and would be red with any change.

If a journey was performed several times with different data, all performances must agree."""

from __future__ import annotations

from validators.domain.evidence import (
    Breach,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    Trouble,
)
from validators.domain.run_result import Result, refuted, result, silence
from validators.domain.verdict import Proof, Purpose

PASSES = "it passes on base, so it does not show the change"
FLAKY = "it is flaky: performed again on base with other data, its result was another"
FOR_ONE = "on base it is red for one visitor only: its result depends on the data or the visitor"


def proof(journey: str, purpose: Purpose, evidence: tuple[RunEvidence, ...]) -> Proof:
    """What the runs of kind BASE prove about one journey. Absent or unclear evidence refuses, with
    the reason."""
    attempts = sorted({item.run.attempt for item in evidence}) or [1]
    proofs = [
        _shown(journey, purpose, tuple(item for item in evidence if item.run.attempt == one), one)
        for one in attempts
    ]
    if len({one.proved for one in proofs}) > 1:
        return Proof(False, FLAKY)
    return proofs[0]


def broken_on_base(journey: str, evidence: tuple[RunEvidence, ...], *, times: int = 2) -> bool:
    """Whether a journey of the regression suite is red on base already, so that no change is to
    blame.

    Both identities must fail at the same place, in each of at least `times` performances."""
    # On a busy machine an element is missing now and then. A journey that is called broken binds
    # nobody, so one red performance is not enough.
    runs = [
        item for item in evidence if item.run.journey == journey and item.run.kind is RunKind.BASE
    ]
    attempts = {item.run.attempt for item in runs}
    pairs = [tuple(item for item in runs if item.run.attempt == one) for one in attempts]
    return len(attempts) >= times and all(_fails_alike(pair) for pair in pairs)


def _fails_alike(pair: tuple[RunEvidence, ...]) -> bool:
    if len(pair) != len(Identity) or any(result(item) is not Result.FAILED for item in pair):
        return False
    first, second = pair
    return bool(_refuted(first) & _refuted(second) or _stuck(first) & _stuck(second))


def _stuck(evidence: RunEvidence) -> frozenset[tuple[int, Trouble | None]]:
    return frozenset((step.index, step.trouble) for step in evidence.steps if refuted(step))


def _shown(
    journey: str, purpose: Purpose, evidence: tuple[RunEvidence, ...], attempt: int
) -> Proof:
    runs = {item.run: item for item in evidence}
    pair = [
        runs.get(RunId(journey, identity, RunKind.BASE, attempt=attempt)) for identity in Identity
    ]
    plain, masked = pair
    if plain is None or masked is None or len(runs) != len(evidence):
        return Proof(False, "it was not performed once by each identity on base")
    for item in (plain, masked):
        if result(item) is Result.INCONCLUSIVE:
            return Proof(False, f"on base it is inconclusive: {silence(item)}")
    if purpose is Purpose.REGRESSION:
        green = result(plain) is result(masked) is Result.PASSED
        return Proof(
            green,
            "green on base" if green else "it fails on base, so it guards nothing that works today",
        )
    if purpose is Purpose.MEND and _fails_alike((plain, masked)):
        return Proof(True, "red on base: what worked does not work there")
    return _red(purpose, plain, masked)


def _red(purpose: Purpose, plain: RunEvidence, masked: RunEvidence) -> Proof:
    if result(plain) is result(masked) is Result.PASSED:
        return Proof(False, PASSES)
    if _refuted(plain) & _refuted(masked):
        return Proof(True, "red on base: a named expectation failed")
    if purpose is Purpose.FEATURE and _missing(plain) & _missing(masked):
        return Proof(True, "red on base: what the feature promises is not there")
    if _refuted(plain) or _refuted(masked):
        return Proof(False, FOR_ONE)
    if any(_refuses(breach) for item in (plain, masked) for breach in item.breaches):
        return Proof(
            False, "on base the app refused a request, and nothing that is expected was missing"
        )
    return Proof(False, "on base a step could not be done, and no named expectation failed")


def _refuted(evidence: RunEvidence) -> frozenset[tuple[str, int]]:
    """The named expectations that failed: looks by index, nevers by line."""
    looks = {(look.kind, look.index) for look in evidence.expectations if refuted(look)}
    nevers = {
        (f"never {breach.kind}", breach.line)
        for breach in evidence.breaches
        if not _refuses(breach)
    }
    return frozenset(looks | nevers)


def _refuses(breach: Breach) -> bool:
    """Whether the breach is the app's refusal of a request, like `403 /book`, but not of a page
    that somebody opened."""
    return breach.kind == "http_status" and breach.observed[:1] == "4" and not breach.page


def _missing(evidence: RunEvidence) -> frozenset[int]:
    return frozenset(step.index for step in evidence.steps if step.trouble is Trouble.MISSING)
