"""The table of what tests spend."""

import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests import spent

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Report:
    nodeid: str
    user_properties: list = field(default_factory=list)


def report(name, seconds, **fixtures):
    return Report(name, [(spent.SPENT, seconds), (spent.SHARED, fixtures)])


def test_the_dearest_come_first_and_what_was_not_measured_is_left_out() -> None:
    reports = [
        report("cheap", 0.5),
        report("dear", 40.0, lap=7.0),
        Report("only its setup"),
        object(),
    ]
    assert spent.dearest(reports) == [("dear", 40.0), ("lap", 7.0), ("cheap", 0.5)]


def test_beyond_the_ceiling_or_its_own_line_every_case_is_named() -> None:
    told = [("dear[a]", 9.0), ("dear[b]", 11.0), ("small", 2.1), ("right", 2.0)]
    assert spent.beyond(told, {"dear": 10.0}) == [
        ("dear[b]", 11.0, 10.0),
        ("small", 2.1, spent.CEILING),
    ]
    below = list(spent.lines(told, {"dear": 10.0}))[-2:]
    assert [line.split()[2] for line in below] == ["dear[b]", "small"]


def test_budgets_grow_with_what_a_second_is_worth_here_and_never_shrink() -> None:
    """A crowded machine is no reason for a red run: its seconds buy less."""
    reports = [Report(str(pace), [(spent.PACE, pace)]) for pace in (0.9, 1.5, 9.0)]
    assert spent.pace([*reports, report("told nothing", 1.0)]) == 1.5
    assert spent.pace([Report("fast", [(spent.PACE, 0.8)])]) == spent.pace([]) == 1.0
    told = [("dear", 14.0), ("small", 2.9), ("left", 3.1)]
    assert spent.beyond(told, {"dear": 10.0}, pace=1.5) == [("left", 3.1, 3.0)]


BURNING = """
import subprocess, sys, time

BURN = "import time; began = time.process_time()\\nwhile time.process_time() - began < 0.4: pass"

def test_burns():
    exec(BURN)
    subprocess.run([sys.executable, "-c", BURN], check=True)

def test_burns_below_a_child_that_lives_on():
    nursing = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}]); print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", nursing], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()

def test_idles():
    time.sleep(0.4)

def test_begins_what_burns_later(pytestconfig):
    pytestconfig.late = subprocess.Popen([sys.executable, "-c", f"input()\\n{BURN}"], stdin=subprocess.PIPE)

def test_burns_nothing_of_its_own(pytestconfig):
    pytestconfig.late.communicate(b"now\\n")
"""


def run(folder, text, *options):
    """pytest on one file, with the plugin of this folder."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_sample.py").write_text(text)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        "--durations=2",
        "--rootdir",
        folder,
        *options,
        folder,
    ]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def rows(done):
    """Who spent how much, by the last part of its name: a fixture is made beside one test and ends
    beside another."""
    table = done.stdout.partition(spent.SPENT)[2]
    found = re.findall(r"^ +([0-9.]+) +[0-9.]+ (?:fixture |\S+::)(\w+)$", table, re.MULTILINE)
    sums = Counter[str]()
    for seconds, name in found:
        sums[name] += float(seconds)
    return sums


def test_a_test_that_burns_a_processor_is_charged_for_it_and_for_its_children(tmp_path) -> None:
    done = run(tmp_path, BURNING)
    assert done.returncode == 0, done.stdout
    found = rows(done)
    assert found["test_burns"] > 0.75 > 0.3 > found["test_idles"], done.stdout
    assert found["test_burns_below_a_child_that_lives_on"] > 0.35, done.stdout
    assert found["test_burns_nothing_of_its_own"] < 0.1, done.stdout
    left = re.search(rf"([0-9.]+) +[0-9.]+ {spent.LEFT_BEHIND}", done.stdout)
    assert left, done.stdout
    assert float(left[1]) > 0.3, done.stdout


SHARED = """
import time, pytest
from tests import spent

def burn(seconds):
    began = time.process_time()
    while time.process_time() - began < seconds: pass

@pytest.fixture(scope="module")
def inner():
    burn(0.2)
    yield
    burn(0.1)

@pytest.fixture(scope="module")
def outer(inner):
    burn(0.4)
    yield
    burn(0.4)

pace = []

def test_asks_first(outer, request):
    pace.append(max(1.0, request.node.stash[spent.MEASURED]))
    burn(0.1)

def test_spends_more_than_the_ceiling():
    burn(1.1 * spent.CEILING * pace[0])
"""


def test_what_is_made_for_many_is_not_charged_to_who_asks_first_and_a_ceiling_may_fail_the_run(
    tmp_path,
) -> None:
    done = run(tmp_path, SHARED, "--ceilings")
    found = rows(done)
    assert 0.05 < found["test_asks_first"] < 0.5, done.stdout
    assert 0.25 < found["inner"] < 0.7 < found["outer"] < 1.2, done.stdout
    assert (done.returncode, "beyond what is allowed" in done.stdout) == (1, True)


def test_budgets_are_of_tests_that_exist(request) -> None:
    """A name that was changed keeps no budget."""
    for name in spent.budgets():
        path, _, test = name.partition("::")
        folder = request.config.rootpath
        text = (
            (folder / path).read_text("utf-8")
            if test
            else "\n".join(file.read_text("utf-8") for file in (folder / "tests").rglob("*.py"))
        )
        assert f"def {test or name.removeprefix('fixture ')}(" in text, name


LEAKING = """
class Leaks:
    def __init__(self):
        self.itself = self

    def __del__(self):
        raise ValueError("left open")

def test_leaks():
    Leaks()
"""


def test_what_a_file_leaves_to_the_collector_fails_that_file_and_no_other(tmp_path) -> None:
    (tmp_path / "test_t_later.py").write_text("import gc\ndef test_collects(): gc.collect()\n")
    done = run(tmp_path, LEAKING, "-W", "error::pytest.PytestUnraisableExceptionWarning")
    failed = re.findall(r"^(?:ERROR|FAILED) (\S+)", done.stdout, re.MULTILINE)
    assert [name.rpartition("/")[2] for name in failed] == ["test_sample.py::test_leaks"], (
        done.stdout
    )
