"""The services that the pipeline works with: every port by name, built once in wiring and in
tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.factory.records.issue_index import IssueIndex
from harness.factory.records.own_runs import OwnRunIndex
from harness.factory.records.releases import ReleaseIndex
from harness.factory.records.similar_issues import SimilarIssues
from harness.factory.records.watch_list import WatchList
from harness.factory.run.health_meter import HealthMeter
from harness.factory.run.signs import SignsOfLife
from harness.log import Log
from harness.ports.agent import Agent
from harness.ports.clock import Clock
from harness.ports.deployer import Deployer, HealthReader
from harness.ports.error_groups import ErrorGroups
from harness.ports.forge import Forge, ForgeWriter
from harness.ports.git import Candidates, Repository, Worktrees
from harness.ports.ledger import Ledger
from harness.ports.model import Broker, Model
from harness.ports.repository_context import RepositoryContexts
from harness.ports.sandbox import Sandbox
from harness.ports.validator import Validator


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are in one home. `repository` is the repository's id, a name that is safe as a
    folder."""

    home: Path
    repository: str

    @property
    def stop_flag(self) -> Path:
        return self.home / "STOP"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def evidence(self) -> Path:
        """What may be published of each verdict: its page, pictures and envelope. The local forge
        serves this folder."""
        return self.home / "evidence"

    @property
    def worktrees(self) -> Path:
        """Where each run's worktree and its store of one commit are, until the run closes them."""
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
    def roots(self) -> Path:
        """Root file systems of sandboxes as the operator put them here, named by their digests."""
        return self.home / "roots"

    @property
    def layers(self) -> Path:
        return self.home / "layers"

    @property
    def index(self) -> Path:
        """The index of the repository's files: a cache, which can be made again."""
        return self.home / "index" / self.repository

    def run(self, run: str) -> Path:
        """A run's own folder."""
        return self.runs / run


@dataclass(frozen=True, slots=True, eq=False)
class Services:
    """Every real thing, named once. Code in the factory takes what it needs from here and uses no
    global.

    `link` gives the address of a path in the repository, or of a path on the forge that begins with
    `/`. `log` is for people who watch; nothing relies on it."""

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
    link: Callable[[str], str]
    log: Log
    # The form of the sandbox that runs the app for the judge's masked visitor; empty: the usual.
    other_form: str = ""
    # Without them, agents get no context of the repository and look for themselves.
    contexts: RepositoryContexts | None = None
    # The errors that the running app reported; None where nothing takes them, as in a replay.
    errors: ErrorGroups | None = None
    # Who brings what has landed to an environment, and who asks there; None where nothing is
    # deployed, as in a replay.
    deployer: Deployer | None = None
    health: HealthReader | None = None
    # What this process leaves of itself while it works; none in a replay, for example.
    signs: SignsOfLife = field(default_factory=SignsOfLife)
    # Called after an intent is recorded and before the effect on the world, which it prevents by
    # raising: a state that is kept elsewhere is stored now.
    before_effect: Callable[[], None] = lambda: None
    # What this process has read of the ledger and of the forge, and has compared.
    issue_index: IssueIndex = field(init=False)
    own_runs: OwnRunIndex = field(init=False)
    watch_list: WatchList = field(init=False)
    similar_issues: SimilarIssues = field(init=False)
    releases: ReleaseIndex = field(init=False)
    health_meter: HealthMeter = field(default_factory=HealthMeter, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "issue_index", IssueIndex(self.ledger))
        object.__setattr__(self, "own_runs", OwnRunIndex(self.ledger))
        object.__setattr__(self, "releases", ReleaseIndex(self.ledger))
        object.__setattr__(self, "similar_issues", SimilarIssues(self.issue_index))
        object.__setattr__(
            self, "watch_list", WatchList(self.forge, self.issue_index, self.ledger, self.clock)
        )
