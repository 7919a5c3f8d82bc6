"""Proof on base: red means that the app was ready and a named expectation failed, for both
identities."""

from dataclasses import replace
from itertools import product

import pytest

from tests.validators.runs import (
    FAILED_LOOK,
    LATE_LOOK,
    LATE_STEP,
    LOOK,
    OWN,
    RED_RUNS,
    SILENT_RUNS,
    failed_step,
    run,
    sealed,
)
from validators.domain.evidence import Breach, Identity, RunKind, Trouble
from validators.domain.fold import verdict
from validators.domain.proof import FLAKY, FOR_ONE, PASSES, broken_on_base, proof
from validators.domain.verdict import Purpose, Symptom

NAMED = {"look", "breach"}


def on_base(plain: dict | None, masked: dict | None) -> tuple:
    pairs = zip(Identity, (plain, masked), strict=True)
    return tuple(
        replace(run(identity, RunKind.BASE), **changes)
        for identity, changes in pairs
        if changes is not None
    )


def test_every_pair_for_every_purpose() -> None:
    for plain, masked, purpose in product(OWN, OWN, Purpose):
        seen = proof("j", purpose, on_base(OWN[plain], OWN[masked]))
        if plain in SILENT_RUNS or masked in SILENT_RUNS:
            expected = False
        elif purpose is Purpose.REGRESSION:
            expected = plain == masked == "green"
        else:
            expected = plain == masked and (
                plain in NAMED
                or (purpose is Purpose.FEATURE and plain == "step missing")
                # What worked once may be gone in any way that both visitors met.
                or (purpose is Purpose.MEND and plain != "green")
            )
        assert seen.proved is expected, (plain, masked, purpose, seen)
        assert seen.reason


NOT_ONCE = "it was not performed once by each identity on base"
NOT_DONE = "on base a step could not be done, and no named expectation failed"


@pytest.mark.parametrize(
    ("evidence", "purpose", "proved", "reason"),
    [
        (on_base({}, {}), Purpose.BUG, False, PASSES),
        (
            on_base(SILENT_RUNS["not ready"], SILENT_RUNS["not ready"]),
            Purpose.BUG,
            False,
            "on base it is inconclusive: the app was not ready",
        ),
        (on_base(RED_RUNS["look"], None), Purpose.BUG, False, NOT_ONCE),
        ((), Purpose.BUG, False, NOT_ONCE),
        (on_base(RED_RUNS["look"], {}), Purpose.BUG, False, FOR_ONE),
        (on_base(RED_RUNS["step missing"], RED_RUNS["step missing"]), Purpose.BUG, False, NOT_DONE),
        (on_base(RED_RUNS["no answer"], RED_RUNS["no answer"]), Purpose.FEATURE, False, NOT_DONE),
        (
            on_base(RED_RUNS["look"], RED_RUNS["look"]),
            Purpose.REGRESSION,
            False,
            "it fails on base, so it guards nothing that works today",
        ),
        (on_base({}, {}), Purpose.REGRESSION, True, "green on base"),
        (
            on_base(RED_RUNS["look"], RED_RUNS["look"]),
            Purpose.BUG,
            True,
            "red on base: a named expectation failed",
        ),
        (
            on_base(RED_RUNS["step missing"], RED_RUNS["step missing"]),
            Purpose.FEATURE,
            True,
            "red on base: what the feature promises is not there",
        ),
        (
            on_base(RED_RUNS["step missing"], RED_RUNS["step missing"]),
            Purpose.MEND,
            True,
            "red on base: what worked does not work there",
        ),
    ],
)
def test_a_proof_names_the_reason(evidence, purpose, proved, reason) -> None:
    seen = proof("j", purpose, evidence)
    assert (seen.proved, seen.reason) == (proved, reason)


def test_two_identities_must_fail_at_the_same_expectation() -> None:
    here = {"expectations": (replace(LOOK, passed=False), replace(LOOK, index=1))}
    there = {"expectations": (LOOK, replace(LOOK, index=1, passed=False))}
    assert not proof("j", Purpose.BUG, on_base(here, there)).proved
    assert proof("j", Purpose.BUG, on_base(here, here)).proved


def test_two_identities_must_miss_the_same_thing() -> None:
    third = {
        "steps": (
            *failed_step(Trouble.MISSING)[:1],
            replace(failed_step(Trouble.MISSING)[1], index=2),
        ),
        "expectations": (),
    }
    assert not proof("j", Purpose.FEATURE, on_base(RED_RUNS["step missing"], third)).proved


