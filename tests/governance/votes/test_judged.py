"""Judged rules: how a question is stated, and what votes count for. No model is asked here."""

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from harness.domain.errors import GovernanceError
from harness.domain.facts import UNKNOWN
from harness.domain.governance import (
    Applies,
    Level,
    OnFail,
    Question,
    Sight,
    Status,
    Vote,
)
from harness.governance import decide, lint, run_cases
from harness.governance.votes.judged import (
    NEAR,
    Ballot,
    Quote,
    VoterReply,
    answer_to,
    as_answer,
    ballot_in,
    ballot_schema,
    finding_of,
    found_in,
    place_of,
    rules_voted_on,
    standing,
    vote_of,
    with_votes,
)
from harness.governance.votes.view import LARGEST_VIEW
from tests.governance.policy_texts import governance, rule_text, touching
from tests.tiers import share

JUDGED = "level: judged\nquestion: Does it serve the issue?\nsees: [issue, diff]\n"
YES, NO, UNQUOTED, ABSTAIN = Vote.YES, Vote.NO, Vote.UNQUOTED, Vote.ABSTAIN


def question(**changes) -> Question:
    return Question(**{"text": "Is it so?", "sees": (Sight.ISSUE, Sight.DIFF), **changes})


# How it is stated


def test_a_question_is_read_whole() -> None:
    rule = governance(
        rule_text("""
        level: judged
        question: >-
          Does every changed file
          serve what the issue asks for?
        sees: [issue, diff, files, tests, governance]
        never_sees: ["secret/**", "*.png"]
        votes: {n: 5, need: 4, abstain: retry}
        on_fail: reject
        when: kind == "bug"
        locked: true
        cases:
          - {votes: [yes, yes, yes, yes, abstain], given: {kind: bug}, expect: pass}
        """)
    ).rule("F-ONE")
    assert (rule.level, rule.on_fail, rule.locked, rule.check) == (
        Level.JUDGED,
        OnFail.REJECT,
        True,
        None,
    )
    assert rule.question == Question(
        "Does every changed file serve what the issue asks for?",
        tuple(Sight(word) for word in ("issue", "diff", "files", "tests", "governance")),
        ("secret/**", "*.png"),
        5,
        4,
        OnFail.RETRY,
    )
    assert rule.cases[0].votes == (YES, YES, YES, YES, ABSTAIN)


