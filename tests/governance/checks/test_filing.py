"""The pace of issues: of one account, and of all together."""

import pytest

from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.governance.checks.conduct import AuthorRate
from harness.governance.checks.filing import IssueRate

DAY = 86_400


@pytest.mark.parametrize(
    ("ages", "passes"),
    [
        ((), True),
        ((5,), True),
        ((5, 9), False),
        ((5, DAY), True),
        ((DAY, DAY), True),
        ((DAY - 1, DAY - 1), False),
        ((0, 0), False),
    ],
)
@pytest.mark.parametrize(
    ("check", "fact"), [(AuthorRate, "author_ages"), (IssueRate, "issue_ages")]
)
def test_this_one_and_those_within_the_window_are_counted(check, fact, ages, passes) -> None:
    assert check(max=2, per="day").answer(ChangeFacts(**{fact: ages})).passed is passes


@pytest.mark.parametrize(("per", "passes"), [("hour", True), ("day", False), ("week", False)])
def test_the_window_is_the_one_that_is_named(per, passes) -> None:
    assert IssueRate(max=1, per=per).answer(ChangeFacts(issue_ages=(7_200,))).passed is passes


@pytest.mark.parametrize(
    ("check", "facts"),
    [(IssueRate, ChangeFacts(author_ages=())), (AuthorRate, ChangeFacts(issue_ages=()))],
)
def test_a_pace_that_nobody_knows_is_unknown(check, facts) -> None:
    answer = check(max=2).answer(facts)
    assert answer.passed is UNKNOWN
    assert answer.message
