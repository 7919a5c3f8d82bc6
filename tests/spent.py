"""What tests spend: processor seconds of a test and of every process below it.

The clock says how busy a machine is, these seconds say how dear a test is. `make test` prints the
dearest. With `--ceilings`, as in `make soak` and every night in `make test`, a run fails when a test
spends more than `CEILING` and has no line of its own in `budgets.toml`, or more than its line says.
What a fixture makes for many tests, and what it
takes to end it, is counted for the fixture, not for the test that happens to ask first or last.
A second of a slow or crowded processor is worth less than one of those that the budgets were
written on, so each worker times the same small work now and again, and budgets grow by its median.
What processes spent during a test that started none is counted as left behind by those before it,
and so is the end of everything, after the last test.
"""

import os
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import process_time

import pytest

from validators.domain.bounds import REFERENCE_SECONDS
from validators.launcher.speed import measured

BUDGETS = Path(__file__).with_name("budgets.toml")
CEILING = 2.0
MOST = 15
EVERY = 300  # a worker times the small work before one test in so many
SPENT, SHARED = "processor seconds", "processor seconds of fixtures"
PACE = "times what the small work costs on a quiet machine"
LEFT_BEHIND = "programs that outlived their test"
STARTS = frozenset(("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn"))
TICKS = os.sysconf("SC_CLK_TCK")
_BEGAN = pytest.StashKey["Moment"]()
_FIXTURES = pytest.StashKey[dict[str, float]]()
_ENDING = pytest.StashKey[float]()
_LAST = pytest.StashKey[bool]()
_LAST_OF_FILE = pytest.StashKey[bool]()
MEASURED = pytest.StashKey[float]()


_started = 0
_listed: tuple[int, list[str]] = 0, []  # how many had been started, and the children then
_begun = 0
_told: "Moment | None" = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What had been spent by then: in all, and by this process; and how many it had started."""

    spent: float
    own: float
    started: int


def add_options(parser: pytest.Parser) -> None:
    parser.getgroup("spent", "what tests spend").addoption(
        "--ceilings", action="store_true", help="fail where a test spends more than it may"
    )


def moment() -> Moment:
    return Moment(so_far(), process_time(), _started)


def watch() -> None:
    """Count the processes that this one starts, from now on."""

    def counted(event: str, _: object) -> None:
        global _started
        if event in STARTS:
            _started += 1

    sys.addaudithook(counted)


def so_far() -> float:
    """Processor seconds of this process, of its children, and of whoever one of them waited for."""
    ended = getrusage(RUSAGE_CHILDREN)
    spent = process_time() + ended.ru_utime + ended.ru_stime
    return spent + sum(map(_seconds, _children())) if _has_children() else spent


def _has_children() -> bool:
    """A single call, where most tests leave none: their names have to be read for each thread."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _children() -> list[str]:
    """The numbers of the children. They are read anew only if one was started since."""
    global _listed
    if _listed[0] != _started:
        _listed = _started, [*_living()]
    return _listed[1]


def _living() -> Iterator[str]:
    """The children of each thread. A thread that ends while we look has none by then."""
    for thread in os.listdir("/proc/self/task"):
        with suppress(OSError):
            yield from _read(f"/proc/self/task/{thread}/children").decode().split()


def _seconds(pid: str) -> float:
    """What a child spent; 0 once its number is nobody's, or somebody else's child's."""
    try:
        fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS if int(fields[1]) == os.getpid() else 0.0


def _read(path: str) -> bytes:
    """A file of the kernel's, which tells all at once. It is asked before each test: no object."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 65536)
    finally:
        os.close(file)


def begin(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A test begins where the one before it ended, unless the small work was timed in between."""
    global _begun, _told
    if _begun % EVERY == 0:
        item.stash[MEASURED], _told = measured().processor / REFERENCE_SECONDS, None
    _begun += 1
    item.stash[_LAST] = nextitem is None
    item.stash[_LAST_OF_FILE] = nextitem is None or nextitem.path != item.path
    item.stash[_FIXTURES] = {}
    item.stash[_BEGAN] = _told or moment()


def begin_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """What many share ends where the next test is of another class or file."""
    if nextitem is None or nextitem.parent is not item.parent:
        item.stash[_ENDING] = so_far()


