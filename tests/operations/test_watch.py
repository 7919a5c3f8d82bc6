"""A daemon watches what has landed: after a landing, after a person's push, and at night."""

from datetime import timedelta

import pytest

from harness.domain.events import Answer, Cause, CommitObserved, RegressionAnswered
from harness.factory.records.regressions import broken
from harness.ports.ledger import recorded
from tests.factory.regressing import JOURNEY, regressing
from tests.operations.daemon_run import DaemonRun, with_home


def causes(world):
    return [one.event.cause for one in recorded(world.ledger, CommitObserved)]


@pytest.mark.parametrize(("kind", "answer"), [("fix", Answer.FIX), ("push", Answer.FILED)])
def test_who_broke_what_worked_is_named_and_answered(tmp_path, kind, answer) -> None:
    world = regressing(with_home(tmp_path), kind)
    DaemonRun(world, looks=6).work()
    (answered,) = recorded(world.ledger, RegressionAnswered)
    assert answered.event.answer is answer
    assert broken(world.ledger) == (), "it is mended, and the watch has seen that"


def test_a_quiet_repository_is_observed_at_night(tmp_path) -> None:
    world = regressing(with_home(tmp_path), "fix")
    world.validator.guard(JOURNEY, lambda commit: "green")
    for _ in range(3):
        DaemonRun(world).work()
        world.ledger.clock.at += timedelta(days=1)
    assert causes(world)[-2:] == [Cause.NIGHT] * 2
