"""What the commands take that people type all day, from a cold start, and `factory up` while there
is nothing to do.

Usage: python bench/cold.py [HOME]     (a home that `factory demo --home HOME` made; without one it
makes its own)

A table with the targets beside it; on a machine where others work too, the processor's seconds
count. `up` is looked at for a minute, with the forge and the broker that it starts. Exit code 1
where a target is missed."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FACTORY = Path(sys.executable).with_name("factory")
RUNS = 9
SETTLE_SECONDS, IDLE_SECONDS = 30, 60
MOST_IDLE = 0.5  # per cent of one core


def timed(argv: list[str], env: dict[str, str]) -> tuple[float, float, float]:
    """Median seconds of a command by the wall's clock and by the processor's, and the peak memory
    in MB of its largest run."""
    seconds, spent, peak = [], [], 0.0
    for _ in range(RUNS):
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, _, usage = os.wait4(process.pid, 0)
        seconds.append(time.perf_counter() - began)
        spent.append(usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss / 1024)
    return statistics.median(seconds), statistics.median(spent), peak


def idle(env: dict[str, str]) -> float:
    """Per cent of one core that `factory up` spends on a home with nothing to do, with all that it
    started."""
    up = subprocess.Popen(
        [FACTORY, "up"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(SETTLE_SECONDS)
        before, began = ticks_below(up.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        spent = (ticks_below(up.pid) - before) / os.sysconf("SC_CLK_TCK")
        if up.poll() is not None:
            raise SystemExit(f"`factory up` left with {up.returncode}")
        return spent / (time.monotonic() - began) * 100
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait()


def ticks_below(pid: int) -> int:
    """The processor's ticks of this process and of all it started, those that have ended
    included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = (
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    )
    return sum(map(int, fields[11:15])) + sum(ticks_below(int(child)) for child in children)


def a_home() -> str:
    """A home with one demo's worth of ledger."""
    home = tempfile.mkdtemp(prefix="cold-")
    subprocess.run(
        [FACTORY, "demo", "--json", "--home", home], check=True, stdout=subprocess.DEVNULL
    )
    return home


def main() -> int:
    home = sys.argv[1] if len(sys.argv) > 1 else a_home()
    env = {**os.environ, "FACTORY_HOME": home}
    rows = [
        ("python -c pass", [sys.executable, "-c", "pass"], None),
        ("factory --help", [str(FACTORY), "--help"], 0.15),
        ("factory status", [str(FACTORY), "status"], 0.4),
        ("factory why 2", [str(FACTORY), "why", "2"], 0.4),
        ("factory audit", [str(FACTORY), "audit"], None),
    ]
    print(
        f"{'command':<18} {'median s':>9} {'cpu s':>7} {'x python':>9} {'peak MB':>8} {'target':>7}"
    )
    bare, missed = 0.0, 0
    for name, argv, target in rows:
        seconds, spent, peak = timed(argv, env)
        bare = bare or seconds
        missed += target is not None and seconds > target
        print(
            f"{name:<18} {seconds:>9.3f} {spent:>7.3f} {seconds / bare:>9.1f} {peak:>8.1f}"
            f" {said(seconds, target)}"
        )
    spent = idle(env)
    missed += spent > MOST_IDLE
    print(
        f"factory up, idle   {spent:>8.2f} % of one core over {IDLE_SECONDS} s {'':>14}"
        f" {said(spent, MOST_IDLE)}"
    )
    print(f"{RUNS} runs each; {missed} targets missed")
    return 1 if missed else 0


def said(found: float, target: float | None) -> str:
    return "" if target is None else f"{target:>7g} {'met' if found <= target else 'MISSED'}"


if __name__ == "__main__":
    raise SystemExit(main())
