"""`kill -9` of `factory tick` at some moments of a run with real sandboxes and browsers, and a
restart: the same end, one of everything. `test_kill_points` kills before every side effect."""

import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness.home.state import open_ledger
from harness.operations.setup.example import create_example
from tests.scenarios.conftest import FACTORY, environment, factory, forge_client

pytestmark = pytest.mark.soak(
    "kills by the clock; scenarios/test_kill_points dies before chosen effects"
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KILLS = 8
LONGEST = 4.0


def test_killed_again_and_again_it_ends_the_same_way(tmp_path) -> None:
    home = tmp_path / "home"
    create_example(
        home,
        app=EXAMPLES / "tidebook",
        issues=the_first(tmp_path / "issues"),
        recordings=EXAMPLES / "recordings",
        tell=lambda words: None,
    )
    draw = random.Random(20300504)
    for _ in range(KILLS):
        started = subprocess.Popen(
            [FACTORY, "tick"],
            env=environment(home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            started.wait(draw.uniform(0.3, LONGEST))
        except subprocess.TimeoutExpired:
            os.kill(started.pid, signal.SIGKILL)
            started.wait()
    last = factory(home, "tick")
    assert last.code in (0, 3), last.err
    issues = {
        issue["number"]: issue["outcome"]
        for issue in factory(home, "status", "--json").json["issues"]
    }
    assert issues == {1: "merged", 2: "merged", 3: "rejected"}, why(home, issues)
    assert factory(home, "audit").code == 0
    with open_ledger(home) as ledger:
        done = [
            (entry.issue, entry.run, entry.data["effect"]) for entry in ledger.entries(kind="done")
        ]
    assert len(set(done)) == len(done), "a run does each thing once"
    assert [effect for *_, effect in done].count("land") == 2
    assert one_of_each(home) == {1: 1, 2: 1, 3: 1}


def the_first(folder):
    """Two that land beside each other and one that the mission rejects: it is killed before it
    would come to more."""
    shutil.copytree(EXAMPLES / "issues", folder, ignore=shutil.ignore_patterns("[4-7]-*"))
    return folder


def why(home, issues):
    """The chain of every issue that waits for a person, for whoever has to find out."""
    return "\n".join(
        factory(home, "why", str(number)).out
        for number, end in issues.items()
        if end == "needs-human"
    )


def one_of_each(home):
    """Comments of the factory's on each issue, as the forge has them."""
    with forge_client(home) as http:
        pulls = http.get("/pulls", params={"state": "all"}).json()
        assert len(pulls) == 2
        return {
            number: sum(
                "lights-out-factory:issue" in comment["body"]
                for comment in http.get(f"/issues/{number}/comments").json()
            )
            for number in (1, 2, 3)
        }
