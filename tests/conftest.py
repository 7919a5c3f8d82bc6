"""Which tests run, and in which order where several workers share them; what each spends."""

import gc
import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from harness.folder_walk import delete
from tests import in_memory, spent, tiers
from tests.fakes import postgres as postgresql

RUNNING = pytest.StashKey[pytest.Item]()
"""The test that runs now."""

settings.register_profile(
    "search",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.register_profile("whole", settings.get_profile("search"), derandomize=True)
settings.register_profile("ours", settings.get_profile("whole"), max_examples=25)
settings.load_profile("ours")
"""A commit is green or red whoever asks: its examples are always the same. `make soak` has four
times as many, and `make search` draws new ones."""


def pytest_addoption(parser) -> None:
    tiers.add_options(parser)
    spent.add_options(parser)


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config):
    """Files lie in memory where that serves. The workers, which come by here too, find TMPDIR set."""
    folder = None if "TMPDIR" in os.environ else in_memory.folder()
    if folder:
        os.environ["TMPDIR"] = str(folder)
        config.option.basetemp = config.option.basetemp or folder / "p"
    code = yield
    if folder and code == pytest.ExitCode.OK:  # programs that were ended by force left something
        delete(folder)
    return code


def pytest_configure(config) -> None:
    spent.watch()
    if config.option.soak:
        settings.load_profile("whole")
    for marker in tiers.MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(config, items) -> None:
    """The dearest files come first, by what `budgets.toml` allows them, so that nobody waits for one
    of them at the end; of others those with a browser, which wait much; short tests fill the rest.
    A file stays together."""
    tiers.select(config, items)
    allowed, named = spent.budgets(), defaultdict[Path, set[str]](set)
    for item in items:
        names = (f"fixture {name}" for name in getattr(item, "fixturenames", ()))
        named[item.path].update((item.nodeid.partition("[")[0], *names))
    dear = {path: sum(allowed.get(name, 0.0) for name in names) for path, names in named.items()}
    items.sort(key=lambda item: (-dear[item.path], "fixture chromium" not in named[item.path]))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays to the end: the garbage collector need not look through it while it
    grows, nor again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    item.config.stash[RUNNING] = item
    spent.begin(item, nextitem)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item, nextitem):
    spent.begin_teardown(item, nextitem)
    return (yield)


def pytest_fixture_post_finalizer(fixturedef, request) -> None:
    """A request is of who asked first; who runs now is another."""
    if (item := request.config.stash.get(RUNNING, None)) is not None:
        spent.end(f"fixture {fixturedef.argname}", fixturedef.scope, item)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    if fixturedef.scope == "function":
        return (yield)
    counted = spent.share(f"fixture {fixturedef.argname}", request.config.stash[RUNNING])
    next(counted)
    try:
        return (yield)
    finally:
        next(counted, None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    spent.tell(item, report)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session) -> None:
    """With `--ceilings` it fails where a test spends more than it may. A worker has no terminal to
    tell it on."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if (
        terminal
        and session.config.getoption("ceilings")
        and spent.beyond(_told(terminal), spent.budgets(), pace=spent.pace(_reports(terminal)))
    ):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config) -> None:
    """With `--durations`, what spent most. The durations themselves are what a busy machine
    took."""
    if config.getoption("durations"):
        terminalreporter.section(spent.SPENT)
        pace = spent.pace(_reports(terminalreporter))
        for line in spent.lines(_told(terminalreporter), spent.budgets(), pace=pace):
            terminalreporter.write_line(line)


def _told(terminal) -> list[tuple[str, float]]:
    return spent.dearest(_reports(terminal))


def _reports(terminal):
    return (report for reports in terminal.stats.values() for report in reports)


@pytest.fixture(scope="module", autouse=True)
def nothing_left_to_the_collector():
    """What fails when the garbage collector takes it fails the last test of the file that left it,
    not whichever test runs by then. What outlives its file need not be looked through again."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def whole(request) -> bool:
    """Whether every search is whole, as in `make soak`."""
    return request.config.getoption("soak")


@pytest.fixture
def draw(request, whole) -> tiers.Draw:
    """How much of a search to try: a sample in `make test`, all of it in `make soak`."""
    return tiers.Draw(whole, request.config.getoption("seed"), request.node.nodeid)


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server for as long as the tests run, started when the first one asks."""
    with postgresql.serving() as server:
        yield server
