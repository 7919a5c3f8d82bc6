"""The fold from evidence to verdict, walked exhaustively: green in one way, everything else is a
no."""

from dataclasses import replace
from itertools import product

import pytest

from tests.validators.runs import (
    CONTROLS,
    FAILED_LOOK,
    LATE_LOOK,
    LATE_STEP,
    LOOK,
    OWN,
    RED,
    RED_RUNS,
    SABOTAGE,
    SILENT_RUNS,
    STEP,
    TOUCHED,
    performed_runs,
    run,
    sealed,
)
from validators.domain.evidence import (
    Breach,
    FaultFacts,
    FaultInjector,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    Trouble,
)
from validators.domain.fold import PAINTED, verdict
from validators.domain.run_result import Result, caught, diverges, result
from validators.domain.verdict import (
    Counts,
    Finding,
    Outcome,
    Proof,
    Purpose,
    Sealed,
    Symptom,
)

GOOD_CONTROLS = {"fails", "fails where it looked"}
KILLS = {"caught", "caught at a step", "caught though untouched"}
HARMLESS = {"missed, untouched", "not applicable", "failed without a wound"}


def test_a_run_has_one_of_three_results() -> None:
    for name, changes in OWN.items():
        if changes is None:
            continue
        expected = (
            Result.PASSED
            if name == "green"
            else Result.FAILED
            if name in RED_RUNS
            else Result.INCONCLUSIVE
        )
        assert result(replace(run(), **changes)) is expected, name


def test_visitors_who_could_do_different_things_were_answered_differently() -> None:
    plain = run()
    undone = replace(plain, steps=(*plain.steps[:-1], replace(plain.steps[-1], passed=False)))
    assert diverges(plain, undone)
    assert not diverges(plain, plain)


@pytest.mark.parametrize(
    "late", [{"steps": LATE_STEP, "expectations": ()}, {"expectations": LATE_LOOK}]
)
def test_visitors_one_of_whom_was_not_answered_in_time_were_not_answered_differently(late) -> None:
    """What took too long for one of them was called an app that knows the judge."""
    heard = (Breach("http_status", 12),)
    for other in (run(), run(breaches=heard)):
        assert not diverges(run(**late), other)
        assert not diverges(other, run(**late))
    assert diverges(run(**late, breaches=heard), run())
    assert diverges(run(steps=(replace(STEP, passed=False),), expectations=()), run(**late))


def test_a_control_that_was_late_and_failed_elsewhere_has_failed() -> None:
    late = run(
        kind=RunKind.NEGATIVE_CONTROL, expectations=(*LATE_LOOK, replace(FAILED_LOOK[0], index=1))
    )
    assert (
        verdict(sealed(), (run(), run(Identity.MASKED), late)).controls.negative_controls_failed
        == 1
    )


@pytest.mark.parametrize("silent", ["plain", "masked"])
def test_a_journey_was_performed_once_both_visitors_say_something(silent) -> None:
    assert verdict(sealed(), performed_runs(**{silent: "not ready"})).journeys == Counts(1, 0, 0)


PROOFS = {"red": RED, "refused": Proof(False, "passes on base"), "none": None}
APART_BUT_FIRST = ("not applicable",) * 4


def test_every_pair_of_own_runs_whatever_its_controls_say() -> None:
    """Only two green runs are ever asked for their controls; no control can turn a red or a silent
    one green."""
    controls = [
        ("fails", "caught", "red"),
        ("passes", "missed", "none"),
        ("absent", "absent", "refused"),
    ]
    for (plain, masked), (negative_control, how, proof) in product(product(OWN, OWN), controls):
        outcome = verdict(
            sealed(PROOFS[proof]),
            performed_runs(plain, masked, negative_control, (how, *APART_BUT_FIRST)),
        ).outcome
        if plain in SILENT_RUNS or masked in SILENT_RUNS:
            expected = Outcome.INCONCLUSIVE
        elif plain != "green" or masked != "green":
            expected = Outcome.FAILED
        else:
            expected = Outcome.PASSED if proof == "red" else Outcome.INCONCLUSIVE
        assert outcome is expected, (plain, masked, negative_control, how, proof)