def test_what_it_does_not_say_is_strict() -> None:
    rule = governance(rule_text(JUDGED)).rule("F-ONE")
    assert (rule.question.votes, rule.question.need, rule.question.abstain) == (
        3,
        3,
        OnFail.NEEDS_HUMAN,
    )
    assert governance(rule_text(JUDGED + "votes: {n: 5}")).rule("F-ONE").question.need == 5


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "expected"),
    [
        ("question: Does it serve the issue?\n", "", 8, "level", "a judged rule needs `question`"),
        ("sees: [issue, diff]\n", "", 8, "level", "a judged rule needs `sees`"),
        (
            "question: Does it serve the issue?",
            "question: ",
            9,
            "question",
            "expected a text, found nothing",
        ),
        (
            "question: Does it serve the issue?",
            "question: [a, b]",
            9,
            "question",
            "expected a text, found a list",
        ),
        (
            "Does it serve the issue?",
            "why " * 200,
            9,
            "question",
            "a question has at most 600 characters",
        ),
        ("[issue, diff]", "diff", 10, "sees", "expected a list"),
        ("[issue, diff]", "[]", 10, "sees", "give one of diff, files, tests"),
        ("[issue, diff]", "[issue, governance]", 10, "sees", "a no has to quote the change"),
        ("[issue, diff]", "[issue, dif]", 10, "sees", "did you mean `diff`?"),
        (
            "[issue, diff]",
            "[issue, journeys]",
            10,
            "sees",
            "one of issue, diff, files, tests, governance",
        ),
        ("[issue, diff]", "[diff, diff]", 10, "sees", "`diff` stands here twice"),
        ("sees:", "never_sees: tests/**\nsees:", 10, "never_sees", "expected a list"),
        ("sees:", 'never_sees: ["a**"]\nsees:', 10, "never_sees", "whole folders"),
        ("sees:", 'never_sees: ["!a"]\nsees:', 10, "never_sees", "cannot be negated"),
        ("sees:", "check: {files: {max: 1}}\nsees:", 10, "check", "votes decide a judged rule"),
        ("sees:", "applies: merge\nsees:", 10, "applies", "`applies: pr`"),
        ("sees:", "applies: issue\nsees:", 10, "applies", "`applies: pr`"),
        ("sees:", "votes: 3\nsees:", 10, "votes", "expected a mapping"),
        ("sees:", "votes: {m: 3}\nsees:", 10, "m", "no such key"),
        ("sees:", "votes: {n: 0}\nsees:", 10, "n", "from 1 to 9"),
        ("sees:", "votes: {n: 10}\nsees:", 10, "n", "from 1 to 9"),
        ("sees:", "votes: {need: 0}\nsees:", 10, "need", "from 1 to 3"),
        ("sees:", "votes: {n: 2, need: 3}\nsees:", 10, "need", "from 1 to 2"),
        (
            "sees:",
            "votes: {abstain: pass}\nsees:",
            10,
            "abstain",
            "one of retry, split, needs-human, reject",
        ),
        (
            "sees:",
            "locked: true\nstatus: shadow\nsees:",
            8,
            "level",
            "a locked rule is enforced or judged",
        ),
        (
            "sees:",
            "cases: [{votes: [yes, yes], expect: unknown}]\nsees:",
            10,
            "cases",
            "expected 3 votes, found 2",
        ),
        (
            "sees:",
            "cases: [{votes: [yes, yes, maybe], expect: unknown}]\nsees:",
            10,
            "votes",
            "yes, no, unquoted, abstain",
        ),
        (
            "sees:",
            "cases: [{given: {files: 1}, expect: pass}]\nsees:",
            10,
            "cases",
            "no model is asked",
        ),
        ("sees:", "cases: [{pr: 3, expect: pass}]\nsees:", 10, "cases", "no model is asked"),
        (
            "sees:",
            "cases: [{pr: 3, votes: [yes, yes, yes], expect: pass}]\nsees:",
            10,
            "cases",
            "either `given:`",
        ),
        (
            "level: judged",
            "level: enforced\ncheck: {files: {max: 1}}",
            10,
            "question",
            "only a judged rule asks a question",
        ),
        (
            "level: judged\nquestion: Does it serve the issue?\n",
            "level: advisory\n",
            9,
            "sees",
            "only a judged rule asks",
        ),
    ],
)
def test_a_mistake_is_refused_with_its_place_and_what_was_expected(
    old, new, line, key, expected
) -> None:
    block = JUDGED.replace(old, new)
    with pytest.raises(GovernanceError, match=r"^factory_rules\.md:") as error:
        governance(rule_text(block))
    assert (error.value.line, error.value.key) == (line, key)
    assert expected in error.value.message


def test_a_case_of_votes_belongs_to_a_judged_rule() -> None:
    with pytest.raises(GovernanceError, match="only a judged rule counts votes"):
        governance(
            rule_text(
                "level: enforced\ncheck: {files: {max: 1}}\ncases: [{votes: [yes], expect: pass}]"
            )
        )


def test_its_cases_are_counted_without_a_model() -> None:
    block = (
        JUDGED
        + """votes: {need: 2}
when: kind == "bug"
cases:
  - {votes: [yes, yes, abstain], given: {kind: bug}, expect: pass}
  - {votes: [yes, yes, no], given: {kind: bug}, expect: fail}
  - {votes: [yes, unquoted, abstain], given: {kind: bug}, expect: unknown}
  - {votes: [no, no, no], given: {kind: chore}, expect: pass}
  - {votes: [yes, yes, yes], expect: fail}
"""
    )
    *held, broken = run_cases(governance(rule_text(block)))
    assert len(held) == 4
    assert all(result.held for result in held), held
    assert (broken.held, broken.source.line) == (False, 18)
    assert "3 of 3 votes say yes" in broken.message


def test_lint_asks_for_a_case_and_for_globs_that_match() -> None:
    found = {
        finding.code
        for finding in lint(
            governance(rule_text(JUDGED + 'never_sees: ["gone/**"]')), paths=[b"a.py"]
        )
    }
    assert {"no-case", "no-match"} <= found


