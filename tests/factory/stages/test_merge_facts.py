"""The step of a merge by itself: each fact as it is read from its own source, before anything was
judged as well; and a landing that fails."""

from contextlib import suppress
from dataclasses import replace
from typing import Never

import pytest

from harness.domain.errors import FactoryError, GitError
from harness.domain.issue import MOST_REVIEWS
from harness.domain.lifecycle import Event, State
from harness.domain.merge import MergeFacts, refusals
from harness.factory.run.node import Job, failed, produced
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.run.services import Services
from harness.factory.stages import merge
from tests.factory.world import KEY, World
from tests.fakes.people import FakeSandbox

BEFORE_THE_MERGE = frozenset(State) - {State.APPROVED, State.MERGING}


def job_of(services: Services, world: World, issue: int) -> Job:
    snapshot = policy_at(services, world.remote["main"])
    node = snapshot.workflows["merge"].node("gates")
    return Job(services, snapshot, issue, f"merge-{issue}-1", 1, node, {})


def facts_of(services: Services, world: World, issue: int) -> MergeFacts:
    return merge.read_facts(job_of(services, world, issue)).facts


@pytest.fixture
def approved(tmp_path):
    """A world, and its issue, which was judged and may land."""
    world = World(tmp_path)
    issue = world.file()
    world.tick(states=BEFORE_THE_MERGE)
    assert world.history(issue).state is State.APPROVED
    return world, issue


def test_everything_that_is_read_of_a_change_that_may_land(approved) -> None:
    world, issue = approved
    history = world.history(issue)
    found = facts_of(world.services(), world, issue)
    assert list(refusals(found)) == []
    # where the gates would be open by other values as well
    assert found.verdict == world.validator.verified(world.work / history.verdict.envelope)
    assert (found.issue, found.kind, found.in_sight) == (issue, "bug", ())
    assert found.trusted_key_ids == {KEY}
    assert (found.base, found.head) == (world.base, world.remote[history.proposal.branch])
    assert (found.policy, found.checks) == ((), ())


def test_before_anything_is_taken_in_nothing_is_known_and_nothing_breaks(tmp_path) -> None:
    world = World(tmp_path)
    issue = world.file()
    found = facts_of(world.services(), world, issue)
    assert (found.verdict, found.candidate, found.tree, found.kind) == (None, None, None, None)
    assert (found.in_sight, found.policy) == (None, None)
    assert (found.head, found.proposed, found.reviews_read) == ("", False, True)
    gates = merge.gates(job_of(world.services(), world, issue))
    assert (gates.outcome, gates.event) == ("blocked", Event.GATE_REFUSED)
    assert gates.message.startswith("verdict: the sealed validator has not judged this change; ")


@pytest.mark.parametrize("ours", [{KEY}, {KEY, "another"}, {"another"}, set()])
def test_a_key_is_trusted_only_where_the_home_and_the_base_both_name_it(approved, ours) -> None:
    world, issue = approved
    services = replace(world.services(), trusted_keys=frozenset(ours))
    assert facts_of(services, world, issue).trusted_key_ids == frozenset(ours & {KEY})


def test_where_nothing_encloses_an_app_the_seal_is_not_held(approved) -> None:
    world, issue = approved
    world.sandbox = FakeSandbox(form="unsealed")
    assert facts_of(world.services(), world, issue).sandbox_sealed is False


@pytest.mark.parametrize(("number", "read"), [(MOST_REVIEWS, True), (MOST_REVIEWS + 1, False)])
def test_as_many_reviews_are_read_as_may_ask_for_changes(approved, number, read) -> None:
    world, issue = approved
    proposal = world.history(issue).proposal.number
    counts = {proposal: number}
    world.decorate("forge", change_request_count=counts.__getitem__)
    assert facts_of(world.services(), world, issue).reviews_read is read


@pytest.mark.parametrize("retryable", [True, False])
def test_a_landing_that_fails_is_tried_again_or_a_persons(approved, retryable) -> None:
    world, issue = approved

    def full(*_: object, **__: object) -> Never:
        raise GitError("git push: no space left on the forge", retryable=retryable)

    world.decorate("git", land=full)
    job = job_of(world.services(), world, issue)
    assert merge.land(job) == failed(
        "git push: no space left on the forge",
        retryable=retryable,
        event=None if retryable else Event.FORGE_REFUSED,
    )


def test_a_landing_that_had_begun_goes_on_through_the_gates(approved) -> None:
    """`land` reads every fact again, unless the change is there already."""
    world, issue = approved

    def down(*_: object, **__: object) -> Never:
        raise GitError("git push: connection reset", retryable=True)

    world.decorate("git", land=down)
    with suppress(FactoryError):
        world.tick()
    assert world.history(issue).state is State.MERGING
    found = merge.gates(job_of(world.services(), world, issue))
    assert found == produced("the gates were open, and what had begun goes on")


def test_on_a_base_that_moved_nothing_is_tested_by_the_command_of_the_old_one(approved) -> None:
    """The home kept what the old command showed as what the new base's own tests do."""
    world, issue = approved
    job = job_of(world.services(), world, issue)
    settings = world.git.read(world.base, "factory.toml")
    world.push_to_main(**{"factory.toml": settings.replace(b'"pytest"', b'"pytest", "--slow"')})
    ran = len(world.sandbox.ran)
    result = merge.land(job)
    assert (result.outcome, result.event) == ("blocked", Event.REFUSED)
    assert result.message.startswith("freshness: base was ")
    assert world.sandbox.ran[ran:] == []
    world.tick()
    assert world.history(issue).state is State.MERGED
    on_base = [spec for spec in world.sandbox.ran[ran:] if spec.binds[0].source.endswith("/base")]
    assert ["--slow" in spec.argv for spec in on_base] == [True]