NOT_KEPT = (
    "journey 'j': no injected fault reached what was put in, and nothing looked for it from elsewhere: "
    "let it be seen after_reload"
)
HELD_BACK = FaultFacts(1, True, put_in=True)
REACHED = FaultFacts(1, False, put_in=True, reached=True)


@pytest.mark.parametrize(
    ("facts", "noticed", "vantage", "outcome"),
    [
        (
            HELD_BACK,
            True,
            "here",
            Outcome.INCONCLUSIVE,
        ),  # only a name that is always there was wounded
        (HELD_BACK, True, "after_reload", Outcome.PASSED),
        (HELD_BACK, True, "as guest", Outcome.PASSED),
        (REACHED, True, "here", Outcome.PASSED),
        (REACHED, False, "here", Outcome.INCONCLUSIVE),  # what is not noticed shows nothing
        (TOUCHED, True, "here", Outcome.PASSED),  # nothing was put in
    ],
)
def test_what_was_put_in_is_reached_by_a_fault_or_seen_again_from_elsewhere(
    facts, noticed, vantage, outcome
) -> None:
    seen = (replace(LOOK, vantage=vantage),)
    always_there = {
        "fault": replace(facts, touched=True, reached=False),
        "expectations": FAILED_LOOK,
    }
    first, second, *_ = (
        RunId("j", kind=RunKind.FAULT_INJECTION, injector=injector) for injector in FaultInjector
    )
    kept = {
        RunId("j"): {"expectations": seen},
        RunId("j", Identity.MASKED): {"expectations": seen},
        first: {"fault": facts, "expectations": FAILED_LOOK if noticed else seen},
        second: always_there,
    }
    runs = performed_runs(fault=("caught", "caught", *["not applicable"] * 3))
    found = verdict(sealed(), tuple(replace(one, **kept.get(one.run, {})) for one in runs))
    assert found.outcome is outcome
    assert found.reason == NOT_KEPT or not (facts is HELD_BACK and vantage == "here")


@pytest.mark.parametrize(
    ("at_first", "how", "outcome"),
    [
        (False, "not applicable", Outcome.PASSED),
        (False, "missed, untouched", Outcome.PASSED),
        (True, "caught", Outcome.PASSED),
        (True, "not applicable", Outcome.INCONCLUSIVE),
        (True, "missed, untouched", Outcome.INCONCLUSIVE),
        (None, "not applicable", Outcome.INCONCLUSIVE),  # what nobody asked is not shown
        (None, "missed, untouched", Outcome.INCONCLUSIVE),
    ],
)
def test_steps_that_make_no_difference_prove_nothing(at_first, how, outcome) -> None:
    """A page for each address, painted once: nothing that is merely opened tells it from an app."""
    runs = performed_runs(fault=(*["caught"] * 4, how))
    found = verdict(sealed(), tuple(replace(one, there_at_first=at_first) for one in runs))
    assert (found.outcome, PAINTED in found.reason) == (outcome, outcome is not Outcome.PASSED)


def test_two_green_runs_under_every_control_fault_and_proof() -> None:
    for negative_control, how, proof in product(CONTROLS, SABOTAGE, PROOFS):
        outcome = verdict(
            sealed(PROOFS[proof]),
            performed_runs(negative_control=negative_control, fault=(how, *APART_BUT_FIRST)),
        ).outcome
        green = negative_control in GOOD_CONTROLS and how in KILLS and proof == "red"
        assert outcome is (Outcome.PASSED if green else Outcome.INCONCLUSIVE), (
            negative_control,
            how,
            proof,
        )


def test_every_combination_of_injected_faults() -> None:
    kinds = (
        "caught",
        "caught though untouched",
        "missed, untouched",
        "not applicable",
        "missed",
        "absent",
    )
    for hows in product(kinds, kinds, kinds, kinds, ("caught", "not applicable", "absent")):
        green = any(how in KILLS for how in hows) and all(how in KILLS | HARMLESS for how in hows)
        outcome = verdict(sealed(), performed_runs(fault=hows)).outcome
        assert outcome is (Outcome.PASSED if green else Outcome.INCONCLUSIVE), hows


