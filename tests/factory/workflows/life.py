"""One life of a factory with a free workflow, on the engine's and the ledger's real stores: `python
-m tests.factory.workflows.life HOME SCENE`."""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.domain.events import WorkflowRequested
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.factory.pipeline.tick import drive_free_runs
from harness.factory.records.free_runs import FreeRunIndex
from harness.store.durable.engine import Durable
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.lock import sole_factory
from tests.factory.sandboxes import CommandSandbox, ended
from tests.factory.workflows.free import FreeWorld, results, status
from tests.fakes.clock import FakeClock

DOCUMENT = """
name: slow
nodes:
  - {id: before, run: [before]}
  - {id: rest, wait: 2h, needs: [before]}
  - {id: after, run: [after], needs: [rest]}
"""
BEGAN = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)


def answer(home: Path, scene: str):
    def run(spec, folder):
        if scene == "sticks":
            (home / "stuck").touch()
            time.sleep(600)
        with (home / "ran").open("a") as file:
            file.write(f"{spec.argv[0]}\n")
        return ended()

    return run


def main(home: Path, scene: str) -> None:
    clock = FakeClock()
    clock.at = BEGAN + (timedelta(hours=3) if scene == "later" else timedelta())
    # The repository is the same in each life: the fake names commits by what is in them.
    world = FreeWorld(home / "world", sandbox=CommandSandbox(answer(home, scene)))
    world.write({"slow": DOCUMENT}, {})
    with sole_factory(home, command="a life", patience=60):
        ledger, engine = SqliteLedger(home, clock), Durable(home)
        services = replace(world.services(), ledger=ledger, clock=clock)
        engine.register(ACTION, node_action(services))
        engine.launch()
        ledger.append(WorkflowRequested("slow"), "workflow-requested/1")
        drive_free_runs(services, Dispatch(services, engine))
        if scene == "lingers":
            (home / "lingering").touch()
            time.sleep(600)
        engine.close()
    one = FreeRunIndex(ledger).all()[0]
    print(status(one), *(f"{node}:{outcome}" for node, outcome in results(one).items()))
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
