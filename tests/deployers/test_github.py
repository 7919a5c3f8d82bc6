"""Deployments on the forge: whose word counts, and how a workflow is awaited."""

from pathlib import Path

import pytest

from harness.domain.errors import DeployError
from harness.domain.facts import UNKNOWN
from tests.deployers.worlds import APP_LOGIN, FIRST, SECOND, Deployments, github_world


def test_a_status_of_another_app_is_nothing(tmp_path: Path) -> None:
    forged = Deployments(by="helpful-app[bot]")
    with github_world(
        tmp_path, forged, wait=lambda _: None, clock=iter(range(0, 1000, 100)).__next__
    ) as world:
        with pytest.raises(DeployError, match="reported nothing") as waiting:
            world.deployer.switch(world.order(FIRST))
        assert waiting.value.retryable
        assert world.deployer.running(world.place) is UNKNOWN
        # Nor does it undo what the named app says.
        forged.report(1, "success", by=APP_LOGIN)
        forged.report(1, "failure", by="helpful-app[bot]")
        assert world.commit() == FIRST


def test_a_workflow_is_awaited_over_calls_by_one_deployment(tmp_path: Path) -> None:
    slow = Deployments(ends="in_progress")
    with github_world(tmp_path, slow, wait=lambda _: slow.report(1, "success", by=APP_LOGIN)) as on:
        on.deployer.switch(on.order(FIRST))
    with github_world(tmp_path, slow) as on:
        on.deployer.switch(on.order(FIRST))
        assert on.count() == 1
        # Another decision for the same commit is another deployment.
        slow.ends = "success"
        on.deployer.switch(on.order(FIRST, key="again"))
        assert on.count() == 2


def test_where_the_answer_to_a_new_deployment_is_lost_the_next_call_finds_it(
    tmp_path: Path,
) -> None:
    """Killed, or cut off, between the act and its answer."""
    lost = Deployments(loses=1)
    with github_world(tmp_path, lost) as on:
        with pytest.raises(DeployError) as failed:
            on.deployer.switch(on.order(FIRST))
        assert failed.value.retryable
        on.deployer.switch(on.order(FIRST))
        assert (on.count(), on.commit()) == (1, FIRST)


def test_a_deployment_that_bears_the_orders_key_for_another_commit_is_not_ours(
    tmp_path: Path,
) -> None:
    """Whoever may write can create one, with any payload."""
    forged = Deployments()
    with github_world(tmp_path, forged) as on:
        order = on.order(FIRST)
        payload = {"factory_order": order.key}
        forged.create({"ref": SECOND, "environment": on.place.name, "payload": payload})
        on.deployer.switch(order)
        assert (on.count(), on.commit()) == (2, FIRST)


def test_a_failure_is_final_and_the_one_before_it_is_what_runs(tmp_path: Path) -> None:
    world = Deployments()
    with github_world(tmp_path, world) as on:
        on.deployer.switch(on.order(FIRST))
        world.ends = "failure"
        with pytest.raises(DeployError, match="ended with failure") as failed:
            on.deployer.switch(on.order(SECOND))
        assert failed.value.retryable is False
        assert on.commit() == FIRST
        assert world.made[0]["payload"]["factory_order"] == f"staging/{FIRST}"


def test_a_forge_that_is_away_tells_nothing(tmp_path: Path) -> None:
    with github_world(tmp_path) as on:
        deployer, place, asked = on.deployer, on.place, on.order(FIRST)
    assert deployer.running(place) is UNKNOWN
    with pytest.raises(DeployError) as failed:
        deployer.switch(asked)
    assert failed.value.retryable
