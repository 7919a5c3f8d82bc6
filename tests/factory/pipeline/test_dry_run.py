"""The dry run: what it finds, what it costs, and that it changes nothing."""

from decimal import Decimal

import pytest

from harness.domain.issue import Issue
from harness.domain.lifecycle import State
from harness.factory.pipeline.dry_run import dry_run
from harness.factory.pipeline.gaps import gaps_in
from harness.factory.pipeline.tick import current_policy
from harness.operations.dry_run import STRANGER, dry_run_services
from tests.factory.world import ACCEPT, REFUSE, World
from tests.fakes.people import FakeBroker, FakeModel

STEP = {
    "does": "counts what is cancelled",
    "touches": ["tidebook/store.py"],
    "done_when": "a test shows it",
}
PLAN = {"approach": "Count anew.", "reads": ["tidebook/store.py"], "steps": [STEP], "gaps": []}
GAP = {
    "quote": "The places are gone",
    "asks": "For which walk?",
    "matters": "One query or all of them.",
    "who": "code",
}
ASKED_TO_PLAN, ASKED_FOR_GAPS = "Plan the change", "would they have to guess"


def answers(*, triage=ACCEPT, plan=PLAN, gaps=()):
    return FakeModel({ASKED_FOR_GAPS: {"gaps": list(gaps)}, ASKED_TO_PLAN: plan, "": triage})


def thinking(world, issue=None, **more):
    """A dry run for an issue of the world's."""
    services = world.services()
    number = world.file() if issue is None else issue
    shown = services.forge.issue(number) if isinstance(number, int) else number
    with dry_run_services(services, shown) as (over, _):
        return dry_run(over, current_policy(services), shown, run=f"plan-{shown.number}-1", **more)


def test_a_clear_issue_is_planned_and_nothing_is_written(tmp_path) -> None:
    world = World(tmp_path, model=answers())
    found = thinking(world)
    assert (found.event, found.cites, found.files) == (
        "triage-accepted",
        ("M-BOOK",),
        ("tidebook/store.py",),
    )
    assert found.is_clear
    assert found.spent == Decimal("0.03")
    assert (world.ledger.written, world.forge.writes, world.agent.assignments) == ([], [], [])
    assert "no history" in found.cost.sentence
    assert found.minutes is None


def test_what_the_mission_leaves_out_is_reported_and_nobody_plans_it(tmp_path) -> None:
    world = World(tmp_path, model=answers(triage=REFUSE))
    found = thinking(
        world, world.forge.file_issue("Pay", "Please add card payments.", author="kim").number
    )
    assert (found.event, found.cites, found.plan, found.is_clear) == (
        "triage-rejected",
        ("M-NOPAY",),
        None,
        False,
    )
    assert len(world.model.asked) == 1


def test_what_triage_would_ask_back_is_reported(tmp_path) -> None:
    asks = {**ACCEPT, "verdict": "needs-info", "ask": "Which walk was it?"}
    found = thinking(World(tmp_path, model=answers(triage=asks)))
    assert (found.event, found.asks, found.is_clear) == (
        "triage-needs-info",
        "Which walk was it?",
        False,
    )


def test_a_gap_is_named_before_anybody_is_paid_to_build(tmp_path) -> None:
    found = thinking(World(tmp_path, model=answers(gaps=[GAP, {**GAP, "quote": ""}])))
    assert [(gap.quote, gap.asks) for gap in found.gaps] == [
        ("The places are gone", "For which walk?"),
        ("", "For which walk?"),
    ]
    assert not found.is_clear


def test_a_gap_whose_words_are_not_in_the_issue_is_dropped_by_name() -> None:
    kept, dropped = gaps_in(
        {"gaps": [GAP, {**GAP, "quote": "card payments"}]}, text="The places are gone."
    )
    assert len(kept) == 1
    assert dropped == ("a gap quotes 'card payments', which is not in the issue",)


def test_a_file_that_the_rules_never_let_a_change_touch_is_reported(tmp_path) -> None:
    elsewhere = {**PLAN, "steps": [{**STEP, "touches": ["requirements.txt"]}]}
    found = thinking(World(tmp_path, model=answers(plan=elsewhere)))
    assert any(refusal.startswith("F-PATHS: ") for refusal in found.refusals)
    assert not found.is_clear


def test_what_is_not_known_of_a_change_yet_is_no_refusal(tmp_path) -> None:
    assert thinking(World(tmp_path, model=answers())).refusals == ()


def test_it_ends_at_its_cap_and_reports_that(tmp_path) -> None:
    world = World(tmp_path, model=answers())
    found = thinking(world, cap=Decimal("0.015"))
    assert [request.usd for request in world.broker.opened] == [Decimal("0.015"), Decimal("0.005")]
    assert "may spend $0.015, and has spent $0.0200" in found.cut
    assert not found.is_clear


def test_a_budget_that_the_broker_refuses_is_no_error(tmp_path) -> None:
    found = thinking(World(tmp_path, model=answers(), broker=FakeBroker(exhausted=True)))
    assert "cap" in found.reason or "cap" in found.cut
    assert not found.is_clear


def test_an_issue_that_nobody_filed_gets_a_dry_run_too(tmp_path) -> None:
    world = World(tmp_path, model=answers())
    found = thinking(world, Issue(9, "Places", "The places are gone.", STRANGER, open=True))
    assert (found.event, found.title) == ("triage-accepted", "Places")


def test_the_cost_and_the_time_are_those_of_issues_that_ended(tmp_path) -> None:
    world = World(tmp_path)
    first = world.file()
    world.tick()
    assert world.history(first).state is State.MERGED
    written = len(world.ledger.written)
    world.model = answers()
    found = thinking(world, world.file("Notes get lost", "The places are gone, and so is my note."))
    assert found.cost.cases == 1
    assert found.minutes is not None
    assert len(world.ledger.written) == written


def test_whoever_reaches_for_the_forge_in_a_dry_run_is_at_fault(tmp_path) -> None:
    world = World(tmp_path)
    with (
        dry_run_services(world.services(), world.forge.issue(world.file())) as (over, _),
        pytest.raises(AssertionError, match="close_issue"),
    ):
        over.writer.close_issue(1, completed=True)
