"""Which tests run first, where several workers share them; what each spends; and that no example fails because a machine is
busy."""

import pytest
from hypothesis import HealthCheck, settings

from tests import spent
from tests.fakes import postgres as postgresql

settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
settings.register_profile("ours", settings.get_profile("search"), derandomize=True)
settings.load_profile("ours")
"""A commit is green or red whoever asks and however often: its examples are always the same. `make search` draws new ones."""

FIRST = ("test_audit.py", "test_kill.py", "test_kill_points.py", "test_ourselves.py", "test_runner.py", "test_disorder.py")
"""One worker makes the demo's lap, which takes a while; the others have something to do meanwhile. What is long and in one piece
comes first, so that nobody waits for it at the end."""


def pytest_collection_modifyitems(items) -> None:
    """The scenarios are long: they come first, those that look at the lap last of them, and the short tests fill the rest.
    A file stays together."""
    with_lap = {item.path for item in items if "lap" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: turn(item, item.path in with_lap))


def turn(item, looks_at_the_lap) -> tuple[int, bool]:
    if "scenarios" not in item.path.parts:
        return len(FIRST) + 1, False
    return FIRST.index(item.path.name) if item.path.name in FIRST else len(FIRST), looks_at_the_lap


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    spent.begin(item)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    spent.tell(item, report)
    return report


def pytest_terminal_summary(terminalreporter, config) -> None:
    """With `--durations`, the tests that spent most. The durations themselves are pytest's: what a busy machine took."""
    if config.getoption("durations"):
        told = spent.dearest(report for reports in terminalreporter.stats.values() for report in reports)
        terminalreporter.section(spent.SPENT)
        for line in spent.lines(told, spent.budgets()):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for as long as the tests run, started when the first one asks."""
    with postgresql.serving() as server:
        yield server
