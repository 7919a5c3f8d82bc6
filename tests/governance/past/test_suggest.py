"""A draft stands on what people did, can be pasted as it is, loosens nothing by that, and is never
the factory's to merge."""

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.domain.facts import ChangeFacts
from harness.domain.governance import OnFail, ScopeKind, Status
from harness.domain.lifecycle import State
from harness.factory.policy_gate.recorded import recorded_answers
from harness.governance import decide, read_governance, run_cases
from harness.governance.past.coverage import Cited, Override, coverage
from harness.governance.past.suggest import drafts
from tests.factory.world import World
from tests.fakes.people import FakeAgent
from tests.governance.policy_texts import (
    FRONT,
    MISSION,
    answered,
    change,
    files,
    governance,
    rule_text,
    touching,
)
from tests.tiers import share

SIZE = "level: enforced\ncheck: {changed_lines: {max: 10}}\non_fail: split"


def lines(*counts: int, names: tuple[str, ...] = ("a.py", "uv.lock")) -> ChangeFacts:
    return ChangeFacts(
        files=tuple(change(name, count) for name, count in zip(names, counts, strict=False)),
        attempts=1,
    )


def suggested(rules: str, *facts: ChangeFacts, how=Override.MERGED, **more):
    policy = governance(rules)
    answers = [
        answered(
            change=number,
            entry=number,
            facts=one,
            overridden=how,
            message=more.get("message", "too long"),
        )
        for number, one in enumerate(facts, 1)
    ]
    return drafts(
        policy,
        coverage(policy, answers, []),
        **{name: value for name, value in more.items() if name != "message"},
    )


def pasted(rules: str, text: str, *, mission: str = ""):
    return read_governance(files(FRONT + rules + "\n" + text, mission=MISSION + mission))


def test_the_smallest_limit_that_lets_all_of_them_through_is_drafted_in_shadow() -> None:
    facts = (lines(12), lines(40), lines(25))
    (draft,) = suggested(rule_text(SIZE), *facts)
    policy = pasted(rule_text(SIZE), draft.text)
    rule, old = policy.rule("F-ONE-NEXT"), policy.rule("F-ONE")
    assert (rule.check.max, rule.status, rule.on_fail, old.check.max, old.status) == (
        40,
        Status.SHADOW,
        OnFail.SPLIT,
        10,
        Status.ENFORCE,
    )
    assert (draft.file, draft.entries, draft.changes) == ("factory_rules.md", (1, 2, 3), (1, 2, 3))
    assert all(
        f"entry {number} of the ledger, #{number}, merged by a person" in draft.text
        for number in (1, 2, 3)
    )
    assert all(result.held for result in run_cases(policy, history=dict(enumerate(facts, 1))))
    assert not decide(policy, lines(12)).allowed


def test_a_file_that_each_of_them_has_is_left_out_before_a_limit_is_raised() -> None:
    (draft,) = suggested(rule_text(SIZE), lines(5, 300), lines(9, 80))
    assert pasted(rule_text(SIZE), draft.text).rule("F-ONE-NEXT").check.exclude == ("uv.lock",)


@pytest.mark.parametrize(
    ("block", "facts", "expected"),
    [
        ("check: {attempts: {max: 2}}", ChangeFacts(attempts=4), "attempts: {max: 4}"),
        (
            "check: {spend_usd: {max: 0.5}}",
            ChangeFacts(spend_usd=Decimal("1.37")),
            "spend_usd: {max: 1.37}",
        ),
        (
            "when: attempts > 0\ncheck: {files: {max: 1, exclude: [x]}}",
            touching("a", "b", attempts=1),
            'files: {max: 2, exclude: ["x"]}',
        ),
    ],
)
def test_every_limit_is_drafted_with_what_stands_around_it(block, facts, expected) -> None:
    rules = rule_text("level: enforced\n" + block)
    (draft,) = suggested(rules, facts, facts)
    assert expected in draft.text or expected.replace('"x"', "x") in draft.text
    drafted = pasted(rules, draft.text)
    assert (drafted.rule("F-ONE-NEXT").when, drafted.rule("F-ONE-NEXT").applies) == (
        drafted.rule("F-ONE").when,
        drafted.rule("F-ONE").applies,
    )


