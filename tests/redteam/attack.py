"""An attack on a factory's policy: what somebody leaves in a run's own worktree, or pushes, and the
policy's decision on it.

Git is real throughout: a forge, the trusted repository, a run's store and worktree. Sandboxes are
real where a test needs one."""

import shutil
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.domain.issue import CommitSha
from harness.domain.sandbox import Layer
from harness.domain.workflow import GateNode
from harness.factory.policy_gate import policy
from harness.factory.policy_gate.policy import PolicyDecision
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import policy_at
from harness.factory.run.services import Places, Services
from harness.log import Log
from harness.ports.sandbox import Sandbox
from harness.programs.sandbox.client import SandboxSupervisor
from tests.fakes.clock import FakeClock
from tests.fakes.forge import FakeForge
from tests.fakes.ledger import FakeLedger
from tests.fakes.people import (
    KEY,
    FakeAgent,
    FakeBroker,
    FakeModel,
    FakeSandbox,
    FakeValidator,
)
from tests.repository.conftest import NOON, Town

RULES = """\
---
schema: 1
default: allow
---
## What a change may do {#F-SIZE}
```yaml rule
id: F-SIZE
level: enforced
check: {changed_lines: {max: 100}}
```
## Nothing from outside {#F-DEPS}
```yaml rule
id: F-DEPS
level: enforced
check: {dependencies: {}}
```
## No credentials {#F-SECRETS}
```yaml rule
id: F-SECRETS
level: enforced
check: {secrets: {}}
```
## Tests are kept {#F-TESTS}
```yaml rule
id: F-TESTS
level: enforced
check: {tests_kept: {}}
```
"""
TOML = f"""\
schema = 1
[dependencies]
lock = "requirements.txt"
[tests]
command = [
  "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=/tmp/report/junit.xml",
]
report = "/tmp/report/junit.xml"
[seal]
trusted_keys = ["{KEY}"]
"""
BASE = {
    "mission.md": (
        "---\nschema: 1\n---\n# A shop\n## Selling {#M-SELL}\n```yaml scope\nid: M-SELL\nkind:"
        " in\n```\n"
    ),
    "factory_rules.md": RULES,
    "CLAUDE.md": "# How we write\n",
    "factory.toml": TOML,
    "requirements.txt": f"requests==2.0.0 --hash=sha256:{'a' * 64}\n",
    "shop.py": "def total(prices):\n    return sum(prices)\n",
    "tests/test_shop.py": (
        "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
    ),
}


@dataclass
class Attack:
    """A factory whose base is `BASE` and what a test adds to it."""

    town: Town
    sandbox: Sandbox = field(default_factory=FakeSandbox)
    base: CommitSha = field(default=CommitSha(""))

    def begin(self, files: dict[str, str | bytes] | None = None) -> CommitSha:
        self.base = CommitSha(self.town.started({**BASE, **(files or {})}))
        return self.base

    def left(self, attacker: Callable[[Path], object]) -> CommitSha:
        """The commit that the factory makes of what the attacker leaves in a run's worktree."""
        if not self.base:
            self.begin()
        worktree = self.town.worktrees.open("implement-1-1", self.base)
        attacker(worktree)
        tree = self.town.worktrees.snapshot(worktree, self.base)
        return self.town.candidates.commit(tree, [self.base], message="a change", at=NOON)

    def decision_on(self, attacker: Callable[[Path], object]) -> PolicyDecision:
        """The policy's decision on what the attacker leaves."""
        return self.decision_on_commit(self.left(attacker))

    def decision_on_commit(self, head: CommitSha) -> PolicyDecision:
        """The policy's decision on a commit."""
        return policy.decide_change(self.job(), self.base, head)

    def job(self) -> Job:
        home, town = self.town.home / "factory", self.town
        forge, ledger = (
            FakeForge(branches={}, contains=town.trusted.contains),
            FakeLedger(FakeClock()),
        )
        services = Services(
            places=Places(home, "shop"),
            forge=forge,
            writer=forge,
            repository=town.trusted,
            worktrees=town.worktrees,
            candidates=town.candidates,
            sandbox=self.sandbox,
            agent=FakeAgent(),
            model=FakeModel({}),
            broker=FakeBroker(),
            validator=FakeValidator(),
            ledger=ledger,
            clock=ledger.clock,
            wheels=home / "wheels",
            sandbox_command=("sandbox",),
            trusted_keys=frozenset({KEY}),
            link=str,
            log=Log(),
        )
        snapshot = policy_at(services, self.base)
        node = next(
            node for node in snapshot.workflows["implement"].nodes if isinstance(node, GateNode)
        )
        return Job(
            services, snapshot, issue=1, run="implement-1-1", number=1, node=node, outputs={}
        )


class BoxesWithPytest(SandboxSupervisor):
    """Real boxes. The layer is what a lock with pytest in it comes to: taken from what runs this
    test, not fetched."""

    def layer(self, lock: bytes, *, name: str, wheels: Path, **_: object) -> Layer:
        made, installed = self._layers / "pytest", Path(sysconfig.get_paths()["purelib"])
        if not made.exists():
            for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments"):
                shutil.copytree(
                    installed / name, made / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            shutil.copyfile(installed / "py.py", made / "py.py")
        return Layer(str(made), "PYTHONPATH")


def rules(decision: PolicyDecision) -> set[str]:
    """Which rules refuse."""
    return {refusal.gate for refusal in decision.refusals}


def words(decision: PolicyDecision) -> str:
    """All that the refusals say."""
    return "\n".join(refusal.message for refusal in decision.refusals)