def test_what_is_counted_when_all_is_well() -> None:
    green = verdict(
        sealed(),
        performed_runs(
            fault=(
                "caught",
                "caught though untouched",
                "missed, untouched",
                *["not applicable"] * 2,
            )
        ),
    )
    assert green.outcome is Outcome.PASSED
    assert (green.journeys.sealed, green.journeys.executed, green.journeys.passed) == (1, 1, 1)
    assert (green.controls.negative_controls, green.controls.negative_controls_failed) == (1, 1)
    assert (
        green.controls.faults_injected,
        green.controls.faults_caught,
        green.controls.red_on_base,
    ) == (
        2,
        2,
        True,
    )


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (performed_runs(plain="absent"), "journey 'j' was not performed plain"),
        (performed_runs(masked="absent"), "journey 'j' was not performed masked"),
        (
            performed_runs(plain="not ready", masked="not ready"),
            "journey 'j' (plain) is inconclusive: the app was not ready",
        ),
        (
            performed_runs(plain="error"),
            "journey 'j' (plain) is inconclusive: the judge's own machinery failed",
        ),
        (
            performed_runs(plain="unrecorded"),
            "journey 'j' (plain) is inconclusive: it made more requests than are recorded",
        ),
        (
            performed_runs(masked="unread"),
            "journey 'j' (masked) is inconclusive: the text of a page could not be read whole",
        ),
        (
            performed_runs(masked="cut off"),
            "journey 'j' (masked) is inconclusive: it did not come to its end in time",
        ),
        (
            performed_runs(plain="late look", masked="look"),
            "journey 'j' (plain) is inconclusive: the app did not answer in 5 s",
        ),
        (
            performed_runs(masked="restless"),
            (
                "journey 'j' (masked) is inconclusive: what it looks for was never all there at one"
                " moment in 0 s"
            ),
        ),
        (
            performed_runs(plain="ambiguous"),
            "journey 'j' (plain) is inconclusive: it names something that is there more than once",
        ),
        (
            performed_runs(plain="no value"),
            "journey 'j' (plain) is inconclusive: it uses a value that nothing had set",
        ),
        (
            performed_runs(plain="broken"),
            "journey 'j' (plain) is inconclusive: the browser failed, or could not read the page",
        ),
        (performed_runs(plain="skipped"), "journey 'j' (plain) is inconclusive: it was skipped"),
        (
            performed_runs(plain="empty"),
            "journey 'j' (plain) is inconclusive: it looked at nothing",
        ),
        (performed_runs(negative_control="passes"), "journey 'j': the control did not fail"),
        (performed_runs(negative_control="absent"), "journey 'j': the control was not performed"),
        (
            performed_runs(negative_control="a step failed"),
            "journey 'j': the control could not be performed",
        ),
        (
            performed_runs(negative_control="late"),
            "journey 'j': the control could not be performed",
        ),
        (
            performed_runs(fault=("not applicable",) * 5),
            (
                "journey 'j': no injected fault applied, so nothing shows that it could fail: "
                "let it change something, or look for what the app sends"
            ),
        ),
        (
            performed_runs(fault=("missed, untouched",) * 5),
            "journey 'j': no injected fault was noticed",
        ),
        (
            performed_runs(fault=("caught", "missed", *["caught"] * 3)),
            "journey 'j': the injected fault stale went unnoticed",
        ),
        (
            performed_runs(fault=("caught", "caught", "absent", *["caught"] * 2)),
            "journey 'j': not every fault was injected",
        ),
        ((*performed_runs(), performed_runs()[0]), "the evidence has one run twice"),
        (
            (*performed_runs(), run(journey="stranger")),
            "the evidence has a run that was not asked for",
        ),
        (
            (*performed_runs(), run(kind=RunKind.BASE)),
            "the evidence has a run that was not asked for",
        ),
        (
            (*performed_runs(), run(kind=RunKind.COMPARISON)),
            "the evidence has a run that was not asked for",
        ),
        ((), "journey 'j' was not performed plain"),
    ],
)
def test_an_inconclusive_verdict_names_the_reason(evidence, reason) -> None:
    actual = verdict(sealed(), evidence)
    assert (actual.outcome, actual.reason) == (Outcome.INCONCLUSIVE, reason)
    assert actual.findings == ()
    assert actual.journeys.sealed == 1
    assert actual.controls.red_on_base


def test_no_sealed_journey_is_no_verdict() -> None:
    assert verdict((), performed_runs()).outcome is Outcome.INCONCLUSIVE
    assert verdict((), ()).reason == "no journey is sealed for this change"


