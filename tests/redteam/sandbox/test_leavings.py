"""What one box leaves behind is in no other: not while it runs, and not when it is gone.

A litterer works where an agent does, and leaves its word wherever anything can be left. Beside it,
and after it, an intruder looks for that word in the box of the next attempt, which has the same
worktree's name."""

import dataclasses
import json
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.agents.builtin_agent import SandboxedAgent
from harness.domain.sandbox import Form, SandboxResult, SandboxSpec
from harness.operations.drill.attacks.intrusion import INTRUDER
from harness.ports.agent import Assignment
from harness.ports.model import Session
from harness.programs.sandbox.client import SandboxSupervisor
from tests.redteam.attack import Attack
from tests.sandbox.sandboxes import until

AS_ROOT = os.geteuid() == 0
FORMS = ["bwrap-root", "bwrap-userns"] if AS_ROOT else ["bwrap-userns", "landlock"]
LITTERER = Path(__file__).with_name("litterer.py").read_text("utf-8")
LEAST_PLACES = 6


@dataclasses.dataclass
class Runs:
    """Runs of a factory, each in the box that an implementer's agent gets."""

    attack: Attack
    sandbox: SandboxSupervisor
    folder: Path

    def box(
        self, run: str, program: str, told: object, *, role: str = "implementer"
    ) -> SandboxSpec:
        """The box of a run, with a program in the agent's place; its broker's line is its own."""
        assignment = Assignment(
            run=run,
            role=role,
            worktree=self.attack.town.worktrees.open(run, self.attack.base),
            system=(),
            task="",
        )
        spec = SandboxedAgent(self.sandbox).spec(
            assignment, Session(run, self.folder / f"{run}.sock", "model")
        )
        return dataclasses.replace(spec, argv=("python", "-c", program, json.dumps(told)))

    def found(self, run: str, word: str) -> list[str]:
        """What an intruder finds of a word."""
        told = {
            "canary": word,
            "key": word,
            "port": 9,
            "pid": os.getpid(),
            "home": str(self.folder / "nowhere"),
            "sockets": [str(line) for line in self.folder.glob("*.sock") if line.stem != run],
        }
        with lines(self.folder / f"{run}.sock"):
            result = self.sandbox.run(self.box(run, INTRUDER.read_text("utf-8"), told))
        assert result.exit_code == 0, result.stderr.decode()
        report = json.loads(result.stdout)
        assert report["looked_at"]["files"] > 100
        return [one for one in report["found"] if not one.startswith("path:")]


@contextmanager
def lines(path: Path) -> Iterator[None]:
    """A broker that says nothing."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(path))
        line.listen()
        yield


@contextmanager
def littered(runs: Runs, run: str, word: str, *, stay: str) -> Iterator[list[SandboxResult]]:
    """A litterer at work in its box, until the block is left; then how its box ended."""
    ended: list[SandboxResult] = []
    with lines(runs.folder / f"{run}.sock"):
        spec = runs.box(run, LITTERER, {"word": word, "stay": stay})
        work = threading.Thread(target=lambda: ended.append(runs.sandbox.run(spec)))
        work.start()
        worktree = Path(spec.binds[0].source)
        try:
            until(lambda: any(worktree.glob(f".{word}")) or not work.is_alive())
            yield ended
        finally:
            (worktree / stay).touch()
            work.join()


@pytest.fixture
def runs(attack, tmp_path):
    attack.begin()
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    return lambda form: Runs(
        attack, SandboxSupervisor(tmp_path / "layers", form=Form(form)), folder
    )


@pytest.mark.parametrize("form", FORMS)
def test_rows_61_64_and_69_what_one_sandbox_leaves_is_in_no_other_beside_it_or_after_it(
    runs, form
) -> None:
    runs, word = runs(form), f"word-{secrets.token_hex(8)}"
    with littered(runs, "implement-1-1", word, stay="enough") as ended:
        assert runs.found("author-1-1", word) == []  # another role, beside it
    assert int(ended[0].stdout.split()[0]) >= LEAST_PLACES, ended
    assert runs.found("implement-1-1", word) == []  # and the same attempt made again, after it


BOTH = """
import json, subprocess, sys
litterer, intruder, word, hunt = json.loads(sys.argv[1])
options = json.dumps({"word": word, "stay": "enough"})
left = subprocess.Popen([sys.executable, "-c", litterer, options], stdout=subprocess.PIPE)
left.stdout.readline()
subprocess.run([sys.executable, "-c", intruder, hunt])
left.kill()
"""


def test_in_one_sandbox_the_intruder_finds_what_the_litterer_has_left(runs) -> None:
    """The control: each kind of place is one that the intruder looks into."""
    runs, word = runs(FORMS[0]), f"word-{secrets.token_hex(8)}"
    hunt = json.dumps(
        {"canary": word, "key": word, "port": 9, "pid": os.getpid(), "home": "/nowhere"}
    )
    with lines(runs.folder / "implement-1-1.sock"):
        told = [LITTERER, INTRUDER.read_text("utf-8"), word, hunt]
        result = runs.sandbox.run(runs.box("implement-1-1", BOTH, told))
    found = json.loads(result.stdout)["found"]
    kinds = {one.split(":")[0] for one in found}
    assert kinds >= {"file", "process", "git object", "git", "address"}, found
    assert any(one.startswith("file: /dev/shm/") for one in found)
    assert any("/fd/" in one for one in found)
    assert "process: memory that others share" in found
