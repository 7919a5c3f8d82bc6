"""The one question before a merge: each fact, when it is wrong or unknown, refuses on its own and
by name."""

import dataclasses

import pytest

from harness.domain.checks import ChecksStatus, NotGreen
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.lifecycle import Event
from harness.domain.merge import EDITED, MergeFacts, Refusal, gate_event, refusals
from harness.domain.verdict import Binding, Controls, Regression, Verdict, VerdictOutcome

BINDS = Binding(
    CommitSha("base"), CommitSha("head"), CommitSha("cand"), TreeSha("tree"), "sha256:j", "sha256:g"
)
HELD = Controls(
    negative_controls=1,
    negative_controls_failed=1,
    injected_faults=4,
    faults_caught=3,
    red_on_base=True,
)
PASSED = Verdict(
    VerdictOutcome.PASSED,
    "all held",
    7,
    "validate-7-1",
    1,
    BINDS,
    1,
    1,
    1,
    HELD,
    "bwrap-root",
    (),
    5,
    "same-account",
    "key-1",
    "sha256:e",
)
GREEN = MergeFacts(
    verdict=PASSED,
    trusted_key_ids=frozenset({"key-1"}),
    issue=7,
    kind="bug",
    in_sight=(),
    base=BINDS.base,
    head=BINDS.head,
    pushed_head=BINDS.head,
    proposed=True,
    candidate=BINDS.candidate,
    tree=BINDS.tree,
    journeys="sha256:j",
    governance="sha256:g",
    policy=(),
    checks=(),
    sandbox_sealed=True,
    issue_body_unchanged=True,
    reviews_read=True,
    stopped=False,
    frozen=False,
)


def gates(facts: MergeFacts) -> set[str]:
    return {refusal.gate for refusal in refusals(facts)}


def test_when_everything_is_so_it_may_land() -> None:
    assert not list(refusals(GREEN))


TOO_MANY = (
    "more than 1,000 reviews ask for changes, and no more are read: dismiss those that do not"
    " count, or merge it yourself"
)
NOT_PUSHED, NOT_PROPOSED = (
    "was not pushed by the factory",
    "its pull request is closed, of another repository, or asks for another branch",
)
NOT_TRUSTED = "the verdict is signed by key key-1, which is not trusted here"
NO_STOP = "the owner's stop is set, or could not be read"
FROZEN = "merging is frozen until a person has looked at the last landing"
NO_SANDBOX = "no sandbox held on this machine; an unsealed verdict shows, and never merges"