def test_two_journeys_of_one_name_are_refused() -> None:
    assert "two sealed journeys" in verdict((*sealed(), *sealed()), performed_runs()).reason


def test_executed_must_equal_sealed() -> None:
    both = (*sealed(), Sealed("k", "issue", Purpose.REGRESSION, RED))
    assert verdict(both, performed_runs()).outcome is Outcome.INCONCLUSIVE
    more = tuple(replace(one, run=replace(one.run, journey="k")) for one in performed_runs())
    assert verdict(both, performed_runs() + more).outcome is Outcome.PASSED
    assert (
        verdict(both, performed_runs(plain="look", masked="look") + more[1:]).outcome
        is Outcome.INCONCLUSIVE
    )


def test_one_failed_journey_fails_the_change() -> None:
    both = (*sealed(), Sealed("k", "issue", Purpose.REGRESSION, RED))
    bad = tuple(
        replace(one, run=replace(one.run, journey="k"))
        for one in performed_runs(plain="look", masked="look")
    )
    seen = verdict(both, performed_runs() + bad)
    assert (seen.outcome, seen.reason) == (Outcome.FAILED, "1 of 2 sealed journeys failed")
    assert seen.findings == (Finding("k", "issue", Symptom.NOT_SHOWN),)
    assert (seen.journeys, seen.controls.red_on_base) == (Counts(2, 2, 1), True)


@pytest.mark.parametrize(
    ("plain", "masked"),
    [("green", "look"), ("look", "green"), ("look", "breach"), ("step missing", "look")],
)
def test_an_app_that_answers_its_visitors_differently_fails(plain, masked) -> None:
    seen = verdict(sealed(), performed_runs(plain=plain, masked=masked))
    assert seen.outcome is Outcome.FAILED
    assert seen.reason == "the app behaves differently when watched"
    assert seen.findings == (Finding("j", "M-BOOK", Symptom.DIFFERS_WHEN_WATCHED),)


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ("green", "look", Outcome.INCONCLUSIVE),
        ("look", "green", Outcome.INCONCLUSIVE),
        ("look", "look", Outcome.FAILED),
        ("look", "not ready", Outcome.INCONCLUSIVE),
    ],
)
def test_a_retry_can_only_label_a_result_flaky(first, second, outcome) -> None:
    again = tuple(replace(run(identity, attempt=2), **OWN[second]) for identity in Identity)
    seen = verdict(sealed(), performed_runs(plain=first, masked=first) + again)
    assert seen.outcome is outcome
    if outcome is Outcome.INCONCLUSIVE:
        assert "flaky" in seen.reason


def test_a_divergence_that_a_retry_does_not_repeat_is_flaky_not_evil() -> None:
    again = (run(Identity.PLAIN, attempt=2), run(Identity.MASKED, attempt=2))
    seen = verdict(sealed(), performed_runs(plain="green", masked="look") + again)
    assert seen.outcome is Outcome.INCONCLUSIVE
    assert "flaky" in seen.reason


def test_a_retry_never_replaces_a_first_attempt() -> None:
    second_only = tuple(replace(one, run=replace(one.run, attempt=2)) for one in performed_runs())
    assert verdict(sealed(), second_only).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("changes", "symptom"),
    [
        (RED_RUNS["step missing"], Symptom.NOT_POSSIBLE),
        (RED_RUNS["no answer"], Symptom.NO_ANSWER),
        (RED_RUNS["too large"], Symptom.NO_ANSWER),
        (RED_RUNS["look"], Symptom.NOT_SHOWN),
        ({"expectations": (replace(LOOK, kind="absent", passed=False),)}, Symptom.STILL_SHOWN),
        (
            {"expectations": (LOOK, replace(LOOK, index=1, vantage="after_reload", passed=False))},
            Symptom.NOT_KEPT,
        ),
        (
            {"expectations": (LOOK, replace(LOOK, index=1, vantage="other_session", passed=False))},
            Symptom.NOT_SHARED,
        ),
        (
            {"expectations": (replace(LOOK, passed=False, trouble=Trouble.NO_ANSWER),)},
            Symptom.NO_ANSWER,
        ),
        (
            {"breaches": (Breach("http_status", 12),), "expectations": FAILED_LOOK},
            Symptom.SERVER_ERROR,
        ),
        ({"breaches": (Breach("console", 12),)}, Symptom.PAGE_ERROR),
        ({"breaches": (Breach("text", 12),)}, Symptom.PAGE_ERROR),
        ({"breaches": (Breach("exit", 12),)}, Symptom.WRONG_EXIT),
        ({"breaches": (Breach("within", 12),)}, Symptom.WRONG_EXIT),
        *(
            ({"expectations": (replace(LOOK, kind=kind, passed=False),)}, seen)
            for kind, seen in (
                ("exit", Symptom.WRONG_EXIT),
                ("output", Symptom.NOT_PRINTED),
                ("errors", Symptom.NOT_PRINTED),
                ("file", Symptom.NOT_PRINTED),
                ("answer", Symptom.NOT_ANSWERED),
            )
        ),
    ],
)
def test_a_finding_is_what_a_person_would_have_noticed(changes, symptom) -> None:
    evidence = tuple(replace(run(identity), **changes) for identity in Identity)
    assert verdict(sealed(), evidence).findings[0].symptom is symptom