def test_evidence_of_a_run_reported_twice_proves_nothing() -> None:
    pair = on_base({"expectations": FAILED_LOOK}, {"expectations": FAILED_LOOK})
    assert proof("j", Purpose.BUG, pair).proved
    assert not proof("j", Purpose.BUG, (*pair, pair[0])).proved


def test_a_never_is_a_named_expectation_too() -> None:
    at_other_line = {"breaches": (Breach("http_status", 13),)}
    assert proof("j", Purpose.BUG, on_base(RED_RUNS["breach"], RED_RUNS["breach"])).proved
    assert not proof("j", Purpose.BUG, on_base(RED_RUNS["breach"], at_other_line)).proved


REFUSED = Breach("http_status", 12, "403 /book")


@pytest.mark.parametrize("purpose", [Purpose.BUG, Purpose.FEATURE])
@pytest.mark.parametrize(
    ("breach", "red"),
    [
        (REFUSED, False),
        (Breach("http_status", 12, "404 /icon.png"), False),
        (Breach("http_status", 12, "422 /book"), False),
        (Breach("http_status", 12, "400 /walks?sort=ends", page=True), True),
        (Breach("http_status", 12, "500 /book"), True),
        (Breach("console", 12, "404 is not a function"), True),
        (Breach("text", 12, "Traceback"), True),
    ],
)
def test_an_app_that_refuses_is_not_red_by_that_alone(purpose, breach, red) -> None:
    """A form post was answered with 403 on base, everything expected could be seen, and that
    counted as red."""
    seen = proof("j", purpose, on_base({"breaches": (breach,)}, {"breaches": (breach,)}))
    assert seen.proved is red
    assert (
        red
        or seen.reason
        == "on base the app refused a request, and nothing that is expected was missing"
    )


def test_a_refusal_beside_an_expectation_that_failed_is_red() -> None:
    both = {"breaches": (REFUSED,), "expectations": FAILED_LOOK}
    assert proof("j", Purpose.BUG, on_base(both, both)).proved


def twice(first: tuple, second: tuple) -> tuple:
    return (*first, *(replace(item, run=replace(item.run, attempt=2)) for item in second))


@pytest.mark.parametrize("purpose", Purpose)
def test_performed_again_it_must_say_the_same(purpose) -> None:
    red, green = on_base(RED_RUNS["look"], RED_RUNS["look"]), on_base({}, {})
    for first, second in product((red, green), repeat=2):
        seen = proof("j", purpose, twice(first, second))
        if first is second:
            assert seen == proof("j", purpose, first)
        else:
            assert (seen.proved, seen.reason) == (False, FLAKY)


def test_half_a_second_performance_is_no_second_performance() -> None:
    red = on_base(RED_RUNS["look"], RED_RUNS["look"])
    assert not proof("j", Purpose.BUG, twice(red, red)[:3]).proved


def test_it_is_broken_on_base_only_when_both_fail_alike_and_twice() -> None:
    for plain, masked in product(OWN, OWN):
        pair = on_base(OWN[plain], OWN[masked])
        alike = plain == masked and plain in RED_RUNS
        assert broken_on_base("j", pair, times=1) is alike, (plain, masked)
        assert broken_on_base("j", twice(pair, pair)) is alike, (plain, masked)
        assert not broken_on_base("j", pair)
    assert not broken_on_base("j", ())
    assert not broken_on_base(
        "other",
        twice(
            on_base(RED_RUNS["look"], RED_RUNS["look"]), on_base(RED_RUNS["look"], RED_RUNS["look"])
        ),
    )


def test_a_busy_machine_breaks_nothing() -> None:
    """Under load a button was missing for both visitors on base, and a journey that held there
    bound nobody for a judgement."""
    missing, fine = on_base(RED_RUNS["step missing"], RED_RUNS["step missing"]), on_base({}, {})
    assert broken_on_base("j", missing, times=1)
    assert not broken_on_base("j", twice(missing, fine))
    assert not proof("j", Purpose.REGRESSION, twice(missing, fine)).proved


@pytest.mark.parametrize(
    ("changes", "noticed"),
    [
        (
            {"breaches": (Breach("http_status", 12),), "steps": LATE_STEP, "expectations": ()},
            Symptom.SERVER_ERROR,
        ),
        ({"expectations": (*LATE_LOOK, replace(FAILED_LOOK[0], index=1))}, Symptom.NOT_SHOWN),
    ],
)
def test_a_definite_no_beside_what_was_late_is_a_no(changes, noticed) -> None:
    both = tuple(run(identity, **changes) for identity in Identity)
    assert [found.symptom for found in verdict(sealed(), both).findings] == [noticed]
    assert proof(
        "j", Purpose.BUG, tuple(run(one.run.identity, RunKind.BASE, **changes) for one in both)
    ).proved
