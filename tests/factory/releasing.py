"""Worlds whose landings are released: a staging and a production, with a deployer that keeps
state."""

from datetime import timedelta

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

    @property
    def releases(self):
        return self.services().releases.all()

    @property
    def states(self):
        return [one.state.value for one in self.releases]
