"""How long the lap takes for issue 1, from accepted to merged, split by step, and where the sealed
validator's time goes; and which programs of the whole demo the processors' time goes to.

The model is replayed, so its time is not in it. Seconds by the clock depend on what else a machine
does; processor seconds hardly do.

Usage: python bench/lap.py [LAPS]     (default 3; each is a whole demo in a home of its own)
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.processors import Processors

FACTORY = Path(sys.executable).with_name("factory")
ISSUE = 1
PHASE = re.compile(r"^phase (?P<seconds>[0-9.]+) s (?P<name>.+)$", re.MULTILINE)
WITHIN = {"implement.author": "author", "validate.judge": "judge"}
LAP_SECONDS, DEMO_SECONDS = 15.0, 90.0


@dataclass(frozen=True, slots=True)
class Lap:
    """Seconds: of each node of issue 1 after its triage, of the phases within some of them, of the
    whole demo, and of the processors by kind of program."""

    nodes: Mapping[str, float]
    phases: Mapping[str, Mapping[str, float]]
    whole: float
    issues: int
    processors: Mapping[str, float]


def lap() -> Lap:
    """One demo, looked at afterwards."""
    home = Path(tempfile.mkdtemp(prefix="lap-"))
    try:
        with Processors() as spent:
            said = whole_demo(home)
        runs = [run for run in runs_of(home, ISSUE) if not run.startswith("triage")]
        nodes = {name: seconds for run in runs for name, seconds in nodes_of(home, run).items()}
        phases = {node: phases_of(home, runs, verb) for node, verb in WITHIN.items()}
        return Lap(nodes, phases, said["seconds"], len(said["issues"]), spent.seconds)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def whole_demo(home: Path, *arguments: str) -> dict[str, Any]:
    """What `factory demo` says of itself."""
    return dict(json.loads(answer("demo", "--json", "--home", str(home), *arguments)))


def runs_of(home: Path, issue: int) -> list[str]:
    """The runs about an issue, in their order."""
    chain = json.loads(answer("why", str(issue), "--json", home=home))["chain"]
    return [run for run in dict.fromkeys(step["run"] for step in chain) if run]


def entries_of(home: Path, run: str) -> list[dict[str, Any]]:
    """What the ledger has of a run, in its order."""
    return list(json.loads(answer("logs", run, "--json", home=home))["entries"])


def answer(*arguments: str, home: Path | None = None) -> str:
    """What the command line prints."""
    env = {**os.environ, "FACTORY_HOME": str(home)} if home else None
    return subprocess.run(
        [FACTORY, *arguments], check=True, capture_output=True, text=True, env=env
    ).stdout


def nodes_of(home: Path, run: str) -> dict[str, float]:
    """Seconds from one entry of a run to the next, for the entries that end a node."""
    entries = entries_of(home, run)
    last, spent = datetime.fromisoformat(entries[0]["at"]), {}
    for entry in entries:
        if entry["kind"] == "node":
            at = datetime.fromisoformat(entry["at"])
            node = entry["message"].split()[0]
            spent[f"{run.split('-')[0]}.{node}"] = (at - last).total_seconds()
            last = at
    return spent


def phases_of(home: Path, runs: Iterable[str], verb: str) -> dict[str, float]:
    """Seconds of each phase that the validator has logged for its command `verb`."""
    logs = (home / "runs" / run / f"{verb}.log" for run in runs)
    found = [match for log in logs if log.exists() for match in PHASE.finditer(log.read_text())]
    return {match["name"]: float(match["seconds"]) for match in found}


def main() -> None:
    laps = [lap() for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3)]
    totals = [sum(one.nodes.values()) for one in laps]
    total = statistics.median(totals)
    print(f"{'step':<36} {'median s':>9} {'least s':>8} {'share':>6}")
    for node in laps[0].nodes:
        row(node, [one.nodes[node] for one in laps], total)
        within = [one.phases.get(node, {}) for one in laps]
        for phase in within[0]:
            row(f"    {phase}", [one[phase] for one in within if phase in one], total)
        if within[0]:
            started = [one.nodes[node] - sum(one.phases[node].values()) for one in laps]
            row("    processes, and around it", started, total)
    row("accepted to merged", totals, total, target=LAP_SECONDS)
    row(
        f"the whole demo, {laps[0].issues} issues",
        [one.whole for one in laps],
        0,
        target=DEMO_SECONDS,
    )
    print(f"\n{'processor seconds of the demo':<36} {'median s':>9} {'least s':>8} {'share':>6}")
    whole = [sum(one.processors.values()) for one in laps]
    for kind, _ in Counter(laps[0].processors).most_common():
        row(kind, [one.processors.get(kind, 0.0) for one in laps], statistics.median(whole))
    row("in all", whole, 0)


def row(name: str, seconds: list[float], total: float, *, target: float = 0) -> None:
    middle = statistics.median(seconds)
    share = f"{middle / total:>6.0%}" if total else " " * 6
    told = f"   target {target:g} s: {'met' if middle <= target else 'MISSED'}" if target else ""
    print(f"{name:<36} {middle:>9.2f} {min(seconds):>8.2f} {share}{told}".rstrip())


if __name__ == "__main__":
    main()