# What is counted


@pytest.mark.parametrize("need", [1, 2, 3])
def test_one_no_refuses_enough_yeses_hold_and_everything_else_is_unknown(need) -> None:
    for votes in product(Vote, repeat=3):
        enough = votes.count(YES) >= need or UNKNOWN
        expected = False if NO in votes else enough
        assert standing(question(need=need), votes) is expected, votes


def test_no_votes_at_all_are_no_yes() -> None:
    assert standing(question(), ()) is UNKNOWN


def test_the_words_are_ours_and_say_what_counted() -> None:
    said = answer_to(question(), (YES, UNQUOTED, ABSTAIN), evidence=("vote 1",))
    assert (
        said.message
        == "1 of 3 votes say yes, 3 are needed; 0 say no; 1 say no and quote nothing that is there,"
        " so they do not count; 1 abstain"
    )
    assert said.evidence == ("vote 1",)


FILE = (
    "def total(rows):",
    "    return sum(rows)",
    "",
    "",
    "}",
    "",
    "}",
    "x = 1  ",
    "\tif x:",
    "        go()",
)


@pytest.mark.parametrize(
    ("line", "text", "place"),
    [
        (2, "    return sum(rows)", 2),
        # blanks at the ends aside
        (2, "return sum(rows)", 2),
        (8, "x = 1", 8),
        # two lines
        (9, "if x:\n    go()", 9),
        (9, "if x:\r\n    go()\r\n", 9),
        # it stands once, and near
        (2 + NEAR, "return sum(rows)", 2),
        # not near
        (3 + NEAR, "return sum(rows)", None),
        (1, "return sum(rows)", 2),
        # exactly
        (2, "return  sum(rows)", None),
        # the line, not a piece of it
        (2, "return sum", None),
        (2, "RETURN sum(rows)", None),
        (5, "}", 5),
        (7, "}", 7),
        # it stands twice: only at the claimed line
        (6, "}", None),
        (3, "", None),
        (3, "   ", None),
        # nothing is no quote
        (4, "\n\n", None),
        (10_000, "go()", None),
        (10, "go()\nreturn", None),
    ],
)
def test_a_quote_is_read_again_at_its_place(line, text, place) -> None:
    assert place_of(Quote("a.py", line, text), FILE) == place


def test_a_no_counts_only_with_a_quote_that_is_there() -> None:
    there, invented = Quote("a.py", 8, "x = 1"), Quote("a.py", 8, "eval(input())")
    elsewhere = Quote("other.py", 1, "x = 1")
    shown = {"a.py": FILE}
    for quotes, vote in (
        ((there,), NO),
        ((invented, there), NO),
        ((invented,), UNQUOTED),
        ((elsewhere,), UNQUOTED),
        ((), UNQUOTED),
    ):
        ballot = Ballot(VoterReply.NO, quotes)
        assert vote_of(ballot, found_in(ballot, shown)) is vote
    assert vote_of(Ballot(VoterReply.YES, (there,)), (there,)) is YES
    assert vote_of(Ballot(VoterReply.ABSTAIN, (there,)), (there,)) is ABSTAIN


def test_a_quote_that_is_near_is_placed_where_it_is() -> None:
    assert found_in(Ballot(VoterReply.NO, (Quote("a.py", 9, "x = 1"),)), {"a.py": FILE}) == (
        Quote("a.py", 8, "x = 1"),
    )


def test_the_answer_is_closed_and_survives_being_written_down() -> None:
    Draft202012Validator.check_schema(ballot_schema())
    ballot = Ballot(VoterReply.NO, (Quote("a.py", 8, "x = 1"),), "It is one.")
    assert ballot_in(as_answer(ballot)) == ballot


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"answer": "yes"},
        {"answer": "YES", "quotes": [], "reason": ""},
        {"answer": True, "quotes": [], "reason": ""},
        {"answer": "yes", "quotes": [], "reason": "", "merge": True},
        {"answer": "yes", "quotes": "a.py:1", "reason": ""},
        {"answer": "no", "quotes": [{"file": "a.py", "line": 0, "text": "x"}], "reason": ""},
        {"answer": "no", "quotes": [{"file": "a.py", "text": "x"}], "reason": ""},
        {"answer": "yes", "quotes": [], "reason": "y" * 2000},
    ],
)
def test_an_answer_in_another_form_is_an_abstention(answer) -> None:
    ballot = ballot_in(answer)
    assert ballot.reply is VoterReply.ABSTAIN
    assert "not in the agreed form" in ballot.reason


