"""A factory whose first release went to its end, for attacks on the ones after it."""

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.domain.errors import FactoryStop
from harness.domain.events import CommandGiven, Landed
from harness.domain.issue import CommitSha
from harness.domain.release import ReleaseState
from harness.factory.records.brakes import RESUME
from harness.factory.records.releases import RESUME_RELEASES, Release
from harness.operations.drill.attack import AttackOutcome, not_held
from harness.operations.drill.places import DrillPlaces
from harness.operations.drill.shop import MINIMAL_POLICY
from harness.operations.drill.stand_ins import SigningJudge
from harness.ports.deployer import Deployer

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment

STAGING, PRODUCTION = "staging", "production"
JOURNEY = f"sha256:{'5' * 64}"
_ENVIRONMENT = """
[[environments]]
name = "{name}"
deploy = "{deploy}"
url = "http://{name}.example"
smoke = ["M-SELL"]
soak = "0s"
unhealthy = 1
"""


class ReleaseBench:
    """A factory whose first release went to its end, so that what follows is no matter of set-up.
    `first` is that commit."""

    def __init__(self, drill: "DrillEnvironment", name: str) -> None:
        toml = f"{MINIMAL_POLICY['factory.toml']}[watch]\non = false\n" + "".join(
            _ENVIRONMENT.format(name=one, deploy="local") for one in (STAGING, PRODUCTION)
        )
        self.factory = drill.factory(name, policy_files={**MINIMAL_POLICY, "factory.toml": toml})
        self.places, self.red = DrillPlaces(), set[str]()
        self.factory.judge.works[JOURNEY] = lambda commit: commit not in self.red
        self.start()
        self.first = self.land("first")
        self.tick()

    def start(self, deployer: Deployer | None = None, judge: SigningJudge | None = None) -> None:
        """Start the factory anew, on what is there; with another deployer or judge, where one is
        given."""
        self.factory.customize(
            lambda services: replace(
                services,
                deployer=deployer or self.places,
                health=self.places,
                validator=judge or services.validator,
            )
        )

    def land(self, name: str) -> str:
        """A commit that has landed, as the ledger tells it."""
        commit = self.factory.push({f"{name}.txt": f"{name}\n"})
        repository = self.factory.services.repository
        repository.fetch("main")
        landed = Landed(commit, repository.tree_of(CommitSha(commit)), "main")
        self.factory.ledger.append(landed, f"drill/land/{name}/done")
        return commit

    def tick(self, *, stops: bool = True) -> None:
        """One tick in which releases move, and no issue. It may be stopped in the middle; where
        `stops` is not set, that is raised."""
        try:
            self.factory.tick(states=frozenset(), hours={})
        except FactoryStop:
            if not stops:
                raise

    def stop(self) -> None:
        """The owner stops the factory."""
        (self.factory.home / "STOP").write_text("we are looking into something\n", "utf-8")

    def lift(self) -> None:
        """The owner lifts the stop."""
        (self.factory.home / "STOP").unlink()
        self.factory.ledger.append(CommandGiven(RESUME), "command/0/resume")

    def resume(self) -> None:
        """A person resumes releases."""
        self.factory.ledger.append(CommandGiven(RESUME_RELEASES), "drill/resume")

    @property
    def releases(self) -> tuple[Release, ...]:
        return self.factory.services.releases.all()

    @property
    def last(self) -> Release:
        return self.releases[-1]

    @property
    def is_set_up(self) -> AttackOutcome | None:
        """The control of each attack: None where an honest release went to its end."""
        if [one.state for one in self.releases] == [ReleaseState.DONE]:
            return None
        state = self.releases[-1].state if self.releases else "none"
        fault = self.releases[-1].fault if self.releases else ""
        return not_held(
            f"an honest release does not get through, so nothing was proven: {state} {fault}"
        )
