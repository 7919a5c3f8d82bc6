"""What the lap works with: every port by name, built once in wiring and in the tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.factory.records.issue_index import IssueIndex
from harness.factory.records.similar_issues import SimilarIssues
from harness.factory.records.watch_list import WatchList
from harness.ports.agent import Agent
from harness.ports.clock import Clock
from harness.ports.essay import Essays
from harness.ports.forge import Forge, ForgeWriter
from harness.ports.git import Candidates, Repository, Worktrees
from harness.ports.ledger import Ledger
from harness.ports.model import Broker, Model
from harness.ports.sandbox import Sandbox
from harness.ports.validator import Validator


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie under one home."""

    home: Path
    repository: str  # the repository's id: a name that is safe as a folder

    @property
    def stop_flag(self) -> Path:
        return self.home / "STOP"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def evidence(self) -> Path:
        """What may leave of each verdict: its page, pictures, envelope. The embedded forge shows
        this folder."""
        return self.home / "evidence"

    @property
    def worktrees(self) -> Path:
        """Where each run's worktree and its store of one commit are, until it is closed."""
        return self.home / "worktrees"

    @property
    def sealed(self) -> Path:
        return self.home / "sealed" / self.repository

    @property
    def trusted(self) -> Path:
        return self.home / "repositories" / f"{self.repository}.git"

    @property
    def signing_key(self) -> Path:
        return self.home / "keys" / "validator.key"

    @property
    def layers(self) -> Path:
        return self.home / "layers"

    @property
    def index(self) -> Path:
        """What is known of the repository's files: a cache, which is made again."""
        return self.home / "index" / self.repository

    def run(self, run: str) -> Path:
        """A run's own folder."""
        return self.runs / run


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """Everything real, named once. Code in the factory takes what it needs from here and asks no
    global."""

    places: Places
    forge: Forge
    writer: ForgeWriter
    repository: Repository
    worktrees: Worktrees
    candidates: Candidates
    sandbox: Sandbox
    agent: Agent
    model: Model
    broker: Broker
    validator: Validator
    ledger: Ledger
    clock: Clock
    wheels: Path
    sandbox_command: tuple[str, ...]
    trusted_keys: frozenset[str]
    link: Callable[[str], str]  # a path in the repository (or /… of the forge) → an address
    tell: Callable[[str, str, str], None]  # (run, what, words): live progress, never relied upon
    # of box, for the app that the judge's masked visitor meets; empty: the same as any
    other_form: str = ""
    # without them agents are told nothing of the repository, and look for themselves
    essays: Essays | None = None
    issue_index: IssueIndex = field(init=False)  # what this process has read of the ledger,
    watch_list: WatchList = field(init=False)  # has seen of the forge,
    similar_issues: SimilarIssues = field(init=False)  # and has compared

    def __post_init__(self) -> None:
        object.__setattr__(self, "issue_index", IssueIndex(self.ledger))
        object.__setattr__(self, "similar_issues", SimilarIssues(self.issue_index))
        object.__setattr__(
            self, "watch_list", WatchList(self.forge, self.issue_index, self.ledger, self.clock)
        )