@settings(max_examples=share(60), deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=8) | st.sampled_from(["answer", "quotes", "reason"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text(max_size=5)
            | st.sampled_from(["yes", "no"]),
            lambda inner: st.lists(inner, max_size=2),
            max_leaves=3,
        ),
        max_size=4,
    )
)
def test_no_answer_breaks_the_counting(answer) -> None:
    ballot = ballot_in(answer)
    assert vote_of(ballot, found_in(ballot, {"a": ("x",)})) in (YES, UNQUOTED, ABSTAIN)


def test_votes_make_a_decision_stricter_and_never_milder() -> None:
    small = rule_text("level: enforced\ncheck: {files: {max: 1}}\non_fail: retry")
    policy = governance(small, rule_text(JUDGED, rule_id="F-JUDGED"))
    rule = policy.rule("F-JUDGED")
    refused, allowed = decide(policy, touching("a", "b")), decide(policy, touching("a"))
    findings = {vote: finding_of(rule, answer_to(rule.question, (vote,) * 3)) for vote in Vote}
    assert with_votes(refused, [findings[YES]]).action is OnFail.RETRY
    assert with_votes(refused, [findings[NO]]).action is OnFail.NEEDS_HUMAN
    assert with_votes(allowed, [findings[YES]]).allowed
    for vote in (NO, UNQUOTED, ABSTAIN):
        decision = with_votes(allowed, [findings[vote]])
        assert not decision.allowed
        assert decision.why[0].startswith("F-JUDGED: 0 of 3")
        assert [finding.rule for finding in decision.refusals] == ["F-JUDGED"]


def test_code_alone_never_asks_a_question() -> None:
    assert "F-ONE" not in {
        finding.rule for finding in decide(governance(rule_text(JUDGED)), touching("a")).findings
    }


def test_what_is_neither_held_nor_refused_goes_where_the_rule_sends_it() -> None:
    rule = governance(rule_text(JUDGED + "on_fail: reject\nvotes: {abstain: retry}")).rule("F-ONE")
    assert finding_of(rule, answer_to(rule.question, (NO, YES, YES))).on_fail is OnFail.REJECT
    assert finding_of(rule, answer_to(rule.question, (YES, YES, ABSTAIN))).on_fail is OnFail.RETRY


def test_those_that_apply_are_voted_on_and_what_is_in_shadow_last() -> None:
    policy = governance(
        rule_text(JUDGED + "status: shadow", rule_id="F-SHADOW"),
        rule_text(JUDGED + "status: off", rule_id="F-OFF"),
        rule_text(JUDGED + 'when: kind == "bug"', rule_id="F-BUG"),
        rule_text(JUDGED, rule_id="F-ALL"),
    )

    def asked(**facts):
        return [
            rule.id
            for rule, _ in rules_voted_on(policy, touching("a", **facts), applies=Applies.PR)
        ]

    assert asked(kind="chore") == ["F-ALL", "F-SHADOW"]
    assert asked(kind="bug") == ["F-BUG", "F-ALL", "F-SHADOW"]
    # unknown: it is asked
    assert asked() == ["F-BUG", "F-ALL", "F-SHADOW"]
    assert rules_voted_on(policy, touching("a"), applies=Applies.MERGE) == []
    assert policy.rule("F-SHADOW").status is Status.SHADOW


def test_the_page_has_every_sight_and_every_number() -> None:
    text = (Path(__file__).parents[3] / "docs" / "maintainer.md").read_text("utf-8")
    page = " ".join(text.split("## Judged rules")[1].split("\n## ")[0].split())
    assert all(f"`{word}`" in page for word in (*Sight, *VoterReply, UNQUOTED))
    assert f"{LARGEST_VIEW:,} characters" in page
    assert f"at most {NEAR} lines away" in page
