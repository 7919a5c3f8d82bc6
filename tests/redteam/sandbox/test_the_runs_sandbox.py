"""The implementer's box, exactly as the run makes it, with an intruder in the agent's place.

It looks for a sealed journey by every path, git object, environment and /proc entry; for an address
to reach; for a key to take. The host holds all three. The intruder reports what it found as JSON:
it must be nothing."""

import dataclasses
import json
import os
import secrets
import socket
import subprocess

import pytest

from harness.agents.builtin_agent import SandboxedAgent
from harness.operations.drill.attacks import intrusion
from harness.ports.agent import Assignment
from harness.ports.model import Session
from harness.programs.sandbox.client import SandboxSupervisor
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from harness.repository.worktrees.adapter import RunWorktrees

AS_ROOT = os.geteuid() == 0
CANARY = f"canary-{secrets.token_hex(6)}-sealed"  # its socket's name is of the whole machine
KEY = "sk-secret-4b1d77aa0c"
INTRUDER = intrusion.INTRUDER.read_text("utf-8")


def git(folder, *arguments) -> None:
    subprocess.run(
        ["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments],
        check=True,
        capture_output=True,
    )


@pytest.fixture
def home(tmp_path):
    """A factory's home with secrets where a factory has them, and a forge whose history once held a
    journey."""
    home = tmp_path / "home"
    for name in ("sealed/app/journeys/issue-1.yaml", "keys/validator.key", "broker/control.log"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
    (home / "sealed/app/journeys/issue-1.yaml").write_text(f"journey: x\ncanary: {CANARY}\n")
    (home / "keys/validator.key").write_text(KEY)
    (home / "broker/control.log").write_text(KEY)
    forge = tmp_path / "forge"
    forge.mkdir()
    git(forge, "init", "--quiet", "--initial-branch=main")
    (forge / "journey.yaml").write_text(CANARY)
    git(forge, "add", "-A")
    git(forge, "commit", "--quiet", "-m", f"{CANARY} in a message, too")
    (forge / "journey.yaml").unlink()
    (forge / "app.py").write_text("print('app')\n")
    git(forge, "add", "-A")
    git(forge, "commit", "--quiet", "-m", "take it out again")
    git(forge, "branch", "sealed-elsewhere", "HEAD~1")
    git(forge, "tag", "old", "HEAD~1")
    return home


@pytest.fixture
def listener():
    """A server on the host's loopback, and an abstract unix socket: two doors that must not be
    found."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(f"\0{CANARY}")
        unix.listen()
        yield tcp.getsockname()[1]


@pytest.mark.parametrize(
    "form", ["bwrap-root", "bwrap-userns"] if AS_ROOT else ["bwrap-userns", "landlock"]
)
def test_an_intruder_in_the_runs_sandbox_finds_nothing(
    home, tmp_path, listener, form, monkeypatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("FACTORY_CANARY", CANARY)
    forge = (tmp_path / "forge").as_uri()
    trusted = TrustedRepository(home / "repositories" / "app.git", Remote(forge))
    trusted.fetch("main")
    worktree = RunWorktrees(trusted, home / "worktrees").open("implement-1-1", trusted.tip("main"))
    broker = home / "broker" / "session.sock"
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(broker))
        line.listen()
        sandbox = SandboxSupervisor(home / "layers", form=form)
        assignment = Assignment(
            run="implement-1-1", role="implementer", worktree=worktree, system=(), task=""
        )
        spec = SandboxedAgent(sandbox).spec(assignment, Session("s1", broker, "model"))
        told = json.dumps(
            {"canary": CANARY, "key": KEY, "port": listener, "pid": os.getpid(), "home": str(home)}
        )
        intruded = dataclasses.replace(spec, argv=("python", "-c", INTRUDER, told), form=form)
        result = sandbox.run(intruded)
    assert result.exit_code == 0, result.stderr.decode()
    assert result.form == form
    found = json.loads(result.stdout)
    assert found["looked_at"]["files"] > 1000
    assert found["looked_at"]["objects"] == 3, "a commit, a tree, a blob"
    # Without mounts a place can be known to exist, which that form names; nothing of what is in it
    # can be had.
    assert found["found"] == (
        ["path: the home of the factory is here"] if form == "landlock" else []
    )


def test_the_intruder_would_find_what_is_there_to_be_found(tmp_path) -> None:
    """The control: outside a box, the same program finds the canary and the key at once."""
    (tmp_path / "journey").write_text(CANARY)
    (tmp_path / "key").write_text(KEY)
    told = json.dumps(
        {
            "canary": CANARY,
            "key": KEY,
            "port": 9,
            "pid": os.getpid(),
            "home": str(tmp_path),
            "roots": [str(tmp_path)],
        }
    )
    done = subprocess.run(
        ["python3", "-c", INTRUDER, told],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LEAK": KEY},
    )
    kinds = {finding.split(":")[0] for finding in json.loads(done.stdout)["found"]}
    assert {"file", "environment", "process"} <= kinds
