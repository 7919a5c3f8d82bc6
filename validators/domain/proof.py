"""Proof on the base commit: a change's journey must be red there, a regression journey green.

Red means that the app was ready and a *named* expectation failed, for both identities. A start-up failure is not a
red, nor is a journey that merely cannot be walked; save for a feature, where what is missing may be the promise.
"""

from __future__ import annotations

from validators.domain.evidence import Identity, Kind, RunEvidence, RunId, Trouble
from validators.domain.fold import Result, result, silence
from validators.domain.verdict import Proof, Purpose


def proof(journey: str, purpose: Purpose, evidence: tuple[RunEvidence, ...]) -> Proof:
    """What runs of kind BASE show about one journey. Anything absent or unclear refuses, with its reason."""
    runs = {item.run: item for item in evidence}
    pair = [runs.get(RunId(journey, identity, Kind.BASE)) for identity in Identity]
    plain, masked = pair
    if plain is None or masked is None or len(runs) != len(evidence):
        return Proof(False, "it was not performed once by each identity on base")
    for item in (plain, masked):
        if result(item) is Result.NOTHING:
            return Proof(False, f"on base it says nothing: {silence(item)}")
    if purpose is Purpose.REGRESSION:
        green = result(plain) is result(masked) is Result.PASSED
        return Proof(green, "green on base" if green else "it fails on base, so it guards nothing that works today")
    return _red(purpose, plain, masked)


def _red(purpose: Purpose, plain: RunEvidence, masked: RunEvidence) -> Proof:
    if result(plain) is result(masked) is Result.PASSED:
        return Proof(False, "it passes on base, so it does not show the change")
    if _refuted(plain) & _refuted(masked):
        return Proof(True, "red on base: a named expectation failed")
    if purpose is Purpose.FEATURE and _missing(plain) & _missing(masked):
        return Proof(True, "red on base: what the feature promises is not there")
    if _refuted(plain) or _refuted(masked):
        return Proof(False, "on base it is red for one identity only")
    return Proof(False, "on base a step could not be done, and no named expectation failed")


def _refuted(evidence: RunEvidence) -> frozenset[tuple[str, int]]:
    """The named expectations that failed: looks by index, nevers by line."""
    looks = {(look.kind, look.index) for look in evidence.expectations if not look.passed}
    return frozenset(looks | {(f"never {breach.kind}", breach.line) for breach in evidence.breaches})


def _missing(evidence: RunEvidence) -> frozenset[int]:
    return frozenset(step.index for step in evidence.steps if step.trouble is Trouble.MISSING)