def end(fixture: str, scope: str, item: pytest.Item) -> None:
    """A fixture has ended: what was spent since the one before it is its own if many shared it. A
    server that ran for the whole session gives up its children's seconds only here."""
    shared = scope != "function"
    if _ENDING in item.stash and (shared or item.stash[_LAST_OF_FILE]):
        now = so_far()
        if shared:
            fixtures = item.stash[_FIXTURES]
            fixtures[fixture] = fixtures.get(fixture, 0.0) + now - item.stash[_ENDING]
        item.stash[_ENDING] = now


def share(fixture: str, item: pytest.Item) -> Iterator[None]:
    """Around the making of a fixture that is made for many: count it, without those made inside."""
    fixtures, began = item.stash[_FIXTURES], so_far()
    inside = sum(fixtures.values())
    yield
    fixtures[fixture] = so_far() - began - (sum(fixtures.values()) - inside)


def tell(item: pytest.Item, report: pytest.TestReport) -> None:
    """Write what a test spent into the last of its reports: that travels between workers."""
    global _told
    if report.when == "teardown":
        fixtures, began, _told = item.stash[_FIXTURES], item.stash[_BEGAN], moment()
        own = _told.spent - began.spent - sum(fixtures.values())
        left = 0.0
        if item.stash[_LAST]:
            left = _told.spent - item.stash[_ENDING]
        if _told.started == began.started:
            left = max(left, own - (_told.own - began.own))
        fixtures[LEFT_BEHIND] = left
        own -= left
        report.user_properties.append((SPENT, round(own, 2)))
        report.user_properties.append((SHARED, fixtures))
        if MEASURED in item.stash:
            report.user_properties.append((PACE, round(item.stash[MEASURED], 3)))


def dearest(reports: Iterable[object]) -> list[tuple[str, float]]:
    """The tests and the shared fixtures that spent most, with their seconds, the dearest first; and
    what was left behind, in one row."""
    rows: list[tuple[str, float]] = []
    left = 0.0
    for report in reports:
        properties = dict(getattr(report, "user_properties", ()))
        if SPENT in properties:
            rows.append((report.nodeid, properties[SPENT]))
            shared = dict(properties[SHARED])
            left += shared.pop(LEFT_BEHIND, 0.0)
            rows += [(name, round(spent, 2)) for name, spent in shared.items()]
    if left:
        rows.append((LEFT_BEHIND, round(left, 2)))
    return sorted(rows, key=lambda row: -row[1])


def pace(reports: Iterable[object]) -> float:
    """How many processor seconds were spent here for one of a quiet machine: at least 1."""
    told = (dict(getattr(report, "user_properties", ())).get(PACE) for report in reports)
    return max(1.0, median([*filter(None, told)] or [1.0]))


def budgets() -> dict[str, float]:
    """The seconds of a quiet machine that somebody allowed for a test beyond the ceiling, by its
    name without its case."""
    return tomllib.loads(BUDGETS.read_text("utf-8"))["seconds"]


def beyond(
    spent: Iterable[tuple[str, float]], allowed: dict[str, float], *, pace: float = 1.0
) -> list[tuple[str, float, float]]:
    """Who spent more than allowed at this pace: name, seconds, what was allowed."""
    found = (
        (name, seconds, allowed.get(name.partition("[")[0], CEILING) * pace)
        for name, seconds in spent
    )
    return [row for row in found if row[1] > row[2] and row[0] != LEFT_BEHIND]


def lines(
    spent: list[tuple[str, float]], allowed: dict[str, float], *, pace: float = 1.0
) -> Iterator[str]:
    """The dearest, then those beyond what is allowed for them, as a table."""
    yield f"{'spent':>8} {'allowed':>8}  ({pace:.2f} {PACE})"
    for name, seconds in spent[:MOST]:
        most = allowed.get(name.partition("[")[0], CEILING) * pace
        yield f"{seconds:>8.1f} {most:>8.1f} {name}"
    yield f"{sum(seconds for _, seconds in spent):>8.1f} {'':>8} all {len(spent)}"
    for name, seconds, most in beyond(spent, allowed, pace=pace):
        yield (
            f"{seconds:>8.1f} {most:>8.1f} {name}  beyond what is allowed: make it cheaper, or give"
            f" it a line in {BUDGETS.name}"
        )
