"""A rule's own examples are run by code, and an example that does not hold is reported with its
line."""

import pytest

from harness.domain.facts import ChangeFacts
from harness.domain.governance import Expect
from harness.governance import run_cases
from tests.governance.policy_texts import governance, rule_text, touching


def cases(block: str, *given: str, **known):
    text = block + "\ncases:\n" + "\n".join(f"  - {case}" for case in given)
    return run_cases(governance(rule_text(text)), **known)


def test_a_case_that_does_not_hold_is_reported_with_its_line_and_what_came() -> None:
    held, broken = cases(
        "level: enforced\ncheck: {files: {max: 1}}",
        "{given: {files: 1}, expect: pass}",
        "{given: {files: 2}, expect: pass}",
    )
    assert held.held
    assert not broken.held
    assert (broken.rule, broken.got, broken.source.line) == ("F-ONE", Expect.FAIL, 12)
    assert "2 changed files" in broken.message


@pytest.mark.parametrize(
    ("check", "given", "expected"),
    [
        ("{changed_lines: {max: 2}}", "{changed_lines: 3}", Expect.FAIL),
        (
            "{changed_lines: {max: 2, exclude: [a.lock]}}",
            "{files: [a.lock], changed_lines: 3}",
            Expect.PASS,
        ),
        ("{changed_lines: {max: 2}}", "{binary: [a.png]}", Expect.UNKNOWN),
        ("{changed_lines: {max: 2}}", "{}", Expect.UNKNOWN),
        ("{files: {max: 2}}", "{files: 0}", Expect.PASS),
        ("{files: {max: 2}}", "{files: [a, b], deleted: [c]}", Expect.FAIL),
        ("{file_bytes: {max: 2}}", "{file_bytes: 3}", Expect.FAIL),
        ("{file_modes: {}}", '{modes: {a: "160000"}}', Expect.FAIL),
        ("{path_names: {}}", '{files: ["a."]}', Expect.FAIL),
        ("{path_names: {}}", '{deleted: ["a."]}', Expect.PASS),
        ("{dependencies: {}}", "{dependencies: {flask: swapped}}", Expect.FAIL),
        ("{dependencies: {add: true}}", "{dependencies: {flask: git}}", Expect.FAIL),
        ("{dependencies: {add: true}}", "{dependencies: {flask: added}}", Expect.PASS),
        ("{secrets: {}}", "{secrets: [a]}", Expect.FAIL),
        ("{tests_kept: {}}", "{tests: {base: [a], candidate: [a], skipped: [a]}}", Expect.FAIL),
        ("{tests_red_on_base: {}}", "{tests: {added: {a: failed, b: passed}}}", Expect.FAIL),
        ("{tests_red_on_base: {}}", "{tests: {added: {a: failed}}}", Expect.PASS),
        ("{tests_red_on_base: {min: 1}}", "{tests: {added: {}}}", Expect.FAIL),
        ("{tests_red_on_base: {}}", "{tests: {candidate: [a]}}", Expect.UNKNOWN),
        ("{labels: {require: [a]}}", "{labels: [A]}", Expect.PASS),
        ("{author_rate: {max: 1}}", "{author_ages: [5]}", Expect.FAIL),
        ("{attempts: {max: 1}}", "{attempts: 1}", Expect.PASS),
        ("{spend_usd: {max: 1.5}}", "{spend_usd: 1.51}", Expect.FAIL),
        ("{checks_green: {}}", "{checks: {ci: neutral}}", Expect.FAIL),
        (
            "{journeys_satisfied: {}}",
            "{journeys: {sealed: 1, executed: 1, passed: 1}}",
            Expect.PASS,
        ),
    ],
)
def test_facts_are_given_in_shorthand(check, given, expected) -> None:
    (result,) = cases(f"level: enforced\ncheck: {check}", f"{{given: {given}, expect: {expected}}}")
    assert result.held, result


def test_a_case_outside_its_condition_passes() -> None:
    block = 'level: enforced\nwhen: kind == "bug"\ncheck: {files: {max: 1}}'
    results = cases(
        block,
        "{given: {files: 2, kind: chore}, expect: pass}",
        "{given: {files: 2, kind: bug}, expect: fail}",
        "{given: {files: 2}, expect: fail}",
    )
    assert all(result.held for result in results)


def test_a_recorded_pull_request_is_asked_from_history() -> None:
    block = "level: enforced\ncheck: {files: {max: 1}}"
    (result,) = cases(block, "{pr: 12, expect: fail}", history={12: touching("a", "b")})
    assert result.held
    (result,) = cases(block, "{pr: 12, expect: fail}", history={13: ChangeFacts()})
    assert (result.held, result.got, result.message) == (
        False,
        Expect.UNKNOWN,
        "pull request #12 is not in the recorded history",
    )
