"""A whole factory over fakes: a forge, git, models, boxes and a judge that keep state, and a real
ledger chain."""

import functools
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.domain.verdict import VerdictOutcome
from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
from harness.factory.pipeline.tick import tick
from harness.factory.policy_gate import ci
from harness.factory.records.history import History, history_of
from harness.factory.run.services import Places, Services
from harness.factory.run.signs import SignsOfLife
from harness.log import Log
from harness.ports.error_groups import ErrorGroups
from harness.store.in_memory import DirectEngine
from tests.fakes.clock import FakeClock
from tests.fakes.decorated import Decorated
from tests.fakes.forge import FakeForge
from tests.fakes.git import FakeGit
from tests.fakes.ledger import FakeLedger
from tests.fakes.log import LogEntries
from tests.fakes.people import (
    KEY,
    FakeAgent,
    FakeBroker,
    FakeModel,
    FakeSandbox,
    FakeValidator,
)

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "tidebook"
UNSEEN = {"__pycache__", "templates", "static"}
ACCEPT = {
    "verdict": "in",
    "cites": ["M-BOOK"],
    "quote": "The places are gone",
    "priority": "normal",
    "kind": "bug",
    "ask": "",
    "confidence": 0.9,
}
REFUSE = {
    **ACCEPT,
    "verdict": "out",
    "cites": ["M-NOPAY"],
    "quote": "card payments",
    "kind": "feature",
}
ASK = {**ACCEPT, "verdict": "needs-info", "cites": [], "ask": "Which walk did you cancel?"}


def fixes(worktree: Path) -> None:
    """A small honest change."""
    path = worktree / "tidebook" / "store.py"
    path.write_text(path.read_text() + "\nFIXED = True\n")


def edits_the_rules(worktree: Path):
    path = worktree / "factory_rules.md"
    path.write_text(path.read_text().replace("max: 300", "max: 100000"))
    return "finished", "APPROVED-BY-MAINTAINER"


@functools.cache
def example() -> dict[str, bytes]:
    """The example without its pages, which nothing here draws: each run writes all of it anew."""
    files = {
        str(path.relative_to(EXAMPLE)): path.read_bytes()
        for path in sorted(EXAMPLE.rglob("*"))
        if path.is_file() and not UNSEEN & {*path.parts}
    }
    settings = files["factory.toml"].split(b"trusted_keys")[0]
    return files | {"factory.toml": settings + f'trusted_keys = ["{KEY}"]\n'.encode()}


@dataclass
class World:
    """One repository, its forge, and a factory that can be killed and started again on the same
    state."""

    work: Path
    agent: FakeAgent = field(default_factory=lambda: FakeAgent(fixes))
    validator: FakeValidator = field(default_factory=lambda: FakeValidator(VerdictOutcome.PASSED))
    model: FakeModel = field(default_factory=lambda: FakeModel({"card": REFUSE, "": ACCEPT}))
    broker: FakeBroker = field(default_factory=FakeBroker)
    sandbox: FakeSandbox = field(default_factory=FakeSandbox)
    signs: SignsOfLife = field(default_factory=SignsOfLife)
    errors: ErrorGroups | None = None
    deployer: Any = None
    health: Any = None
    before_effect: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.remote: dict[str, str] = {}
        self.git: Any = FakeGit(self.work / "worktrees", self.remote)
        self.forge: Any = FakeForge(
            branches=self.remote,
            contains=self.git.contains,
            merged=functools.partial(self.git.merge, message="merged by the forge", at="then"),
        )
        self.ledger: Any = FakeLedger(FakeClock())
        self.done: dict = {}
        self.log = LogEntries()
        self.remote["main"] = self.base = self.git.commit(
            self.git.tree(example()), [], message="base"
        )

    def services(self) -> Services:
        return Services(
            places=Places(self.work, "tidebook"),
            forge=self.forge,
            writer=self.forge,
            repository=self.git,
            worktrees=self.git,
            candidates=self.git,
            sandbox=self.sandbox,
            agent=self.agent,
            model=self.model,
            broker=self.broker,
            validator=self.validator,
            ledger=self.ledger,
            clock=self.ledger.clock,
            wheels=self.work / "wheels",
            sandbox_command=("sandbox",),
            trusted_keys=frozenset({KEY}),
            link=lambda path: f"http://forge/{path}",
            log=Log(self.log),
            signs=self.signs,
            errors=self.errors,
            deployer=self.deployer,
            health=self.health,
            before_effect=self.before_effect,
        )

    def decorate(self, port: str, **methods: Callable[..., Any]) -> None:
        """Give `git`, `forge`, `ledger`, `agent`, `sandbox` or `validator` these methods in place
        of its own."""
        if port == "git":  # what is apart is this git as well
            methods = {"apart": lambda: nullcontext((self.git, self.git)), **methods}
        setattr(self, port, Decorated(getattr(self, port), **methods))

    def tick(self, **only) -> tuple[int, ...]:
        """One tick of a factory that starts anew on what is there."""
        services, engine = self.services(), DirectEngine(self.done)
        engine.register(ACTION, node_action(services))
        self.dispatch = Dispatch(services, engine)
        return tick(services, self.dispatch, **only)

    def file(
        self,
        title: str = "Cancelled bookings keep their places",
        body: str = "The places are gone.",
    ) -> int:
        return self.forge.file_issue(title, body, author="kim").number

    def history(self, issue: int) -> History:
        return history_of(self.ledger, issue)

    def push_to_main(self, **files: bytes) -> None:
        """A person changes production's branch."""
        tree = dict(self.git.trees[self.git.tree_of(self.remote["main"])])
        tree |= {name.replace("__", "/"): content for name, content in files.items()}
        self.remote["main"] = self.git.commit(
            self.git.tree(tree), [self.remote["main"]], message="by hand"
        )


def shown(world):
    """What candidates are on the forge."""
    return {name: sha for name, sha in world.remote.items() if name.startswith(ci.BRANCHES)}


def candidate_of(world, issue):
    return world.history(issue).verdict.binds.candidate


def answers(world, number):
    return [one.body for one in world.forge.ours(number) if ":reply:" in one.body]


def steady(body, *, base):
    """Without what differs from run to run: commits, digests, and seconds, of which two hands use a
    varying number."""
    body = re.sub(r"sha256:[0-9a-f]{64}", "sha256:RULES", body.replace(base, "BASE"))
    return re.sub(r"T\d\d:\d\d:\d\d", "Thh:mm:ss", body)
