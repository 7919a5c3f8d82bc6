import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.operations.drill.attacks import (
    git_tricks,
    intrusion,
    judging,
    limits,
    own_workflows,
    releases,
    strangers,
    supply,
    trust,
    watching,
    weak_tests,
)
from harness.operations.drill.environment import DrillEnvironment
from harness.operations.drill.run import ATTACKS
from harness.operations.drill.shop import MINIMAL_POLICY
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees
from tests import tiers
from tests.fakes.faulty_forge import faults_of, start_faulty
from tests.fakes.people import FakeSandbox
from tests.redteam.attack import Attack
from tests.repository.conftest import Town
from tests.repository.naive import Author, start_empty


@pytest.fixture
def attack(tmp_path):
    """A factory with a law, and nobody's change yet."""
    forge = tmp_path / "forge.git"
    start_empty(forge)
    trusted = TrustedRepository(tmp_path / "home" / "repositories" / "app.git", Remote(str(forge)))
    worktrees = RunWorktrees(trusted, tmp_path / "home" / "worktrees")
    return Attack(
        Town(
            home=tmp_path / "home",
            forge=forge,
            author=Author(tmp_path / "author", forge),
            trusted=trusted,
            worktrees=worktrees,
            candidates=TrustedCandidates(trusted),
        )
    )


@pytest.fixture(scope="session")
def faulty_forge(tmp_path_factory):
    """A local forge that fails on demand, for all tests of this folder."""
    running = start_faulty(tmp_path_factory.mktemp("forge"), seconds=300)
    yield running
    running.stop()


@pytest.fixture
def drill(faulty_forge, tmp_path):
    """What the drill's laps stand on: a real forge, real git, a real ledger. Nothing here needs a
    box. A fault that a test asked for and did not come to is called off at its end: it hits no
    other test."""
    yield DrillEnvironment(
        tmp_path,
        MINIMAL_POLICY,
        FakeSandbox(),
        faulty_forge,
        tmp_path / "wheels",
        (sys.executable, "-m", "validators"),
    )
    faults_of(faulty_forge, "DELETE").raise_for_status()


SHOWN_ELSEWHERE = {
    # test_evil_apps, test_apps_that_know_the_judge; half a minute of a browser each
    judging.SUBJECT: 0,
    strangers.SUBJECT: 2,  # test_strangers_text, test_strangers_at_the_wire
    intrusion.SUBJECT: 1,  # test_the_runs_sandbox, test_leavings, test_sandboxes_are_walls
    limits.SUBJECT: 1,  # test_sandboxes_are_walls
    git_tricks.SUBJECT: 3,  # test_git_tricks
    weak_tests.SUBJECT: 1,  # test_test_tricks
    supply.SUBJECT: 2,  # test_dependency_tricks, test_secrets
    own_workflows.SUBJECT: 0,  # factory/workflows: test_effects, test_approvals
    # factory/watch/test_tip, test_the_drill without that brake; five landings one after another
    watching.SUBJECT: 0,
    # factory/policy_gate/test_trust, test_the_drill without that brake
    trust.SUBJECT: 0,
    releases.SUBJECT: 1,  # factory/releases, deployers/test_github
}
"""How many attacks of a subject `make test` draws where other tests show the same brakes. Of every
other subject it makes all but what is `DEAR`: what goes wrong within a landing and on a full disk
is shown here alone."""
DEAR = {
    "killed at every act",  # scenarios/test_kill_points, factory/test_kill_everywhere
    "somebody else's signature",  # factory/test_stories: a verdict of another key
    "another tree",  # domain/test_merge, domain/test_values: the tree of a candidate
    "a push after the verdict",  # factory/test_stories: what somebody pushes to our branch
    "a base that moved",  # test_merge_faults, on fakes
    "every event twice",  # test_merge_faults, on fakes
    "stop, in the middle",  # test_merge_faults, after each act; test_the_drill without that brake
    # contract/test_verdict, domain/test_merge; test_the_drill where no signature is looked at
    "a changed verdict",
}
"""A run of the whole pipeline each, over the same brakes as the tests named beside it and as those
attacks of its subject that are made."""


@pytest.fixture(scope="session")
def drawn_attacks(whole, request):
    """The names of the drill's attacks."""
    seed = request.config.getoption("seed")
    drawn = {
        name
        for subject, size in SHOWN_ELSEWHERE.items()
        for name in tiers.Draw(whole, seed, f"drill {subject}").of(
            [attack.name for attack in ATTACKS if attack.subject == subject], size
        )
    }
    left_out = set() if whole else DEAR
    return [
        attack.name
        for attack in ATTACKS
        if attack.name not in left_out
        and (attack.subject not in SHOWN_ELSEWHERE or attack.name in drawn)
    ]


@pytest.fixture(scope="session")
def run_attacks(tmp_path_factory, drawn_attacks):
    """`factory drill --example --json`, run once for all workers: exit code, standard output,
    standard error."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    told = shared / "the-drill.json"
    with (shared / "the-drill.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            only = [word for name in drawn_attacks for word in ("--only", name)]
            done = subprocess.run(
                [Path(sys.executable).with_name("factory"), "drill", "--example", "--json", *only],
                timeout=1800,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                check=False,
                env={**os.environ, "FACTORY_HOME": str(shared / "no-home")},
            )
            told.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    return tuple(json.loads(told.read_text()))


@pytest.fixture(scope="session")
def attack_results(run_attacks):
    """What each attack of the drill was told to have come to, by its name."""
    return {one["name"]: one for one in json.loads(run_attacks[1])["attacks"]}