def test_red_on_base_needs_a_change_to_be_red() -> None:
    assert not verdict(sealed(purpose=Purpose.REGRESSION), performed_runs()).controls.red_on_base
    assert verdict(sealed(purpose=Purpose.REGRESSION), performed_runs()).outcome is Outcome.PASSED
    assert not verdict(sealed(Proof(False, "no")), performed_runs()).controls.red_on_base


def test_a_never_that_sees_the_injectors_own_answer_catches_nothing() -> None:
    assert not caught(replace(run(), **SABOTAGE["only its own mark"]))
    assert caught(replace(run(), **SABOTAGE["caught"]))


GUARD = Sealed("j", "M-BOOK", Purpose.REGRESSION, None, in_suite=True, issue=3, inject_faults=False)
ON_BASE = {
    "green": Proof(True, "green on base"),
    "unknown": None,
    "silent": Proof(False, "on base it is inconclusive"),
}


def beside(guard: Sealed, **named: str) -> tuple[tuple[Sealed, ...], tuple[RunEvidence, ...]]:
    """A green journey of the change's own, and the guard with evidence by the names of the cases
    above."""
    own = tuple(replace(one, run=replace(one.run, journey="own")) for one in performed_runs())
    runs = tuple(
        one
        for one in performed_runs(**named)
        if guard.inject_faults or one.run.kind is not RunKind.FAULT_INJECTION
    )
    return (Sealed("own", "issue", Purpose.BUG, RED), guard), (*own, *runs)


def test_every_pair_of_a_guards_own_runs_and_what_base_shows_of_it() -> None:
    """A red guard is the change's fault only if it was green without the change; a green one needs
    no word of the base."""
    for plain, masked, base in product(OWN, OWN, ON_BASE):
        outcome = verdict(
            *beside(replace(GUARD, proof=ON_BASE[base]), plain=plain, masked=masked)
        ).outcome
        if plain in SILENT_RUNS or masked in SILENT_RUNS:
            expected = Outcome.INCONCLUSIVE
        elif plain == masked == "green":
            expected = Outcome.PASSED
        else:
            expected = Outcome.FAILED if base == "green" else Outcome.INCONCLUSIVE
        assert outcome is expected, (plain, masked, base)


@pytest.mark.parametrize("negative_control", CONTROLS)
def test_a_guards_negative_control_must_fail_as_any_other(negative_control) -> None:
    expected = Outcome.PASSED if negative_control in GOOD_CONTROLS else Outcome.INCONCLUSIVE
    assert verdict(*beside(GUARD, negative_control=negative_control)).outcome is expected


def test_a_guard_that_the_masked_visitor_performs_alone_is_green_by_that_one() -> None:
    alone, plain = replace(GUARD, plain=False, proof=ON_BASE["green"]), RunId("j")
    control = RunId("j", kind=RunKind.NEGATIVE_CONTROL)
    for masked, negative_control in product(OWN, CONTROLS):
        sealed, runs = beside(alone, masked=masked, negative_control=negative_control)
        runs = tuple(
            replace(one, run=replace(control, identity=Identity.MASKED))
            if one.run == control
            else one
            for one in runs
            if one.run != plain
        )
        found, silent = verdict(sealed, runs), masked in SILENT_RUNS
        if silent:
            expected = Outcome.INCONCLUSIVE
        elif masked != "green":
            expected = Outcome.FAILED
        else:
            expected = Outcome.PASSED if negative_control in GOOD_CONTROLS else Outcome.INCONCLUSIVE
        assert (found.outcome, found.journeys.executed) == (expected, 1 if silent else 2), (
            masked,
            negative_control,
        )
        own = tuple(one for one in runs if one.run.journey == "own")
        assert verdict(sealed, own).outcome is Outcome.INCONCLUSIVE, (masked, negative_control)


