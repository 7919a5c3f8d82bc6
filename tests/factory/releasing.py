"""Worlds whose landings are released: a staging and a production, with a deployer that keeps
state."""

from datetime import timedelta

from harness.domain.events import Landed
from tests.factory.error_world import ErrorWorld
from tests.fakes.deployer import FakeDeployer, FakeHealth

STAGING, PRODUCTION = "staging", "production"
ENVIRONMENTS = """
[[environments]]
name = "staging"
deploy = "local"
url = "http://staging.example"
smoke = ["M-BOOK"]
soak = "30s"

[[environments]]
name = "production"
deploy = "command"
url = "https://production.example"
smoke = ["M-BOOK"]
soak = "60s"
"""


class ReleaseWorld(ErrorWorld):
    """A world that has environments."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.deployer = FakeDeployer()
        self.health = FakeHealth(self.deployer)
        self.settings(ENVIRONMENTS)

    def settings(self, text: str) -> None:
        """Add to factory.toml, by a person's push."""
        tree = self.git.trees[self.git.tree_of(self.remote["main"])]
        self.push_to_main(**{"factory.toml": tree["factory.toml"] + text.encode()})

    def pass_time(self, ticks: int = 1, *, seconds: int = 61) -> None:
        """Ticks, with so much time before each."""
        for _ in range(ticks):
            self.ledger.clock.at += timedelta(seconds=seconds)
            self.tick()

    def land(self, mark: str = "") -> str:
        """Land one change, and return its commit. Its release begins with that tick."""

        def work(worktree):
            path = worktree / "tidebook" / "store.py"
            path.write_text(path.read_text() + f"\nMARK = {mark or len(self.git.landings)!r}\n")

        self.agent.works = [work]
        before = len(self.git.landings)
        self.file(f"Change {mark or before}", "The places are gone.")
        self.tick()
        assert len(self.git.landings) == before + 1
        return self.git.landings[-1]

    def has_landed(self, mark: str) -> str:
        """A change that landed: its commit, and what the ledger has of it."""
        self.push_to_main(**{f"{mark}.txt": mark.encode()})
        commit = self.remote["main"]
        landed = Landed(commit, self.git.tree_of(commit), "main")
        self.ledger.append(landed, f"land/{mark}/done")
        return commit

    def release(self, steps: int = 12) -> None:
        """Move releases alone, a minute before each step. No issue moves."""
        for _ in range(steps):
            self.ledger.clock.at += timedelta(seconds=61)
            self.tick(states=frozenset(), hours={})

    @property
    def releases(self):
        return self.services().releases.all()

    @property
    def states(self):
        return [one.state.value for one in self.releases]


def releasing(folder, end: str) -> ReleaseWorld:
    """A factory whose first release is done, and whose second begins with the next step. That ends
    as `end` says: `done`; `held`, by a red smoke in staging; `rolled-back`, as it is not well in
    production; `failed`, as its deployer does nothing."""
    world = ReleaseWorld(folder)
    world.first = world.has_landed("first")
    world.release(9)
    assert world.states == ["done"]
    world.second = world.has_landed("second")
    match end:
        case "held":
            world.validator.living["M-BOOK"] = lambda commit, place: (
                "green" if commit == world.first else "red"
            )
        case "rolled-back":
            world.health.ill.add((PRODUCTION, world.second))
        case "failed":
            world.deployer.wounds = {"lies"}
    return world
