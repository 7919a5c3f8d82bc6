"""Rules of trust: what they may state, what they add to the other rules, and what an edit flips."""

from dataclasses import replace
from decimal import Decimal

import pytest

from harness.domain.errors import GovernanceError
from harness.domain.facts import UNKNOWN, AreaTrust, ChangeFacts
from harness.domain.governance import Applies, Decision, Governance, OnFail
from harness.governance import read_governance
from harness.governance.cases import run_cases
from harness.governance.decide import BY_DEFAULT, DEFAULT, NO_AREA, decide
from harness.governance.lint import lint
from harness.governance.past.history import RecordedChange
from harness.governance.past.impact import impact
from tests.governance.policy_texts import files, governance, rule_text, touching

NUMBERS = "merge: 0.95, review: 0.70, retry: 0.40"


def area(paths: str = "app/**", words: str = f"level: full, {NUMBERS}", *, more: str = "") -> str:
    return f'level: enforced\ncheck: {{trust: {{paths: ["{paths}"], {words}}}}}{more}'


APP = governance(rule_text(area(), rule_id="F-APP"))
BOTH = governance(
    rule_text(area(), rule_id="F-APP"),
    rule_text(area("docs/**", f"level: shadow, {NUMBERS}"), rule_id="F-DOCS"),
)


def known(law: Governance, value: str, *paths: str, **found: object) -> ChangeFacts:
    """A change to these paths, with the same confidence in every area."""
    trust = tuple(
        AreaTrust(
            rule.check.paths,
            **{
                "level": rule.check.level,
                "granted": rule.check.granted,
                "value": Decimal(value),
                "basis": "counts",
                **found,
            },
        )
        for rule in law.rules
        if not rule.built_in and hasattr(rule.check, "granted")
    )
    return replace(touching(*paths), trust=trust)


def landing(law: Governance, facts: ChangeFacts, **more: object) -> Decision:
    return decide(law, facts, applies=Applies.MERGE, **more)


@pytest.mark.parametrize(
    ("value", "action"),
    [
        ("1", None),
        ("1.0001", OnFail.NEEDS_HUMAN),
        ("0.95", None),
        ("0.9499", OnFail.NEEDS_HUMAN),
        ("0.70", OnFail.NEEDS_HUMAN),
        ("0.6999", OnFail.RETRY),
        ("0.40", OnFail.RETRY),
        ("0.3999", OnFail.REJECT),
        ("0", OnFail.REJECT),
    ],
)
def test_each_threshold_has_one_thing_that_follows(value, action) -> None:
    assert landing(APP, known(APP, value, "app/a")).action is action


def test_a_change_to_several_areas_gets_the_strictest() -> None:
    assert landing(BOTH, known(BOTH, "0.99", "app/a")).action is None
    assert landing(BOTH, known(BOTH, "0.99", "app/a", "docs/b")).action is OnFail.NEEDS_HUMAN
    assert landing(BOTH, known(BOTH, "0.1", "app/a", "docs/b")).action is OnFail.REJECT


def test_what_no_area_names_is_a_persons_and_they_may_lift_that() -> None:
    outside = known(APP, "0.99", "app/a", "setup.py")
    found = landing(APP, outside)
    assert (found.action, found.why) == (OnFail.NEEDS_HUMAN, (NO_AREA,))
    assert (found.governance, found.applies) == (APP.digest, Applies.MERGE)
    assert found.findings
    assert (DEFAULT, NO_AREA) in BY_DEFAULT
    assert landing(APP, outside, lifted=((DEFAULT, NO_AREA),)).action is None
    assert landing(APP, replace(outside, files=UNKNOWN)).action is OnFail.NEEDS_HUMAN


def test_a_look_alike_of_an_areas_path_is_in_no_area() -> None:
    found = landing(APP, known(APP, "0.99", "\u0430pp/a"))
    assert (found.action, found.why) == (OnFail.NEEDS_HUMAN, (NO_AREA,))


def test_a_condition_takes_a_change_out_of_an_area_and_so_to_a_person() -> None:
    law = governance(rule_text(area(more='\nwhen: kind == "chore"'), rule_id="F-APP"))
    facts = known(law, "0.99", "app/a")
    assert landing(law, replace(facts, kind="chore")).action is None
    assert landing(law, replace(facts, kind="bug")).why == (NO_AREA,)


def test_without_a_rule_of_trust_nothing_is_asked_and_a_proposal_is_never_asked() -> None:
    none = governance(rule_text("level: enforced\ncheck: {files: {max: 9}}"))
    assert landing(none, touching("setup.py")).action is None
    assert decide(APP, touching("setup.py")).action is None


@pytest.mark.parametrize("status", ["shadow", "off"])
def test_a_rule_that_is_not_enforced_holds_nothing_back(status) -> None:
    law = governance(rule_text(area(more=f"\nstatus: {status}"), rule_id="F-APP"))
    assert landing(law, known(law, "0.1", "app/a", "setup.py")).action is None
    beside = governance(
        rule_text(area(), rule_id="F-APP"),
        rule_text(area("docs/**", more=f"\nstatus: {status}"), rule_id="F-DOCS"),
    )
    assert landing(beside, known(beside, "0.99", "docs/b")).why == (NO_AREA,)


