"""What tests spend: processor seconds of the test and of every process below it, beside what was meant for the dearest.

The clock says how busy a machine is, these seconds say how dear a test is. Nothing fails by them: `make test` prints them.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

BUDGETS = Path(__file__).with_name("budgets.toml")
MOST = 15
SPENT = "processor seconds"
TICKS = os.sysconf("SC_CLK_TCK")
_BEGAN = pytest.StashKey[float]()


def so_far() -> float:
    """Processor seconds of this process, of its children, and of whoever was waited for by one of them."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system + sum(map(_seconds, _living()))


def _living() -> Iterator[str]:
    """The children of each thread. A thread that ends while we look has none: whatever it started is another's by then."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError):
            yield from Path("/proc/self/task", thread, "children").read_text().split()


def _seconds(pid: str) -> float:
    try:
        fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS


def begin(item: pytest.Item) -> None:
    item.stash[_BEGAN] = so_far()


def tell(item: pytest.Item, report: pytest.TestReport) -> None:
    """Write what a test has spent, its fixtures included, into the last of its reports: that travels between workers."""
    if report.when == "teardown":
        report.user_properties.append((SPENT, round(so_far() - item.stash[_BEGAN], 2)))


def dearest(reports: Iterable[object]) -> list[tuple[str, float]]:
    """The tests that spent most, with their seconds, the dearest first."""
    told = ((report.nodeid, dict(report.user_properties).get(SPENT)) for report in reports if hasattr(report, "user_properties"))
    return sorted(((name, spent) for name, spent in told if spent is not None), key=lambda row: -row[1])


def budgets() -> dict[str, float]:
    """What was meant for a test, or for all of a file's together, by name."""
    return tomllib.loads(BUDGETS.read_text("utf-8"))["seconds"]


def lines(spent: list[tuple[str, float]], meant: dict[str, float]) -> Iterator[str]:
    """The dearest tests, and those beyond their budgets, as a table."""
    yield f"{'spent':>8} {'meant':>6}"
    for number, (name, seconds) in enumerate(spent):
        budget = meant.get(name)
        if number < MOST or (budget and seconds > budget):
            beyond = "  more than was meant for it" if budget and seconds > budget else ""
            yield f"{seconds:>8.1f} {budget or '':>6} {name}{beyond}"
    yield f"{sum(seconds for _, seconds in spent):>8.1f} {'':>6} all {len(spent)}"
