"""Composition: forbid wins, unknown is no, shadow weighs nothing, the built-in rules always
hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.facts import UNKNOWN, ChangeFacts, JourneyFacts
from harness.domain.governance import Applies, CheckAnswer, OnFail
from harness.governance import decide
from harness.governance.decide import answer_of
from tests.governance.policy_texts import governance, rule_text, touching

SMALL = "level: enforced\ncheck: {files: {max: 1}}\n"


def test_a_change_that_breaks_no_rule_goes_on() -> None:
    decision = decide(governance(rule_text(SMALL)), touching("a"))
    assert decision.allowed
    assert decision.action is None
    assert [finding.rule for finding in decision.findings] == [
        "LAW-PROTECTED",
        "LAW-MODES",
        "LAW-NAMES",
        "F-ONE",
    ]


def test_one_refusal_outweighs_every_consent() -> None:
    policy = governance(
        rule_text(SMALL), rule_text("level: enforced\ncheck: {files: {max: 99}}", rule_id="F-TWO")
    )
    decision = decide(policy, touching("a", "b"))
    assert not decision.allowed
    assert [finding.rule for finding in decision.refusals] == ["F-ONE"]
    assert decision.why == ("F-ONE: 2 changed files, and at most 1 are allowed",)


def test_of_several_refusals_the_strictest_consequence_follows() -> None:
    policy = governance(
        rule_text(SMALL + "on_fail: retry"),
        rule_text(SMALL + "on_fail: reject", rule_id="F-TWO"),
        rule_text(SMALL + "on_fail: split", rule_id="F-THREE"),
    )
    decision = decide(policy, touching("a", "b"))
    assert decision.action is OnFail.REJECT
    assert [finding.rule for finding in decision.refusals] == ["F-TWO", "F-THREE", "F-ONE"]


def test_a_fact_that_nobody_established_refuses() -> None:
    policy = governance(rule_text("level: enforced\ncheck: {attempts: {max: 3}}"))
    finding = decide(policy, touching("a")).refusals[0]
    assert finding.passed is UNKNOWN
    assert "unknown means no" in finding.message


def test_nothing_known_at_all_is_refused_by_the_built_in_rules_alone() -> None:
    decision = decide(governance(), ChangeFacts())
    assert decision.action is OnFail.NEEDS_HUMAN
    assert len(decision.refusals) == 3


def test_a_rule_in_shadow_is_reported_and_blocks_nothing() -> None:
    decision = decide(governance(rule_text(SMALL + "status: shadow")), touching("a", "b"))
    assert decision.allowed
    assert [one.rule for one in decision.findings if one.would_refuse] == ["F-ONE"]


@pytest.mark.parametrize("block", [SMALL + "status: off", "level: advisory"])
def test_a_rule_that_is_off_or_advice_is_not_asked(block) -> None:
    decision = decide(governance(rule_text(block)), touching("a", "b"))
    assert decision.allowed
    assert "F-ONE" not in [finding.rule for finding in decision.findings]


@pytest.mark.parametrize(
    "path", ["CLAUDE.md", "x/factory_rules.md", ".github/workflows/a.yml", ".env"]
)
def test_no_document_can_allow_what_is_built_in(path) -> None:
    policy = governance(rule_text('level: enforced\ncheck: {paths: {allow: ["**"]}}'))
    assert [finding.rule for finding in decide(policy, touching(path)).refusals] == [
        "LAW-PROTECTED"
    ]


def test_a_link_and_a_misleading_name_are_refused_by_built_in_rules() -> None:
    from tests.governance.policy_texts import change

    facts = ChangeFacts(files=(change("a", new_mode="120000"), change("b\u200b.py")))
    assert {finding.rule for finding in decide(governance(), facts).refusals} == {
        "LAW-MODES",
        "LAW-NAMES",
    }


def test_rules_are_asked_where_they_apply() -> None:
    policy = governance(
        rule_text("level: enforced\napplies: merge\ncheck: {journeys_satisfied: {}}"),
        rule_text(
            "level: enforced\napplies: issue\ncheck: {author_rate: {max: 1}}", rule_id="F-TWO"
        ),
    )
    facts = touching("a", journeys=JourneyFacts(1, 1, 1))
    assert [finding.rule for finding in decide(policy, facts, applies=Applies.MERGE).findings][
        3:
    ] == ["F-ONE"]
    assert [finding.rule for finding in decide(policy, facts, applies=Applies.ISSUE).findings] == [
        "F-TWO"
    ]
    assert len(decide(policy, facts).findings) == 3


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        ('kind == "bug"', True),
        ('kind == "chore"', False),
        ("attempts > 1", True),
        ('kind == "chore" and attempts > 1', False),
    ],
)
def test_a_rule_is_not_asked_only_when_its_condition_is_known_not_to_hold(when, asked) -> None:
    policy = governance(rule_text(SMALL + f"when: '{when}'"))
    decision = decide(policy, touching("a", "b", kind="bug"))
    assert decision.allowed is not asked


def test_what_no_rule_speaks_of_falls_to_the_default() -> None:
    careful = "---\nschema: 1\ndefault: needs-human\n---\n"
    shadow = rule_text(SMALL + "status: shadow")
    assert decide(governance(shadow), touching("a")).allowed
    decision = decide(governance(shadow, front=careful), touching("a"))
    assert decision.action is OnFail.NEEDS_HUMAN
    assert decision.why == ("no rule speaks of this change",)
    assert [finding.rule for finding in decision.findings][-1] == "F-ONE"
    assert decide(governance(rule_text(SMALL), front=careful), touching("a")).allowed
    assert decide(governance(rule_text(SMALL), front=careful), touching()).allowed


@pytest.mark.parametrize(
    ("block", "default"),
    [
        (SMALL + "applies: merge", "allow"),
        (SMALL, "allow"),
        (SMALL + "status: shadow", "needs-human"),
    ],
)
def test_a_decision_names_the_rules_in_force_and_where_they_were_asked(block, default) -> None:
    policy = governance(rule_text(block), front=f"---\nschema: 1\ndefault: {default}\n---\n")
    decision = decide(policy, touching("a", "b"), applies=Applies.MERGE)
    assert (decision.governance, decision.applies) == (policy.digest, Applies.MERGE)


def test_a_finding_names_its_rule_in_full_and_shows_what_the_check_found() -> None:
    found = decide(governance(rule_text(SMALL)), touching("a", "b")).refusals[0]
    assert (found.title, found.evidence, found.source.file) == (
        "A rule",
        ("a", "b"),
        "factory_rules.md",
    )


def test_an_entry_of_the_scope_that_is_not_there_is_none() -> None:
    assert governance().entry("M-NOTHING") is None
    assert governance().rule("F-NOTHING") is None


def test_a_rule_that_nobody_checks_is_never_satisfied_by_silence() -> None:
    advice = next(
        rule for rule in governance(rule_text("level: advisory")).rules if rule.id == "F-ONE"
    )
    assert answer_of(advice, touching("a")) == CheckAnswer(UNKNOWN, "nobody checks this rule")


@given(
    st.lists(st.text(max_size=20).filter(lambda text: "\0" not in text), max_size=4),
    st.sampled_from(list(Applies)),
    st.integers(0, 9),
)
def test_deciding_never_raises_and_is_the_same_twice(paths, applies, attempts) -> None:
    policy = governance(
        rule_text(SMALL), rule_text("level: enforced\ncheck: {attempts: {max: 3}}", rule_id="F-TWO")
    )
    facts = touching(*(path.encode("utf-8", "surrogatepass") for path in paths), attempts=attempts)
    assert decide(policy, facts, applies=applies) == decide(policy, facts, applies=applies)
    assert decide(policy, facts, applies=applies).governance == policy.digest


LEFT_TO_A_PERSON = SMALL + "on_fail: needs-human\n"
SEEN = ("F-ONE", "2 changed files, and at most 1 are allowed")


def test_a_person_lifts_what_they_saw_and_what_a_rule_leaves_to_them() -> None:
    decision = decide(governance(rule_text(LEFT_TO_A_PERSON)), touching("a", "b"), lifted=[SEEN])
    assert decision.allowed
    assert [(finding.rule, finding.passed) for finding in decision.findings if finding.lifted] == [
        ("F-ONE", False)
    ]


@pytest.mark.parametrize(
    ("block", "paths", "lifted"),
    [
        (LEFT_TO_A_PERSON, ("a", "b"), ("F-ONE", "3 changed files, and at most 1 are allowed")),
        (LEFT_TO_A_PERSON, ("a", "b"), ("F-TWO", SEEN[1])),
        (LEFT_TO_A_PERSON + "locked: true", ("a", "b"), SEEN),
        (SMALL + "on_fail: retry", ("a", "b"), SEEN),
        (SMALL + "on_fail: split", ("a", "b"), SEEN),
        (SMALL + "on_fail: reject", ("a", "b"), SEEN),
    ],
    ids=["other words", "other rule", "locked", "retry", "split", "reject"],
)
def test_nothing_else_is_lifted(block, paths, lifted) -> None:
    assert not decide(governance(rule_text(block)), touching(*paths), lifted=[lifted]).allowed


def test_nobody_lifts_what_is_built_in_or_what_nobody_established() -> None:
    policy = governance(
        rule_text("level: enforced\ncheck: {attempts: {max: 3}}\non_fail: needs-human")
    )
    for facts in (touching("CLAUDE.md"), touching("a")):
        said = [(finding.rule, finding.message) for finding in decide(policy, facts).refusals]
        assert said
        assert decide(policy, facts, lifted=said).refusals