def test_trust_never_lifts_what_another_rule_refuses() -> None:
    law = governance(
        rule_text(area(), rule_id="F-APP"),
        rule_text("level: enforced\napplies: merge\ncheck: {files: {max: 1}}", rule_id="F-FEW"),
    )
    assert landing(law, known(law, "0.99", "app/a", "app/b")).action is OnFail.NEEDS_HUMAN


def lifted(law: Governance, facts: ChangeFacts) -> Decision:
    refused = landing(law, facts)
    return landing(law, facts, lifted=[(one.rule, one.message) for one in refused.refusals])


def test_a_person_lifts_what_is_theirs_and_neither_a_rejection_nor_the_unknown() -> None:
    for value, level in (("0.8", "full"), ("0.99", "shadow"), ("0.1", "shadow")):
        assert lifted(APP, known(APP, value, "app/a", level=level)).allowed
    assert not lifted(APP, known(APP, "0.1", "app/a")).allowed
    assert not lifted(APP, known(APP, "0.5", "app/a")).allowed
    assert not lifted(APP, touching("app/a")).allowed


def test_an_approval_stands_while_other_landings_move_the_number_within_its_band() -> None:
    before = known(APP, "0.90", "app/a")
    words = [(one.rule, one.message) for one in landing(APP, before).refusals]
    moved = known(APP, "0.85", "app/a", outcomes=9)
    assert landing(APP, moved, lifted=words).allowed
    assert not landing(APP, known(APP, "0.60", "app/a"), lifted=words).allowed


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (area(more="\napplies: pr"), "asked before a landing"),
        (area(more="\napplies: issue"), "asked before a landing"),
        (area(more="\non_fail: retry"), "whose thresholds state what follows"),
        (area(more="\nlocked: true"), "whose thresholds state what follows"),
        (area(words="level: ful"), "did you mean `full`"),
        (area(words="merge: 0.95"), "0 < retry <= review <= merge < 1"),
        (area(words="merge: 0.9, review: 0.95, retry: 0.4"), "0 < retry <= review <= merge < 1"),
        (area(words="merge: 1.0, review: 0.7, retry: 0.4"), "0 < retry <= review <= merge < 1"),
        (area(words="level: full, since: 'yesterday'"), "a day or a moment"),
        (area(words="level: full, least: 3"), "no such key"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(block, message) -> None:
    with pytest.raises(GovernanceError, match=message):
        governance(rule_text(block))


def test_trust_stands_at_the_root_because_it_is_the_owners_to_give() -> None:
    nested = "---\nschema: 1\n---\n" + rule_text(area("app/x/**"))
    with pytest.raises(GovernanceError, match="stands at the root"):
        read_governance({**files("# Rules\n"), "app/factory_rules.md": nested.encode()})


def test_it_is_asked_before_a_landing_whether_or_not_it_says_so() -> None:
    said = governance(rule_text(area(more="\napplies: merge"), rule_id="F-APP"))
    assert {law.rule("F-APP").applies for law in (said, APP)} == {Applies.MERGE}


CASES = """
cases:
  - {given: {files: [app/a], trust: {confidence: 0.95}}, expect: pass}
  - {given: {files: [app/a], trust: {confidence: 0.94}}, expect: fail}
  - {given: {files: [app/a], trust: {confidence: 0.99, level: shadow}}, expect: fail}
  - {given: {files: [app/a], trust: {confidence: 0.99, basis: prior}}, expect: fail}
  - {given: {files: [app/a], trust: {confidence: 0.5, returned: 2}}, expect: fail}
  - {given: {files: [app/a]}, expect: unknown}
"""


def test_its_cases_state_a_confidence_and_a_level() -> None:
    law = governance(rule_text(area(more=CASES), rule_id="F-APP"))
    assert [one for one in run_cases(law) if not one.held] == []
    assert "F-APP" not in " ".join(one.message for one in lint(law))


def test_moving_a_threshold_shows_which_landings_of_the_past_it_would_have_changed() -> None:
    stricter = governance(
        rule_text(
            area(words="level: full, merge: 0.97, review: 0.70, retry: 0.40"), rule_id="F-APP"
        )
    )
    history = [
        RecordedChange(number, known(APP, value, "app/a"))
        for number, value in enumerate(("0.96", "0.97", "0.80"), 1)
    ]
    found = impact(APP, stricter, [*history, RecordedChange(4, touching("app/a"))])
    assert [(flip.change, flip.rule) for flip in found.flips] == [(1, "F-APP")]
    row = next(one for one in found.rules if one.rule == "F-APP")
    assert (row.refused, row.refused_before, row.cannot_tell) == ((1, 3), (3,), 1)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ('app/**", "b", "c', "app/**, b, c is in shadow, so a person lands it"),
        ('app/**", "b", "c", "d', "app/**, b, c and more is in shadow, so a person lands it"),
    ],
)
def test_an_area_that_has_earned_nothing_yet_is_in_shadow_and_is_named_by_its_first_paths(
    paths, words
) -> None:
    law = governance(rule_text(area(paths, f"level: earned, {NUMBERS}"), rule_id="F-APP"))
    assert [
        one.message for one in landing(law, known(law, "0.99", "app/a", level="")).refusals
    ] == [words]


def test_a_newer_grant_makes_a_level_that_was_taken_back_void() -> None:
    taken = known(APP, "0.99", "app/a", level="shadow")
    again = governance(
        rule_text(area(words=f"level: full, since: '2026-11-24', {NUMBERS}"), rule_id="F-APP")
    )
    assert not landing(APP, taken).allowed
    assert landing(again, taken).allowed
