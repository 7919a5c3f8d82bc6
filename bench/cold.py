"""How long the commands take that people type all day, from a cold start. A table; ratios within one run count.

Usage: python bench/cold.py [HOME]     (a home that `factory demo --home HOME` made; without one it makes its own)
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FACTORY = Path(sys.executable).with_name("factory")
RUNS = 9


def timed(argv: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Median seconds of a command, and the peak memory in MB of its largest run."""
    seconds, peak = [], 0.0
    for _ in range(RUNS):
        began = time.perf_counter()
        process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - began)
        peak = max(peak, usage.ru_maxrss / 1024)
    return statistics.median(seconds), peak


def a_home() -> str:
    """A home with one demo's worth of ledger."""
    home = tempfile.mkdtemp(prefix="cold-")
    subprocess.run([FACTORY, "demo", "--json", "--home", home], check=True, stdout=subprocess.DEVNULL)
    return home


def main() -> None:
    home = sys.argv[1] if len(sys.argv) > 1 else a_home()
    env = {**os.environ, "FACTORY_HOME": home}
    rows = [("python -c pass", [sys.executable, "-c", "pass"], None),
            ("factory --help", [str(FACTORY), "--help"], 0.15),
            ("factory status", [str(FACTORY), "status"], 0.5),
            ("factory why 2", [str(FACTORY), "why", "2"], None),
            ("factory audit", [str(FACTORY), "audit"], None)]
    print(f"{'command':<18} {'median s':>9} {'x python':>9} {'peak MB':>8} {'aim s':>6}")
    bare = 0.0
    for name, argv, aim in rows:
        seconds, peak = timed(argv, env)
        bare = bare or seconds
        print(f"{name:<18} {seconds:>9.3f} {seconds / bare:>9.1f} {peak:>8.1f} {aim or '':>6}")
    print(f"this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB; {RUNS} runs each")


if __name__ == "__main__":
    main()
