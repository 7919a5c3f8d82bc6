"""An edit of the rules shows what it would have done: who flips, who does not, and who cannot
tell."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import Applies
from harness.governance import decide, governance_in, lint, read_governance, run_cases
from harness.governance.past.edits import Edit, edit
from harness.governance.past.history import RecordedChange, read_history
from harness.governance.past.impact import DEFAULT, ReplayAnswer, impact
from tests.governance.policy_texts import FRONT, change, governance, rule_text, touching
from tests.tiers import share

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "public-factory"
ONE = "level: enforced\ncheck: {files: {max: 1}}"
TWO = "level: enforced\ncheck: {files: {max: 2}}"


def past(*facts: ChangeFacts) -> tuple[RecordedChange, ...]:
    return tuple(RecordedChange(number, one) for number, one in enumerate(facts, 1))


def row(found, rule="F-ONE"):
    return next(one for one in found.rules if one.rule == rule)


def flips(old, new, *facts):
    return [
        (flip.change, flip.before, flip.after, flip.shadow)
        for flip in impact(old, new, past(*facts)).flips
    ]


def test_a_larger_limit_lets_through_what_a_smaller_one_refused() -> None:
    found = impact(
        governance(rule_text(ONE)),
        governance(rule_text(TWO)),
        past(touching("a"), touching("a", "b"), touching("a", "b", "c")),
    )
    assert (row(found).refused_before, row(found).refused, row(found).asked, row(found).edit) == (
        (2, 3),
        (3,),
        3,
        Edit.LOOSENED,
    )
    (flip,) = found.flips
    assert (flip.change, flip.rule, flip.before, flip.after) == (
        2,
        "F-ONE",
        ReplayAnswer.REFUSES,
        ReplayAnswer.HOLDS,
    )
    assert flip.message == "2 changed files, at most 2"


def test_without_an_old_text_the_new_one_is_replayed_alone() -> None:
    found = impact(None, governance(rule_text(ONE)), past(touching("a", "b")))
    assert (row(found).refused, row(found).refused_before, row(found).edit, found.flips) == (
        (1,),
        (),
        None,
        (),
    )


def test_what_a_record_does_not_say_is_neither_a_refusal_nor_a_pass() -> None:
    found = impact(
        governance(rule_text(ONE)), governance(rule_text(TWO)), past(ChangeFacts(), touching("a"))
    )
    assert (row(found).refused, row(found).cannot_tell, row(found).asked) == ((), 1, 2)
    assert found.flips == ()


def test_a_condition_that_the_record_cannot_answer_is_not_taken_for_a_yes_or_a_no() -> None:
    policy = governance(rule_text(ONE + '\nwhen: kind == "bug"'))
    found = impact(
        None,
        policy,
        past(touching("a", "b"), touching("a", "b", kind="bug"), touching("a", "b", kind="chore")),
    )
    assert (row(found).cannot_tell, row(found).refused, row(found).asked) == (1, (2,), 2)


def test_a_refusal_that_becomes_uncertain_is_reported() -> None:
    old, new = (
        governance(rule_text(ONE)),
        governance(rule_text("level: enforced\ncheck: {attempts: {max: 1}}")),
    )
    assert flips(old, new, touching("a", "b")) == [
        (1, ReplayAnswer.REFUSES, ReplayAnswer.CANNOT_TELL, False)
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", ONE, (ReplayAnswer.NOT_ASKED, ReplayAnswer.REFUSES, False)),
        (ONE, "", (ReplayAnswer.REFUSES, ReplayAnswer.NOT_ASKED, False)),
        (ONE, ONE + "\nstatus: off", (ReplayAnswer.REFUSES, ReplayAnswer.NOT_ASKED, False)),
        (ONE, "level: advisory", (ReplayAnswer.REFUSES, ReplayAnswer.NOT_ASKED, False)),
        (ONE, ONE + "\nstatus: shadow", (ReplayAnswer.REFUSES, ReplayAnswer.REFUSES, False)),
        (ONE + "\nstatus: shadow", ONE, (ReplayAnswer.REFUSES, ReplayAnswer.REFUSES, False)),
        (
            ONE + "\nstatus: shadow",
            TWO + "\nstatus: shadow",
            (ReplayAnswer.REFUSES, ReplayAnswer.HOLDS, True),
        ),
        (
            ONE,
            ONE + '\nwhen: kind == "chore"',
            (ReplayAnswer.REFUSES, ReplayAnswer.NOT_ASKED, False),
        ),
        (ONE, ONE + "\non_fail: reject", None),
        (ONE, ONE + "\ncases: [{given: {files: 1}, expect: pass}]", None),
        (ONE + "\napplies: merge", ONE, None),
        (ONE + "\napplies: issue", ONE, (ReplayAnswer.NOT_ASKED, ReplayAnswer.REFUSES, False)),
    ],
)
def test_each_edit_of_a_rule_flips_what_it_flips(old, new, expected) -> None:
    texts = [governance(*([rule_text(block)] if block else [])) for block in (old, new)]
    assert flips(*texts, touching("a", "b", kind="bug")) == ([(1, *expected)] if expected else [])


def test_what_code_does_not_decide_is_not_replayed_and_is_named() -> None:
    found = impact(
        None,
        governance(
            rule_text("level: advisory"), rule_text(ONE + "\napplies: issue", rule_id="F-TWO")
        ),
        past(touching("a", "b")),
    )
    assert found.not_replayed == ("F-ONE", "F-TWO")
    assert {one.rule for one in found.rules} == {"LAW-PROTECTED", "LAW-MODES", "LAW-NAMES"}


def test_the_default_answers_for_what_no_rule_speaks_of() -> None:
    asks = FRONT.replace("schema: 1", "schema: 1\ndefault: needs-human")
    rules = [
        rule_text(ONE + '\nwhen: kind == "bug"'),
        rule_text(ONE + "\napplies: merge", rule_id="F-TWO"),
    ]
    history = past(touching("a", kind="chore"), touching("a", kind="bug"), touching("a"))
    found = impact(governance(*rules), governance(*rules, front=asks), history)
    assert (
        row(found, DEFAULT).refused,
        row(found, DEFAULT).cannot_tell,
        row(found, DEFAULT).edit,
    ) == ((1,), 1, Edit.TIGHTENED)
    assert [(flip.change, flip.rule, flip.before) for flip in found.flips] == [
        (1, DEFAULT, ReplayAnswer.NOT_ASKED)
    ]
    assert (
        impact(governance(*rules, front=asks), governance(*rules), history).flips[0].after
        is ReplayAnswer.NOT_ASKED
    )


def _trust(**stated: str) -> str:
    words = {"paths": "[a, b]", "merge": "0.95", "review": "0.7", "retry": "0.4", **stated}
    return f"{{trust: {{{', '.join(f'{key}: {value}' for key, value in words.items())}}}}}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("{changed_lines: {max: 1}}", "{changed_lines: {max: 2}}", Edit.LOOSENED),
        ("{changed_lines: {max: 1, exclude: [a]}}", "{changed_lines: {max: 1}}", Edit.TIGHTENED),
        ("{changed_lines: {max: 1, exclude: [a]}}", "{changed_lines: {max: 2}}", Edit.CHANGED),
        ("{changed_lines: {max: 1}}", "{changed_lines: {max: 1, binary: ignore}}", Edit.CHANGED),
        ("{paths: {deny: [a]}}", "{paths: {deny: [a, b]}}", Edit.TIGHTENED),
        ("{paths: {deny: [a]}}", "{paths: {deny: [b]}}", Edit.CHANGED),
        ("{paths: {deny: [a]}}", "{paths: {deny: [a], allow: [b]}}", Edit.TIGHTENED),
        ("{paths: {allow: [b]}}", "{paths: {allow: [b, c]}}", Edit.LOOSENED),
        ("{paths: {allow: [b], deny: [a]}}", "{paths: {deny: [a]}}", Edit.LOOSENED),
        ("{dependencies: {}}", "{dependencies: {add: true}}", Edit.LOOSENED),
        ("{dependencies: {}}", "{dependencies: {remove: false}}", Edit.TIGHTENED),
        ("{journeys_satisfied: {min: 3}}", "{journeys_satisfied: {min: 1}}", Edit.LOOSENED),
        ("{files: {max: 1}}", "{changed_lines: {max: 1}}", Edit.CHANGED),
        (_trust(), _trust(merge="0.96"), Edit.TIGHTENED),
        (_trust(), _trust(review="0.6"), Edit.LOOSENED),
        (_trust(), _trust(retry="0.5"), Edit.TIGHTENED),
        (_trust(), _trust(paths="[a]"), Edit.LOOSENED),
        (_trust(lines="9"), _trust(lines="10"), Edit.LOOSENED),
        (_trust(files="2"), _trust(files="1"), Edit.TIGHTENED),
        (_trust(level="small"), _trust(level="full"), Edit.LOOSENED),
        (_trust(level="small"), _trust(level="shadow"), Edit.TIGHTENED),
        (_trust(), _trust(level="full"), Edit.LOOSENED),
        (_trust(), _trust(level="shadow"), Edit.TIGHTENED),
        (_trust(), _trust(level="small"), Edit.CHANGED),
        (_trust(level="small"), _trust(), Edit.CHANGED),
        (_trust(since="'2026-11-24'"), _trust(since="'2026-11-25'"), Edit.CHANGED),
        ("{trust: {paths: [a], level: full}}", _trust(paths="[a]", level="full"), Edit.TIGHTENED),
    ],
)
def test_an_edit_is_weighed_by_its_text_and_not_by_what_it_flipped(old, new, expected) -> None:
    texts = [
        governance(rule_text(f"level: enforced\ncheck: {check}")).rule("F-ONE")
        for check in (old, new)
    ]
    assert edit(*texts) is expected
    assert edit(texts[0], texts[0]) is Edit.SAME
    assert (edit(None, texts[0]), edit(texts[0], None)) == (Edit.ADDED, Edit.REMOVED)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "\nstatus: shadow", Edit.LOOSENED),
        ("\non_fail: retry", "\non_fail: reject", Edit.TIGHTENED),
        ("", "\nlocked: true", Edit.TIGHTENED),
        ("", "\nwhen: attempts > 1", Edit.LOOSENED),
        ("\nwhen: attempts > 1", "\nwhen: attempts > 2", Edit.CHANGED),
        ("\nstatus: shadow\non_fail: retry", "\non_fail: reject", Edit.TIGHTENED),
        ("\nstatus: shadow\non_fail: reject", "\non_fail: retry", Edit.CHANGED),
        ("", "\ncases: [{given: {files: 1}, expect: pass}]", Edit.SAME),
    ],
)
def test_so_is_what_stands_around_the_check(old, new, expected) -> None:
    assert (
        edit(*(governance(rule_text(ONE + words)).rule("F-ONE") for words in (old, new)))
        is expected
    )


POLICY = governance(
    rule_text(ONE + '\nwhen: kind == "bug" or attempts > 1', rule_id="F-A"),
    rule_text(TWO + "\nstatus: shadow", rule_id="F-B"),
    rule_text("level: enforced\ncheck: {paths: {deny: [x]}}", rule_id="F-C"),
    rule_text("level: enforced\napplies: merge\ncheck: {attempts: {max: 2}}", rule_id="F-D"),
)


@given(
    st.lists(st.sampled_from(["a", "b", "x", ".env"]), max_size=4, unique=True),
    st.sampled_from([UNKNOWN, "bug", "chore"]),
    st.sampled_from([UNKNOWN, 1, 2, 3]),
)
def test_a_rule_refuses_in_a_replay_what_it_refuses_at_work(paths, kind, attempts) -> None:
    facts = ChangeFacts(files=tuple(change(path) for path in paths), kind=kind, attempts=attempts)
    found = {one.rule: one for one in impact(None, POLICY, past(facts)).rules}
    asked = {
        finding.rule: finding.passed
        for applies in (Applies.PR, Applies.MERGE)
        for finding in decide(POLICY, facts, applies=applies).findings
    }
    for rule, replayed in found.items():
        when = POLICY.rule(rule).when
        certainly_asked = when is None or when.holds(facts) is True
        assert bool(replayed.refused) == (asked.get(rule) is False and certainly_asked), rule
        assert replayed.asked == (rule in asked), rule


@settings(max_examples=share(20))
@given(st.permutations(range(1, 6)))
def test_flips_come_in_the_order_of_the_history(numbers) -> None:
    history = tuple(RecordedChange(number, touching("a", "b")) for number in numbers)
    found = impact(governance(), governance(rule_text(ONE)), history)
    assert [flip.change for flip in found.flips] == list(numbers)


# The public factory: what it merged, under its own rules.


RAW = json.loads((EXAMPLE / "history.json").read_text("utf-8"))["pull_requests"]
HISTORY = read_history((EXAMPLE / "history.json").read_text("utf-8"), file="history.json")
THEIRS = governance_in(EXAMPLE)


def over(cap: int) -> tuple[int, ...]:
    """Counted from the raw numbers, by nothing of ours."""
    return tuple(
        one["pr"]
        for one in RAW
        if sum(file["added"] + file["deleted"] for file in one["files"]) > cap
    )


def capped(cap: int):
    rules = (EXAMPLE / "factory_rules.md").read_bytes().replace(b"max: 500", b"max: %d" % cap)
    return read_governance(
        {name: (EXAMPLE / name).read_bytes() for name in ("mission.md", "CLAUDE.md")}
        | {"factory_rules.md": rules}
    )


@pytest.mark.parametrize(("cap", "count"), [(500, 23), (400, 26), (600, 21)])
def test_the_cap_refuses_exactly_who_is_over_it(cap, count) -> None:
    found = row(impact(THEIRS, capped(cap), HISTORY), "F-SIZE")
    assert found.refused == over(cap)
    assert found.refused_before == over(500)
    assert len(found.refused) == count


@pytest.mark.parametrize(("cap", "numbers"), [(400, {63, 134, 180}), (600, {100, 102})])
def test_an_edit_of_the_cap_flips_exactly_those_between(cap, numbers) -> None:
    found = impact(THEIRS, capped(cap), HISTORY)
    assert {flip.change for flip in found.flips} == numbers == set(over(cap)) ^ set(over(500))


def test_twenty_one_touch_what_is_protected_and_thirty_four_break_at_least_one() -> None:
    found = impact(None, THEIRS, HISTORY)

    def protected(path):
        return (
            path == "CLAUDE.md"
            or path.startswith(("deploy/", "app/backend/auth/"))
            or "/.env" in path
            or path in ("app/backend/rate_limit.py", "app/backend/signup_rate_limit.py")
        )

    touching_it = {
        one["pr"] for one in RAW if any(protected(file["path"]) for file in one["files"])
    }
    assert set(row(found, "F-PROTECTED").refused) == touching_it
    assert (len(touching_it), len(touching_it | set(over(500)))) == (21, 34)
    assert {
        number for one in found.rules if one.status == "enforce" for number in one.refused
    } == touching_it | set(over(500))


def test_of_what_its_records_lack_nothing_is_claimed() -> None:
    found = {one.rule: one for one in impact(None, THEIRS, HISTORY).rules}
    for rule in ("F-DEPS", "LAW-MODES"):
        assert (found[rule].cannot_tell, found[rule].refused) == (91, ())


def test_the_example_is_clean_and_its_cases_hold() -> None:
    recorded = {one.number: one.facts for one in HISTORY}
    paths = [file.path for one in HISTORY for file in one.facts.files]
    known = [*paths, *(path.name.encode() for path in EXAMPLE.iterdir())]
    assert lint(THEIRS, paths=known) == ()
    results = run_cases(THEIRS, history=recorded)
    assert [result for result in results if not result.held] == []
    assert sum(case.pull_request is not None for rule in THEIRS.rules for case in rule.cases) == 5