@pytest.mark.parametrize("how", SABOTAGE)
def test_a_guard_that_was_never_seen_to_notice_faults_must_now(how) -> None:
    found = verdict(*beside(replace(GUARD, inject_faults=True), fault=(how, *APART_BUT_FIRST)))
    assert found.outcome is (Outcome.PASSED if how in KILLS else Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("base", "why"),
    [("unknown", "it was not performed there"), ("silent", "on base it is inconclusive")],
)
def test_a_red_guard_that_is_not_shown_to_have_held_names_the_reason(base, why) -> None:
    found = verdict(*beside(replace(GUARD, proof=ON_BASE[base]), plain="look", masked="look"))
    assert (
        found.reason
        == f"journey 'j' of issue 3 failed, and that it held on base is not shown: {why}"
    )
    assert (found.journeys, found.controls.red_on_base) == (Counts(2, 2, 1), True)


def test_what_a_guard_finds_is_reported_in_the_words_of_its_promise_or_of_its_own_issue() -> None:
    for promise, words in (("M-BOOK", "M-BOOK"), ("issue", "issue #3")):
        guard = replace(GUARD, promise=promise, proof=ON_BASE["green"])
        (finding,) = verdict(*beside(guard, plain="look", masked="look")).findings
        assert (finding.promise, finding.symptom) == (words, Symptom.NOT_SHOWN)


def test_the_reason_names_whose_journeys_passed() -> None:
    assert verdict(*beside(GUARD)).reason == (
        "all 2 sealed journeys passed, and each could fail: 1 of this issue, 1 of what has landed"
    )
    guards = tuple(replace(GUARD, journey=name, promise=promise, inject_faults=name == "a", issue=issue)
                   for name, promise, issue in (("a", "M-BOOK", 1), ("b", "M-BOOK", 2), ("c", "issue", 2)))  # fmt: skip
    runs = [replace(one, run=replace(one.run, journey=guard.journey)) for guard in guards for one in performed_runs()
            if guard.inject_faults or one.run.kind is not RunKind.FAULT_INJECTION]  # fmt: skip
    found = verdict(guards, tuple(runs))
    assert (found.outcome, found.controls.red_on_base) == (Outcome.PASSED, False)
    assert (
        found.reason
        == "no journey of its own: 3 regression journeys of 2 promises passed, and each could fail"
    )
    one = verdict((replace(GUARD, inject_faults=True),), performed_runs())
    assert (
        one.reason
        == "no journey of its own: 1 regression journey of 1 promise passed, and each could fail"
    )
    assert (
        verdict(sealed(), performed_runs()).reason
        == "the one sealed journey passed, and it could fail"
    )
    two = (*sealed(), replace(sealed()[0], journey="k"))
    more = tuple(replace(run, run=replace(run.run, journey="k")) for run in performed_runs())
    assert (
        verdict(two, performed_runs() + more).reason
        == "all 2 sealed journeys passed, and each could fail"
    )


def test_a_judgement_in_which_no_fault_was_injected_shows_nothing() -> None:
    runs = tuple(one for one in performed_runs() if one.run.kind is not RunKind.FAULT_INJECTION)
    found = verdict((GUARD,), runs)
    assert (found.outcome, found.reason) == (
        Outcome.INCONCLUSIVE,
        "no injected fault was performed and noticed, so nothing shows that this judgement could fail",
    )


def test_reasons_name_whose_guard_it_is_and_leave_without_its_name() -> None:
    from validators.judging.promise import public_reason

    found = verdict(*beside(GUARD, plain="ambiguous"))
    assert public_reason(found.reason).startswith(
        "a sealed journey of issue 3 (plain) is inconclusive"
    )
    assert "a sealed journey of the mission" in public_reason(
        verdict(*beside(replace(GUARD, issue=0), plain="error")).reason
    )
