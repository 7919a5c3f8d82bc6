"""What an issue may cost, estimated when it is accepted."""

from decimal import Decimal

import pytest

from harness.factory.records.estimate import Estimate, estimate, length_of
from harness.factory.records.history import History
from harness.factory.reporting.comments.issue import issue_comment
from harness.factory.reporting.report import chain_of_issue
from tests.factory.lives import Life


def ended(
    issue, *costs, kind="bug", body="b", event="law-refused", after="needs-human", begun=True
):
    """An issue that was triaged, worked on, and is over."""
    life = Life(issue)
    run = life.begin("triage")
    life.add("triage", f"{run}/triage", run=run, kind=kind, title="t", body=body)
    life.move("triage-accepted", "untriaged", "accepted", run=run)
    if begun:
        life.move(event, "implementing", after, run=life.begin("implement"))
    for number, cost in enumerate(costs):
        life.add(
            "usage",
            f"usage/{issue}/{number}",
            calls=1,
            input_tokens=1,
            output_tokens=1,
            cost_usd=cost,
        )
    return History(issue, life.ledger.entries(issue=issue))


SHORT_BUG, LONG_BUG = ended(1, "0.10", "0.20"), ended(2, "0.90", body="x" * 2000)
CHORE = ended(3, "0.05", kind="chore")


@pytest.mark.parametrize(
    ("others", "cases", "like", "low", "middle", "high"),
    [
        ([SHORT_BUG, LONG_BUG, CHORE], 1, "bug, short text", "0.30", "0.30", "0.30"),
        (
            [SHORT_BUG, ended(4, "0.40"), ended(5, "0.70"), CHORE],
            3,
            "bug, short text",
            "0.30",
            "0.40",
            "0.70",
        ),
        ([LONG_BUG, CHORE], 1, "bug, of any length", "0.90", "0.90", "0.90"),
        ([CHORE], 1, "of any kind", "0.05", "0.05", "0.05"),
    ],
)
def test_the_nearest_that_there_are_stand_behind_it(others, cases, like, low, middle, high) -> None:
    assert estimate("bug", "short", others) == Estimate(
        cases, like, Decimal(low), Decimal(middle), Decimal(high)
    )


def turned_away():
    """A triage cost something, and nobody worked on it."""
    life = Life(8).triaged("triage-rejected", "rejected")
    life.add("usage", "usage/8/1", calls=1, input_tokens=1, output_tokens=1, cost_usd="0.01")
    return History(8, life.ledger.entries(issue=8))


@pytest.mark.parametrize(
    "others",
    [
        [],
        [ended(6, "3", begun=False)],
        [ended(7, "3", event="run-failed", after="accepted")],
        [turned_away()],
    ],
)
def test_without_an_issue_that_ended_there_is_no_history_and_no_number(others) -> None:
    """One that is under way, or that nobody worked on, tells nothing."""
    found = estimate("bug", "short", others)
    assert found.cases == 0
    assert found.sentence.startswith("no history: ")
    assert "$" not in found.sentence


def test_it_names_the_number_of_its_cases() -> None:
    assert estimate("bug", "short", [SHORT_BUG, ended(4, "0.40")]).sentence == (
        "$0.3000 to $0.4000, $0.3000 in the middle, by 2 issues that ended before (bug, short text)"
    )


@pytest.mark.parametrize(
    ("characters", "length"),
    [
        (0, "short"),
        (399, "short"),
        (400, "middling"),
        (1499, "middling"),
        (1500, "long"),
        (100_000, "long"),
    ],
)
def test_a_length_is_that_of_title_and_text_together(characters, length) -> None:
    assert length_of("x" * (characters // 2), "x" * (characters - characters // 2)) == length


def test_an_accepted_issue_gets_an_estimate_from_similar_ones(world) -> None:
    first = world.file()
    world.tick()
    second = world.file("Another thing", "The places are gone. Again!")
    world.tick()
    assert world.history(first).estimate.startswith("no history: ")
    cost = world.history(first).usage.cost_usd
    sentence = (
        f"${cost:.4f} to ${cost:.4f}, ${cost:.4f} in the middle, by 1 issue that ended before (bug,"
        " short text)"
    )
    assert world.history(second).estimate == sentence
    assert f"Estimated when it was accepted: {sentence}." in issue_comment(
        world.history(second), str
    )
    links = [link for link in chain_of_issue(world.ledger, second).links if link.fact == sentence]
    assert [(link.stage, link.outcome) for link in links] == [("triage", "done")]


def test_one_that_is_turned_away_has_no_estimate(world) -> None:
    issue = world.file("Pay by card", "Please add card payments.")
    world.tick()
    assert world.history(issue).estimate == ""
    assert "Estimated" not in issue_comment(world.history(issue), str)
    assert not world.ledger.entries(kind="estimate")
