"""A small factory to be killed: `python -m tests.store.worker HOME SCENE`.

Each run is a thread with a driver, a ledger and a log of effects. A scene defines where its runs
stop. When all of them have, the file `stuck` appears, and the process that started this one kills
it.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.domain.workflow import NodeResult, Outcome, UseNode, Workflow, node_result
from harness.domain.workflow_run import Attempt, Run
from harness.store.clock import SystemClock
from harness.store.durable.engine import Durable
from harness.store.ledger.sqlite import SqliteLedger
from harness.workflow import EngineExecutor, run
from tests.events import event_of

DIAMOND = Workflow(
    "diamond",
    (
        UseNode(id="a", action="test.a"),
        UseNode(id="b", needs=("a",), action="test.b"),
        UseNode(id="c", needs=("a",), action="test.c"),
        UseNode(id="d", needs=("b", "c"), action="test.d"),
    ),
)
FAN = Workflow(
    "fan",
    (
        UseNode(id="a", action="test.a"),
        *(UseNode(id=name, needs=("a",), action="test.x") for name in "bcd"),
        UseNode(id="e", needs=("b", "c", "d"), action="test.e"),
    ),
)
MOMENTS = ("before the effect", "after the effect", "before the record", "after the record")
POINTS = {f"run{i}": point for i, point in enumerate(itertools.product("abcd", MOMENTS))}
ORDERS = {f"run{i}": order for i, order in enumerate(itertools.permutations("bcd"))}


class Scene:
    """`stop(run, node, moment)` returns at once or never."""

    def __init__(self, home: Path, *, stops: Callable[[str, str, str], bool], quorum: int) -> None:
        self.home, self.stops, self.quorum = home, stops, quorum
        self._stuck = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._count = 0

    def stop(self, run_id: str, node: str, moment: str) -> None:
        if not self.stops(run_id, node, moment):
            return
        with self._lock:
            self._count += 1
            if self._count == self.quorum:
                (self.home / "stuck").touch()
        self._stuck.acquire()


class Turns:
    """Lets the nodes of one run end in a given order, and in no other."""

    def __init__(self, orders: Mapping[str, tuple[str, ...]]) -> None:
        self._orders = orders
        self._ended: dict[str, list[str]] = {name: [] for name in orders}
        self._changed = threading.Condition()

    def wait(self, run_id: str, node: str) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._orders[run_id][len(self._ended[run_id])] == node, timeout=600
            )

    def over(self, run_id: str, node: str) -> None:
        with self._changed:
            self._ended[run_id].append(node)
            self._changed.notify_all()


def scene_of(name: str, home: Path) -> tuple[Scene, Workflow, tuple[str, ...]]:
    """Where the runs of a scene stop, what they run, and how they are called."""
    if name == "points":
        return (
            Scene(home, quorum=len(POINTS), stops=lambda *at: POINTS[at[0]] == at[1:]),
            DIAMOND,
            tuple(POINTS),
        )
    if name == "fan":
        stuck = Scene(
            home,
            quorum=3 * len(ORDERS),
            stops=lambda run, node, at: node in "bcd" and at == MOMENTS[0],
        )
        return stuck, FAN, tuple(ORDERS)
    free = Scene(home, quorum=0, stops=lambda run, node, at: False)
    return (free, FAN, tuple(ORDERS)) if name == "every-order" else (free, DIAMOND, tuple(POINTS))


def main(home: Path, scene_name: str) -> None:
    turns = Turns(ORDERS) if scene_name == "every-order" else None
    scene, workflow, names = scene_of(scene_name, home)
    engine, ledger = Durable(home), SqliteLedger(home, SystemClock())
    engine.register("act", lambda payload: act(home, scene, turns, payload))
    engine.launch()
    found: dict[str, Run] = {}

    def drive(name: str) -> None:
        known = tuple(
            Attempt(entry.data["node"], 1, node_result(entry.data["result"]))
            for entry in ledger.entries(kind="node")
            if entry.run == name
        )

        def record(attempt: Attempt) -> None:
            scene.stop(name, attempt.node, "before the record")
            ledger.append(
                event_of("node", {"node": attempt.node, "result": attempt.result.as_json()}),
                f"{name}/{attempt.node}/{attempt.number}",
                run=name,
            )
            if turns is not None and attempt.node in "bcd":
                turns.over(name, attempt.node)
            scene.stop(name, attempt.node, "after the record")

        hands = EngineExecutor(
            engine,
            name,
            lambda call: (
                "act",
                {
                    "run": name,
                    "node": call.node.id,
                    "saw": {k: v["by"] for k, v in call.inputs.items()},
                },
            ),
        )
        found[name] = run(workflow, hands, concurrency=4, finished=known, record=record)

    drivers = [threading.Thread(target=drive, args=(name,)) for name in names]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    print(
        json.dumps(
            {
                name: {
                    "status": one.status.value,
                    "results": {node: result.as_json() for node, result in one.results.items()},
                }
                for name, one in found.items()
            }
        )
    )
    engine.close()
    ledger.close()


def act(
    home: Path, scene: Scene, turns: Turns | None, payload: Mapping[str, Any]
) -> Mapping[str, Any]:
    name, node = payload["run"], payload["node"]
    scene.stop(name, node, "before the effect")
    if turns is not None and node in "bcd":
        turns.wait(name, node)
    with (home / "effects").open("a") as log:
        log.write(f"{name}/{node}\n")
    scene.stop(name, node, "after the effect")
    return NodeResult(Outcome.PRODUCED, {"by": f"{name}/{node}", "saw": payload["saw"]}).as_json()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
