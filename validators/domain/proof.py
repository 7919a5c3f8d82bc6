"""Proof on the base commit: a change's journey must be red there, a regression journey green.

Red means that the app was ready and a *named* expectation failed, for both identities. A start-up
failure is not a red, nor is a journey that merely cannot be walked; save for a feature, where what
is missing may be the promise. Nor is a `never` that heard the app say no (a status of 400 to 499)
to anything but a page that somebody opened: a missing icon and a refused form are no news of what
the issue is about, and would be as red with any change.

A journey may have been performed there more than once, each time with other data. Then every time
must say the same."""

from __future__ import annotations

from validators.domain.evidence import (
    Breach,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    Trouble,
)
from validators.domain.fold import Result, refuted, result, silence
from validators.domain.verdict import Proof, Purpose

PASSES = "it passes on base, so it does not show the change"
FLAKY = "it is flaky: performed again on base with other data, it did not say the same"
FOR_ONE = "on base it is red for one visitor only: what it says hangs on the data, or on who looks"


def proof(journey: str, purpose: Purpose, evidence: tuple[RunEvidence, ...]) -> Proof:
    """What runs of kind BASE show about one journey. Anything absent or unclear refuses, with its
    reason."""
    attempts = sorted({item.run.attempt for item in evidence}) or [1]
    told = [
        _shown(journey, purpose, tuple(item for item in evidence if item.run.attempt == one), one)
        for one in attempts
    ]
    if len({one.proved for one in told}) > 1:
        return Proof(False, FLAKY)
    return told[0]


def broken_on_base(journey: str, evidence: tuple[RunEvidence, ...], *, times: int = 2) -> bool:
    """Whether a standing journey is red on base already: no change after it is to blame for that.

    Both identities must fail at the same place, in each of at least so many performances: on a busy
    machine an element is missing now and then, and what is called broken binds nobody."""
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
        if result(item) is Result.NOTHING:
            return Proof(False, f"on base it says nothing: {silence(item)}")
    if purpose is Purpose.REGRESSION:
        green = result(plain) is result(masked) is Result.PASSED
        return Proof(
            green,
            "green on base" if green else "it fails on base, so it guards nothing that works today",
        )
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
    if any(_says_no(breach) for item in (plain, masked) for breach in item.breaches):
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
        if not _says_no(breach)
    }
    return frozenset(looks | nevers)


def _says_no(breach: Breach) -> bool:
    """Whether what was heard is the app's own refusal of a request, `403 /book`, and not of a page
    that was opened."""
    return breach.kind == "http_status" and breach.observed[:1] == "4" and not breach.page


def _missing(evidence: RunEvidence) -> frozenset[int]:
    return frozenset(step.index for step in evidence.steps if step.trouble is Trouble.MISSING)
