"""A daemon starts workflows of the project's own by their schedule, by request, and after a wait."""

from datetime import timedelta

from harness.domain.events import WorkflowRequested
from tests.factory.workflows.own import OwnWorkflowWorld, status
from tests.operations.daemon_run import DaemonRun, with_home

NIGHTLY = """
name: nightly
on: {schedule: "30 3 * * *"}
nodes:
  - {id: look, run: [look]}
"""
PAUSE = """
name: pause
nodes:
  - {id: rest, wait: 2h}
  - {id: after, run: [after], needs: [rest]}
"""


def ran(world: OwnWorkflowWorld) -> list[str]:
    return [spec.argv[0] for spec in world.sandbox.commands]


def test_a_schedule_counts_from_when_it_was_seen_and_each_hour_starts_one_run(tmp_path) -> None:
    world = OwnWorkflowWorld.of(with_home(tmp_path), {"nightly": NIGHTLY})
    DaemonRun(world).work()
    assert ran(world) == []
    world.ledger.clock.at = world.ledger.clock.at.replace(hour=3, minute=31)
    DaemonRun(world).work()
    assert ran(world) == ["look"]
    DaemonRun(world).work()
    assert ran(world) == ["look"]
    # Nights without a daemon are one run, not one for each.
    world.ledger.clock.at += timedelta(days=3)
    DaemonRun(world).work()
    assert ran(world) == ["look", "look"]
    assert [one.started.event.cause for one in world.services().own_runs.all()] == [
        "schedule",
        "schedule",
    ]


def test_a_request_and_the_end_of_a_wait_are_reasons_to_look(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pause": PAUSE})
    DaemonRun(world).work()
    world.ledger.append(WorkflowRequested("pause"), "workflow-requested/1")
    DaemonRun(world).work()
    assert status(world.last("pause")) == "open"
    world.ledger.clock.at += timedelta(hours=2)
    DaemonRun(world).work()
    assert (status(world.last("pause")), ran(world)) == ("succeeded", ["after"])


def test_one_daemon_sees_a_request_that_another_process_wrote(tmp_path) -> None:
    world = OwnWorkflowWorld.of(tmp_path, {"pause": PAUSE})
    looks = iter(range(100))

    def ask() -> None:
        if next(looks) == 2:
            world.ledger.append(WorkflowRequested("pause"), "workflow-requested/1")

    DaemonRun(world, looks=6, check=ask).work()
    assert status(world.last("pause")) == "open"