@pytest.mark.parametrize(
    ("changed", "gate", "message"),
    [
        ({"verdict": None}, "verdict", "the sealed validator has not judged this change"),
        ({"trusted_key_ids": frozenset()}, "signer", NOT_TRUSTED),
        ({"trusted_key_ids": frozenset({"key-2"})}, "signer", NOT_TRUSTED),
        ({"issue": 8}, "identity", "the verdict speaks of issue #7, not of #8"),
        ({"base": CommitSha("moved")}, "freshness", "base was base when judged and is moved now"),
        (
            {"head": CommitSha("moved"), "pushed_head": CommitSha("moved")},
            "freshness",
            "head was head when judged and is moved now",
        ),
        ({"pushed_head": None}, "identity", f"head head {NOT_PUSHED}"),
        ({"pushed_head": CommitSha("other")}, "identity", f"head head {NOT_PUSHED}"),
        ({"proposed": None}, "identity", NOT_PROPOSED),
        ({"proposed": False}, "identity", NOT_PROPOSED),
        ({"candidate": None}, "freshness", "candidate was cand when judged and is unknown now"),
        ({"tree": None}, "freshness", "tree was tree when judged and is unknown now"),
        ({"tree": TreeSha("other")}, "freshness", "tree was tree when judged and is other now"),
        ({"journeys": None}, "freshness", "journeys was sha256:j when judged and is unknown now"),
        (
            {"journeys": "sha256:x"},
            "freshness",
            "journeys was sha256:j when judged and is sha256:x now",
        ),
        (
            {"governance": "sha256:x"},
            "freshness",
            "governance was sha256:g when judged and is sha256:x now",
        ),
        ({"policy": None}, "law", "the rules were not asked about this candidate"),
        (
            {"policy": (Refusal("F-SIZE", "401 lines, at most 400"),)},
            "F-SIZE",
            "401 lines, at most 400",
        ),
        ({"checks": None}, "checks", "required checks are not known to be green"),
        (
            {"checks": (NotGreen(ChecksStatus.RED, "ci ended as failure"),)},
            "checks",
            "ci ended as failure",
        ),
        (
            {"checks": (NotGreen(ChecksStatus.WAITING, "ci has not ended"),)},
            "checks",
            "ci has not ended",
        ),
        ({"sandbox_sealed": False}, "seal", NO_SANDBOX),
        ({"verdict": dataclasses.replace(PASSED, sandbox_form="unsealed")}, "seal", NO_SANDBOX),
        (
            {"verdict": dataclasses.replace(PASSED, outcome=VerdictOutcome.FAILED)},
            "verdict",
            "the sealed validator answers failed: all held",
        ),
        (
            {"verdict": dataclasses.replace(PASSED, journeys_passed=0)},
            "verdict",
            "0 of 1 sealed journeys passed",
        ),
        (
            {"verdict": dataclasses.replace(PASSED, controls=Controls(0, 0, 0, 0, True))},
            "controls",
            "the verdict carries no proof that this gate could have failed",
        ),
        (
            {"verdict": dataclasses.replace(PASSED, controls=Controls(1, 1, 1, 1, False))},
            "controls",
            "no journey was red on the base, so none shows the change; only a chore can do without",
        ),
        (
            {
                "verdict": dataclasses.replace(PASSED, controls=Controls(1, 1, 1, 1, False)),
                "kind": "chore",
            },
            "controls",
            "nothing was red on the base, and no journey that guards what works was performed",
        ),
        ({"issue_body_unchanged": None}, "freshness", EDITED),
        ({"issue_body_unchanged": False}, "freshness", EDITED),
        ({"stopped": None}, "stop", NO_STOP),
        ({"stopped": True}, "stop", NO_STOP),
        ({"frozen": None}, "freeze", FROZEN),
        ({"frozen": True}, "freeze", FROZEN),
        ({"reviews_read": None}, "reviews", TOO_MANY),
        ({"reviews_read": False}, "reviews", TOO_MANY),
    ],
)
def test_each_fact_refuses_on_its_own_and_by_name(changed, gate, message) -> None:
    assert list(refusals(dataclasses.replace(GREEN, **changed))) == [Refusal(gate, message)]


@pytest.mark.parametrize("outcome", [VerdictOutcome.FAILED, VerdictOutcome.INCONCLUSIVE])
def test_anything_but_passed_refuses(outcome) -> None:
    assert "verdict" in gates(
        dataclasses.replace(GREEN, verdict=dataclasses.replace(PASSED, outcome=outcome))
    )


@pytest.mark.parametrize("counts", [(0, 0, 0), (2, 1, 1), (2, 2, 1), (1, 2, 2)])
def test_every_sealed_journey_ran_and_passed_or_nothing_lands(counts) -> None:
    sealed, executed, passed = counts
    verdict = dataclasses.replace(
        PASSED, journeys_sealed=sealed, journeys_executed=executed, journeys_passed=passed
    )
    assert "verdict" in gates(dataclasses.replace(GREEN, verdict=verdict))


@pytest.mark.parametrize(
    "controls",
    [
        Controls(0, 0, 4, 4, True),
        Controls(2, 1, 4, 4, True),
        Controls(1, 1, 4, 0, True),
        Controls(1, 1, 0, 0, True),
        Controls(1, 1, 4, 5, True),
        Controls(1, 1, 4, 4, False),
    ],
)
def test_no_control_no_approval(controls) -> None:
    assert "controls" in gates(
        dataclasses.replace(GREEN, verdict=dataclasses.replace(PASSED, controls=controls))
    )


GUARDED = Regression(own=0, guarding=3, performed=2, left_out=1, promises=2)
NOT_RED = dataclasses.replace(
    PASSED, controls=dataclasses.replace(HELD, red_on_base=False), regression=GUARDED
)


def test_a_chore_without_a_journey_of_its_own_may_land_on_those_that_guard_what_has_landed() -> (
    None
):
    assert not list(refusals(dataclasses.replace(GREEN, verdict=NOT_RED, kind="chore")))


@pytest.mark.parametrize(
    ("in_sight", "message"),
    [
        (
            ("tidebook/pages.html",),
            "no journey shows it, and what a user can see is no chore: it touches"
            " tidebook/pages.html",
        ),
        (
            None,
            "nothing was red on the base, and whether a user could see this chore is not known",
        ),
    ],
)
def test_a_chore_that_a_user_could_see_something_of_is_no_chore(in_sight, message) -> None:
    facts = dataclasses.replace(GREEN, verdict=NOT_RED, kind="chore", in_sight=in_sight)
    assert [(one.gate, one.message) for one in refusals(facts)] == [("controls", message)]
    # where a journey shows the change
    assert not list(refusals(dataclasses.replace(GREEN, in_sight=in_sight)))


