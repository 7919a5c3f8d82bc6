"""Kill the driver at every point of a small run, take it up again in every order, and look for the
difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from harness.domain.workflow import NodeResult, Outcome, RetryPolicy, Workflow
from harness.domain.workflow_run import Attempt, Run, RunStatus
from harness.workflow import NodeCall, run
from tests.workflow.doubles import nodes, produced


class Killed(BaseException):
    pass


@dataclass
class Choices:
    """A path through a tree of choices: follows `prefix`, then always the first; remembers how wide
    each fork was."""

    prefix: tuple[int, ...]
    widths: list[int] = field(default_factory=list)

    def among(self, width: int) -> int:
        place = len(self.widths)
        self.widths.append(width)
        return self.prefix[place] if place < len(self.prefix) else 0

    def next_prefix(self) -> tuple[int, ...] | None:
        taken = [
            self.prefix[place] if place < len(self.prefix) else 0
            for place in range(len(self.widths))
        ]
        while taken and taken[-1] + 1 == self.widths[len(taken) - 1]:
            taken.pop()
        return (*taken[:-1], taken[-1] + 1) if taken else None


def every_path() -> Iterator[Choices]:
    prefix: tuple[int, ...] | None = ()
    while prefix is not None:
        choices = Choices(prefix)
        yield choices
        prefix = choices.next_prefix()


@dataclass
class World:
    """What outlives the driver: the work under its keys, each with one result once it ended, and
    the ledger."""

    choices: Choices
    kills_left: int = 1
    results: dict[str, NodeResult] = field(default_factory=dict)
    ledger: list[Attempt] = field(default_factory=list)

    def maybe_die(self) -> None:
        if self.kills_left and self.choices.among(2):
            self.kills_left -= 1
            raise Killed

    def start(self, call: NodeCall) -> None:
        self.maybe_die()
        assert (call.node.id, call.attempt) not in {
            (done.node, done.number) for done in self.ledger
        }
        if call.key not in self.results:
            inputs = {name: output["by"] for name, output in call.inputs.items()}
            first_fails = call.node.retry.attempts > call.attempt
            self.results[call.key] = (
                NodeResult(Outcome.FAILED, {"by": call.key})
                if first_fails
                else produced(by=call.key, saw=inputs)
            )

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, NodeResult] | None:
        if not keys:
            return None
        self.maybe_die()
        key = sorted(keys)[self.choices.among(len(keys))]
        return key, self.results[key]

    def cancel(self, key: str) -> None:
        raise AssertionError("nothing here is ever given up")

    def record(self, attempt: Attempt) -> None:
        self.maybe_die()
        self.ledger.append(attempt)
        self.maybe_die()


def driven_to_the_end(workflow: Workflow, world: World) -> Run:
    while True:
        try:
            return run(
                workflow, world, concurrency=8, finished=tuple(world.ledger), record=world.record
            )
        except Killed:
            continue


def done_keys(attempts: Iterable[Attempt]) -> list[tuple[str, int]]:
    return [(attempt.node, attempt.number) for attempt in attempts]


DIAMOND = nodes("a", "b < a", "c < a", "d < b c")
FORK = nodes("a", "b", "c", "d < a b c")
RETRIED = nodes("a", "b", "c < a b", retry={"a": RetryPolicy(2)})


@pytest.mark.parametrize(
    ("workflow", "kills", "at_least"), [(DIAMOND, 2, 200), (FORK, 3, 5000), (RETRIED, 2, 200)]
)
def test_killed_anywhere_and_taken_up_in_any_order_a_run_ends_the_same(
    workflow, kills, at_least
) -> None:
    expected = driven_to_the_end(workflow, World(Choices(()), kills_left=0)).results
    paths = 0
    for choices in every_path():
        world = World(choices, kills_left=kills)
        found = driven_to_the_end(workflow, world)
        assert found.status is RunStatus.SUCCEEDED
        assert found.results == expected, choices.prefix
        assert sorted(done_keys(world.ledger)) == sorted(set(done_keys(found.attempts))), (
            choices.prefix
        )
        paths += 1
    assert paths >= at_least, paths


def test_every_path_really_walks_every_path() -> None:
    seen = [(choices.among(2), choices.among(3)) for choices in every_path()]
    assert sorted(seen) == [(a, b) for a in range(2) for b in range(3)]
