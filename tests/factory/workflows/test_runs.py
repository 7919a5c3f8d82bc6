"""A workflow of the project's own runs, waits, and goes on where a killed factory left it."""

from datetime import timedelta

from harness.domain.events import WorkflowRequested
from harness.domain.lifecycle import State
from tests.factory.workflows.own import OwnWorkflowWorld, fails, prints, results, status

TWO = """
name: two
nodes:
  - {id: look, run: [look], output: {found: {type: integer}}}
  - {id: tell, run: [tell], needs: [look], when: look.found > 0, env: {FOUND: {from: look.found}}}
"""
PAUSE = """
name: pause
nodes:
  - {id: before, run: [before]}
  - {id: rest, wait: 2h, needs: [before]}
  - {id: after, run: [after], needs: [rest]}
"""


def test_a_run_that_was_asked_for_runs_its_commands_on_the_base(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"two": TWO}, commands={"look": prints(found=3)})
    run = world.ask("two")
    assert (status(run), results(run)) == ("succeeded", {"look": "produced", "tell": "produced"})
    assert [spec.argv for spec in world.sandbox.commands] == [("look",), ("tell",)]
    assert world.sandbox.commands[1].env["FOUND"] == "3"
    assert run.started.event.base == world.remote["main"]
    assert world.forge.writes == []


def test_what_does_not_apply_is_skipped_and_the_run_succeeds(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"two": TWO}, commands={"look": prints(found=0)})
    run = world.ask("two")
    assert (status(run), results(run)) == ("succeeded", {"look": "produced"})


def test_a_command_that_fails_ends_the_run_as_failed(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"two": TWO}, commands={"look": fails})
    run = world.ask("two")
    assert (status(run), results(run)) == ("failed", {"look": "failed"})
    assert run.ended is not None
    assert "it broke" in run.ended.reason


def test_a_wait_is_over_when_its_time_is_and_no_sooner_in_whichever_process(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pause": PAUSE})
    run = world.ask("pause")
    assert (status(run), results(run)) == ("open", {"before": "produced"})
    world.ledger.clock.at += timedelta(hours=1, minutes=59)
    assert status(world.again(run)) == "open"
    world.ledger.clock.at += timedelta(minutes=1)
    run = world.again(run)
    assert (status(run), results(run)["rest"]) == ("succeeded", "produced")
    assert [spec.argv[0] for spec in world.sandbox.commands] == ["before", "after"]


def test_a_run_keeps_the_base_and_the_document_that_it_began_with(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pause": PAUSE})
    run = world.ask("pause")
    world.write({"pause": PAUSE.replace("[after]", "[other]")}, {})
    world.ledger.clock.at += timedelta(hours=3)
    assert status(world.again(run)) == "succeeded"
    assert [spec.argv[0] for spec in world.sandbox.commands] == ["before", "after"]


def test_a_second_request_does_not_pile_up_on_a_run_that_waits(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pause": PAUSE})
    first = world.ask("pause")
    assert world.ask("pause").name == first.name
    (refused,) = world.ledger.entries(kind="workflow-refused")
    assert "still under way" in refused.event.why


def test_a_workflow_that_is_not_there_starts_nothing_and_says_so(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pause": PAUSE})
    world.ask("pause")
    world.ledger.clock.at += timedelta(hours=3)
    world.tick()
    world.ledger.append(WorkflowRequested("paus"), "workflow-requested/9")
    world.tick()
    (refused,) = world.ledger.entries(kind="workflow-refused")
    assert "there is no workflow `paus`" in refused.event.why


def test_issues_move_while_a_workflow_waits(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pause": PAUSE})
    run = world.ask("pause")
    issue = world.file()
    world.tick()
    assert world.history(issue).state is State.MERGED
    assert status(world.again(run)) == "open"