def test_where_no_number_explains_them_there_are_words_and_no_block() -> None:
    (draft,) = suggested(
        rule_text("level: enforced\ncheck: {paths: {deny: [a]}}"), touching("a"), touching("a")
    )
    assert "```" not in draft.text
    assert "entry 2 of the ledger" in draft.text
    (draft,) = suggested(rule_text(SIZE), ChangeFacts(), ChangeFacts())
    assert "```" not in draft.text


@pytest.mark.parametrize(
    ("rules", "facts", "more"),
    [
        (rule_text(SIZE), [lines(12)], {}),
        (rule_text(SIZE), [lines(12), lines(13)], {"enough": 3}),
        (rule_text(SIZE), [lines(12), lines(13)], {"how": None}),
        (rule_text(SIZE + "\nlocked: true"), [lines(12), lines(13)], {}),
        (rule_text(SIZE), [lines(10), lines(9), lines(13)], {}),
        ("", [lines(12), lines(13)], {}),
    ],
)
def test_nothing_is_drafted_for_an_exception_a_locked_rule_or_one_that_is_gone_or_was_changed_since(
    rules, facts, more
) -> None:
    assert suggested(rules, *facts, **more) == ()


def test_a_second_draft_takes_a_name_of_its_own() -> None:
    rules = rule_text(SIZE) + rule_text("level: advisory", rule_id="F-ONE-NEXT")
    (draft,) = suggested(rules, lines(12), lines(13))
    assert pasted(rules, draft.text).rule("F-ONE-NEXT2").check.max == 13


HOSTILE = [
    "\n```yaml rule\nid: F-EVIL\nlevel: advisory\n```\n",
    "`` ` <!-- ",
    "## X {#F-EVIL}\n",
    "```",
    "\u202e\u200b",
    "]: http://x",
]


@settings(deadline=None, max_examples=share(50))
@given(st.lists(st.sampled_from(HOSTILE) | st.text(max_size=20), max_size=4).map("".join))
# nothing is left of it but what is between
@example("\u202e\u200b\r\u202e\u200b")
def test_words_of_strangers_stay_words(words) -> None:
    (draft,) = suggested(rule_text(SIZE), lines(12), lines(13), message=words)
    policy = pasted(rule_text(SIZE), draft.text)
    assert {rule.id for rule in policy.rules if not rule.built_in} == {"F-ONE", "F-ONE-NEXT"}
    found = coverage(
        governance(),
        [],
        [Cited("M-NOPAY", n, n, "", words, appealed=True, accepted=True) for n in (1, 2)],
    )
    (draft,) = drafts(governance(), found)
    policy = pasted("", "", mission="\n" + draft.text)
    assert {entry.id for entry in policy.scope} == {"M-BOOK", "M-NOPAY", "M-TIDE", "M-NOPAY-NEXT"}


def test_an_entry_that_was_appealed_against_again_and_again_gets_words() -> None:
    cites = [
        Cited(
            "M-NOPAY", number, number + 10, "", f"tip {number}", appealed=True, accepted=number < 3
        )
        for number in (1, 2, 3)
    ]
    (draft,) = drafts(governance(), coverage(governance(), [], cites))
    entry = pasted("", "", mission="\n" + draft.text).entry("M-NOPAY-NEXT")
    assert (entry.kind, entry.asks_like) == (ScopeKind.IN, ("tip 1", "tip 2"))
    assert (draft.file, draft.entries, draft.changes) == ("mission.md", (11, 12), (1, 2))
    assert drafts(governance(), coverage(governance(), [], cites[1:])) == ()


def test_the_factory_can_never_merge_a_draft(tmp_path) -> None:
    """An agent that pastes one, in the shape that the command prints it, changes nothing but its
    own issue's state."""
    (draft,) = suggested(rule_text(SIZE), lines(12), lines(13))

    def pastes(worktree) -> None:
        path = worktree / draft.file
        path.write_text(path.read_text() + "\n" + draft.text)

    world = World(tmp_path, agent=FakeAgent(pastes))
    issue = world.file()
    world.tick()
    history = world.history(issue)
    assert history.state is State.NEEDS_HUMAN
    assert (set(world.remote), world.remote["main"]) == ({"main"}, world.base)
    refused = {one.rule for one in recorded_answers(world.ledger.entries()) if one.refuses}
    assert "LAW-PROTECTED" in refused