@pytest.mark.parametrize("kind", ["bug", "feature", None, "", "Chore", "refactor"])
def test_only_a_chore_may_do_without_a_red_base(kind) -> None:
    assert gates(dataclasses.replace(GREEN, verdict=NOT_RED, kind=kind)) == {"controls"}


@pytest.mark.parametrize(
    "regression",
    [
        Regression(),
        Regression(guarding=3, left_out=3),
        Regression(guarding=2, performed=2, broken_on_base=2),
    ],
)
def test_a_chore_that_nothing_guarded_does_not_land(regression) -> None:
    verdict = dataclasses.replace(NOT_RED, regression=regression)
    assert gates(dataclasses.replace(GREEN, verdict=verdict, kind="chore")) == {"controls"}


@pytest.mark.parametrize(
    "controls",
    [
        Controls(0, 0, 4, 4, False),
        Controls(2, 1, 4, 4, False),
        Controls(1, 1, 4, 0, False),
        Controls(1, 1, 0, 0, False),
    ],
)
def test_a_chore_needs_its_controls_as_anything_does(controls) -> None:
    verdict = dataclasses.replace(NOT_RED, controls=controls)
    assert "controls" in gates(dataclasses.replace(GREEN, verdict=verdict, kind="chore"))


def test_a_red_base_is_no_less_needed_where_much_stands_guard() -> None:
    assert "controls" in gates(dataclasses.replace(GREEN, verdict=NOT_RED))


@pytest.mark.parametrize("form", ["unsealed", "none", "", "bwrap-root+unsealed", "docker"])
def test_a_verdict_from_anything_but_sealed_sandboxes_never_merges(form) -> None:
    assert "seal" in gates(
        dataclasses.replace(GREEN, verdict=dataclasses.replace(PASSED, sandbox_form=form))
    )


def test_a_verdict_from_sandboxes_of_several_sealed_forms_may_land() -> None:
    verdict = dataclasses.replace(PASSED, sandbox_form="bwrap-root+bwrap-userns+landlock")
    assert not list(refusals(dataclasses.replace(GREEN, verdict=verdict)))


RED, WAITING = (
    NotGreen(ChecksStatus.RED, "ci ended as failure"),
    NotGreen(ChecksStatus.WAITING, "ci has not ended"),
)
STALE, CHECKS, LAWFUL = (
    Refusal("freshness", "base was a and is b"),
    Refusal("checks", "ci"),
    Refusal("F-CHECKS", "ci"),
)


@pytest.mark.parametrize(
    ("found", "waits", "event"),
    [
        ((), (), Event.GATES_OPEN),
        ((CHECKS,), (WAITING,), Event.CHECKS_AWAITED),
        ((LAWFUL,), (WAITING,), Event.CHECKS_AWAITED),
        ((CHECKS, LAWFUL), (WAITING,), Event.CHECKS_AWAITED),
        # one red is enough
        ((CHECKS,), (WAITING, RED), Event.GATE_REFUSED),
        ((CHECKS,), (RED,), Event.GATE_REFUSED),
        # they had their time, or nobody can say which are required
        (
            (CHECKS,),
            (),
            Event.GATE_REFUSED,
        ),
        ((CHECKS, Refusal("F-SIZE", "401 lines")), (WAITING,), Event.GATE_REFUSED),
        ((CHECKS, Refusal("stop", "set")), (WAITING,), Event.GATE_REFUSED),
        ((STALE,), (), Event.HEAD_OR_BASE_MOVED),
        ((STALE, CHECKS), (WAITING,), Event.HEAD_OR_BASE_MOVED),
        ((STALE, Refusal("freeze", "frozen")), (), Event.GATE_REFUSED),
        ((Refusal("freshness", EDITED),), (), Event.GATE_REFUSED),
        ((Refusal("F-SIZE", "401 lines"),), (), Event.GATE_REFUSED),
    ],
)
def test_what_follows_from_the_refusals_of_a_gate(found, waits, event) -> None:
    assert gate_event(found, waits=waits, about_checks={"F-CHECKS"}) is event


def test_a_rule_that_does_not_ask_for_checks_is_never_waited_for() -> None:
    assert gate_event((LAWFUL,), waits=(WAITING,), about_checks=()) is Event.GATE_REFUSED
