"""How long the engine takes for nodes that do nothing: chained and parallel, each one durable.

    python bench/engine.py [--json]

`nodes` is from the first start to the last checkpoint, the driver's own work and its reading of
results included. `launch` and `close` are the engine's; `process` is everything, from the
interpreter's start to its end. `floor` is DBOS alone: a process that loads it, launches it on an
empty store and ends. No node of ours can take less. `apart` is how late a chain of three ended
beside a node that took a second: a ready node waits for no other."""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHAPES = tuple((shape, count) for shape in ("chained", "parallel") for count in (1, 20, 200))
TARGETS = {("chained", 1): 0.45, ("chained", 200): 1.2}
"""Seconds of the whole process."""
RUNS = 5  # of each, in turns; the one in the middle is told
FLOOR = """import sys; from dbos import DBOS
DBOS(config={"name": "floor", "system_database_url": f"sqlite:///{sys.argv[1]}/floor.db", "log_level": "CRITICAL",
             "notification_listener_polling_interval_sec": 0.05})
DBOS.launch()
DBOS.destroy()"""


def measured(shape: str, count: int) -> dict[str, Any]:
    """One shape in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        command = [sys.executable, __file__, "--one", shape, str(count), home]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return {**json.loads(done.stdout), "process": time.perf_counter() - began}


def floor() -> float:
    """Seconds that DBOS takes for nothing."""
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", FLOOR, home], timeout=120, check=True)
        return time.perf_counter() - began


def one(shape: str, count: int, home: Path) -> dict[str, Any]:
    from harness.domain.workflow import NodeResult, Outcome, UseNode, Workflow
    from harness.domain.workflow_run import RunStatus
    from harness.store.durable.engine import Durable
    from harness.workflow import EngineExecutor, run

    def act(payload: Mapping[str, Any]) -> Mapping[str, Any]:
        time.sleep(payload["seconds"])
        return NodeResult(Outcome.PRODUCED, {"node": payload["node"]}).as_json()

    def workflow() -> Workflow:
        if shape == "apart":
            chain = (("slow", ()), ("a", ()), ("b", ("a",)), ("c", ("b",)))
        else:
            chain = tuple(
                (f"n{i}", (f"n{i - 1}",) if i and shape == "chained" else ()) for i in range(count)
            )
        return Workflow(
            "bench",
            tuple(UseNode(id=name, needs=needs, action="bench.act") for name, needs in chain),
        )

    engine = Durable(home)
    engine.register("act", act)
    began = time.perf_counter()
    engine.launch()
    launched = time.perf_counter()
    ended: dict[str, float] = {}
    hands = EngineExecutor(
        engine,
        "bench",
        lambda call: ("act", {"node": call.node.id, "seconds": float(call.node.id == "slow")}),
    )
    found = run(
        workflow(),
        hands,
        concurrency=16,
        record=lambda attempt: ended.setdefault(attempt.node, time.perf_counter() - launched),
    )
    finished = time.perf_counter()
    engine.close()
    assert found.status is RunStatus.SUCCEEDED
    assert all(result.output == {"node": name} for name, result in found.results.items())
    return {
        "shape": shape,
        "count": count,
        "launch": launched - began,
        "nodes": finished - launched,
        "close": time.perf_counter() - finished,
        "chain": ended.get("c"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--one", nargs=3, metavar=("SHAPE", "COUNT", "HOME"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.one:
        shape, count, home = options.one
        print(json.dumps(one(shape, int(count), Path(home))))
        return 0
    turns = [([measured(shape, count) for shape, count in SHAPES], floor()) for _ in range(RUNS)]
    rows = [
        sorted(runs, key=lambda run: run["process"])[RUNS // 2]
        for runs in zip(*(rows for rows, _ in turns), strict=True)
    ]
    apart, least = measured("apart", 4)["chain"], statistics.median(floor for _, floor in turns)
    found = {(row["shape"], row["count"]): row["process"] for row in rows}
    met = all(found[work] <= target for work, target in TARGETS.items())
    if options.json:
        print(json.dumps({"ok": met, "rows": rows, "apart_seconds": apart, "floor_seconds": least}))
        return 0 if met else 1
    print(f"{'':>14}  {'nodes':>8}  {'per node':>9}  {'launch':>8}  {'close':>8}  {'process':>8}")
    for row in rows:
        each = row["nodes"] / row["count"] * 1000
        print(
            f"{row['count']:>4} {row['shape']:<9}  {row['nodes']:>7.3f}s  {each:>7.2f}ms "
            f" {row['launch']:>7.3f}s  {row['close']:>7.3f}s  {row['process']:>7.3f}s"
        )
    print(
        "apart: three chained nodes beside one that takes a second ended after"
        f" {apart * 1000:.0f} ms"
    )
    print(f"floor: DBOS alone, loaded and launched on an empty store: {least:.3f} s")
    for (shape, count), target in TARGETS.items():
        process = found[shape, count]
        print(
            f"target: {count} {shape}, whole process, {process:.3f} of {target} s:"
            f" {'met' if process <= target else 'MISSED'}"
        )
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
