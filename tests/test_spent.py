"""The table of what tests spend."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests import spent

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Report:
    nodeid: str
    user_properties: list = field(default_factory=list)


def told(**seconds):
    return [Report(name, [(spent.SPENT, value)]) for name, value in seconds.items()]


def test_the_dearest_come_first_and_what_was_not_measured_is_left_out() -> None:
    reports = [*told(cheap=0.5, dear=40.0), Report("only its setup"), object()]
    assert spent.dearest(reports) == [("dear", 40.0), ("cheap", 0.5)]


def test_one_beyond_its_budget_is_told_however_cheap_it_is() -> None:
    many = [(f"dear-{number}", 100.0 - number) for number in range(30)]
    lines = list(spent.lines([*many, ("small", 2.0)], {"small": 1.0, "dear-0": 200.0}))
    assert len(lines) == 1 + spent.MOST + 1 + 1
    assert lines[-2].endswith("small  more than was meant for it")
    assert "more than" not in lines[1]
    assert lines[-1].split() == ["2567.0", "all", "31"]


BURNING = '''
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
'''


def test_a_test_that_burns_a_processor_is_charged_for_it_and_for_its_children(tmp_path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_burning.py").write_text(BURNING)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--durations=2", "--rootdir", tmp_path, tmp_path]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    table = done.stdout.partition(spent.SPENT)[2].partition("slowest")[0]
    rows = {line.split("::")[1]: float(line.split()[0]) for line in table.splitlines() if "::" in line}
    assert rows["test_burns"] > 0.75 > 0.3 > rows["test_idles"], done.stdout
    assert rows["test_burns_below_a_child_that_lives_on"] > 0.35, done.stdout


def test_budgets_are_of_tests_that_exist(request) -> None:
    """A name that was changed keeps no budget."""
    for name in spent.budgets():
        path, _, test = name.partition("::")
        function = test.partition("[")[0]
        assert f"def {function}(" in (request.config.rootpath / path).read_text("utf-8"), name
