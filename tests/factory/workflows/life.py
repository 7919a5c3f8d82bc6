"""One life of a factory with workflows of its own, on the engine's and the ledger's real stores: `python
-m tests.factory.workflows.life HOME WORKFLOW SCENE [API REPOSITORY TOKEN]`. With the last three,
people are asked on a real forge."""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.domain.events import WorkflowRequested
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.factory.pipeline.tick import drive_own_runs
from harness.factory.records.own_runs import OwnRunIndex
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.store.durable.engine import Durable
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.lock import sole_factory
from tests.factory.sandboxes import CommandSandbox, ended
from tests.factory.workflows.own import OwnWorkflowWorld, prints, results, status
from tests.fakes.clock import FakeClock

DOCUMENTS = {
    "slow": """
name: slow
nodes:
  - {id: before, run: [before]}
  - {id: rest, wait: 2h, needs: [before]}
  - {id: after, run: [after], needs: [rest]}
""",
    "train": """
name: train
nodes:
  - {id: list, run: [list], output: {items: {type: array}}}
  - {id: all, each: list.items, do: part, limit: 3, needs: [list]}
  - {id: ask, approve: write, shows: Shall it leave, expires: 48h, needs: [all]}
  - {id: after, run: [after], needs: [ask]}
""",
    "part": """
name: part
input: {item: {type: string}}
nodes:
  - {id: work, run: [work], env: {ITEM: {from: input.item}}}
""",
}
LAST_ITEM = "c"
BEGAN = datetime(2030, 5, 4, 2, 17, tzinfo=UTC)


def answer(home: Path, scene: str):
    """What commands do: the first, or the one for the last item, sticks where the scene says so."""

    def run(spec, folder):
        name, item = spec.argv[0], spec.env.get("ITEM", "")
        if scene == "sticks" and (name == "before" or item == LAST_ITEM):
            (home / "stuck").touch()
            time.sleep(600)
        with (home / "ran").open("a") as file:
            file.write(f"{name}{item}\n")
        return prints(items=["a", "b", LAST_ITEM])(spec, folder) if name == "list" else ended()

    return run


def main(home: Path, workflow: str, scene: str, *forge: str) -> None:
    clock = FakeClock()
    clock.at = BEGAN + (timedelta(hours=3) if scene == "later" else timedelta())
    # The repository is the same in each life: the fake names commits by what is in them.
    world = OwnWorkflowWorld(home / "world", sandbox=CommandSandbox(answer(home, scene)))
    world.write(DOCUMENTS, {})
    with sole_factory(home, command="a life", patience=60):
        ledger, engine = SqliteLedger(home, clock), Durable(home)
        services = replace(world.services(), ledger=ledger, clock=clock)
        if forge:
            api, repository, token = forge
            real = GitHubForge(Access(repository, token, api))
            services = replace(services, forge=real, writer=real)
        engine.register(ACTION, node_action(services))
        engine.launch()
        ledger.append(WorkflowRequested(workflow), "workflow-requested/1")
        drive_own_runs(services, Dispatch(services, engine))
        if scene == "lingers":
            (home / "lingering").touch()
            time.sleep(600)
        engine.close()
    runs = OwnRunIndex(ledger).all()
    print(status(runs[0]), *(f"{node}:{outcome}" for node, outcome in results(runs[0]).items()))
    print(len(runs), *(len(ledger.entries(kind=kind)) for kind in ("node", "approval-asked")))
    ledger.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
