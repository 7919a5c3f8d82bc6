"""What `make test` leaves to `make soak`, and what it draws."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.tiers import sampled

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest
from hypothesis import given, settings, strategies
from tests.tiers import share

@pytest.mark.sample(2)
@pytest.mark.parametrize("number", range(9))
def test_search(number): pass

@pytest.mark.soak("dear")
def test_dear(): pass

@pytest.mark.sample(1, each="bomb")
@pytest.mark.parametrize("form", range(3))
@pytest.mark.parametrize("bomb", ["fork", "disk"])
def test_of_each(bomb, form): pass

@pytest.fixture(params=[pytest.param(number, marks=pytest.mark.sample(2, of="box")) for number in range(4)])
def box(request): return request.param

@pytest.mark.parametrize("wall", ["north", "south"])
def test_of_some(box, wall): pass

def test_inside(draw):
    print("drawn", len(draw.of(range(50), 4)))

@pytest.fixture(scope="module")
def many(whole): return 9 if whole else 1

@pytest.mark.parametrize("number", [5])
def test_asked(many, number): print("asked", many)

tried = []

@settings(max_examples=share(40))
@given(strategies.integers())
def test_property(number):
    tried.append(number)

def test_tried(): print("tried", len(tried))
"""


def collected(folder, *options):
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(TESTS)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-v",
        "-s",
        "-p",
        "tests.conftest",
        "--rootdir",
        folder,
        *options,
        folder,
    ]
    return subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True
    ).stdout


def test_make_test_draws_and_make_soak_runs_the_rest_and_each_search_whole(tmp_path) -> None:
    some, other, whole, further = (
        collected(tmp_path),
        collected(tmp_path, "--seed=2"),
        collected(tmp_path, "--soak"),
        collected(tmp_path, "--soak", "--further"),
    )
    assert (some.count("test_search["), some.count("test_dear"), "drawn 4" in some) == (2, 0, True)
    assert (whole.count("test_search["), whole.count("test_dear"), "drawn 50" in whole) == (
        9,
        1,
        True,
    )
    assert "16 deselected" in some
    assert ("tried 10\n" in some, "tried 40\n" in whole) == (True, True)
    assert (some.count("fork-"), some.count("disk-"), whole.count("test_of_each[")) == (1, 1, 6)
    walls = [len(re.findall(rf"test_of_some\[.*{wall}", some)) for wall in ("north", "south")]
    assert (walls, whole.count("test_of_some[")) == ([2, 2], 8)
    assert re.findall(r"search\[\d", some) != re.findall(r"search\[\d", other)
    ran = [set(re.findall(r"::(\S+)", run)) for run in (some, whole, further)]
    assert ran[0] | ran[2] == ran[1]
    assert ran[0] & ran[2] == {"test_inside", "test_asked[5]", "test_property"}
    assert ("drawn 50" in further, "asked 9" in further) == (True, True)


def test_a_sample_is_the_same_each_time_and_another_for_another_seed_or_search() -> None:
    cases = list(range(1000))
    drawn = sampled(cases, 5, 1, "a")
    assert drawn == sampled(cases, 5, 1, "a") == sorted(drawn)
    assert len({tuple(sampled(cases, 5, seed, name)) for seed in (1, 2) for name in "ab"}) == 4
    assert sampled(cases[:3], 5, 1, "a") == cases[:3]


def test_make_soak_judges_every_real_fix() -> None:
    """In groups beside each other, because one alone waits for much."""
    pairs = json.loads((ROOT / "bench" / "real_fixes" / "pairs.json").read_text("utf-8"))["pairs"]
    named = re.findall(
        r"real_fixes/pairs\.json --only (.*)", (ROOT / "Makefile").read_text("utf-8")
    )
    assert sorted(" ".join(named).split()) == sorted(str(pair["issue"]) for pair in pairs)


def test_what_make_soak_searches_further_can_be_seen() -> None:
    """Whoever asks the option itself, instead of `whole` or `draw`, would not run in it again."""
    asking = {
        file.name
        for file in (ROOT / "tests").rglob("*.py")
        if 'option("soak")' in file.read_text("utf-8")
    }
    assert asking == {"conftest.py", "tiers.py", "test_tiers.py"}
