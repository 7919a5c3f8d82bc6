"""The deployer of a home: for each environment the adapter that its `deploy` names.

Properties:
- an adapter is loaded when its first order or look comes, so a home without environments loads
  none;
- settings that are missing in the home are a fault of that place alone: what runs there is then
  unknown, and a deployment there fails with the words that name the setting."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from harness.domain.deployment import (
    Deployed,
    DeployKind,
    DeployOrder,
    Environment,
    Running,
)
from harness.domain.errors import ConfigError, DeployError
from harness.domain.facts import UNKNOWN, Maybe
from harness.domain.issue import CommitSha, TreeSha
from harness.ports.deployer import Deployer

if TYPE_CHECKING:
    from harness.deployers.local import LocalDeployer
    from harness.forge.connection import Access

FOLDER = "places"


def local_places(home: Path) -> dict[str, Maybe[Running | None]]:
    """What each place of this machine serves, by its name: None where nothing runs, UNKNOWN where
    its process does not answer."""
    return _local(home).places()


def stop_place(home: Path, name: str) -> bool:
    """End a place of this machine; its data stay, and the next deployment serves it again. Returns
    whether anything ran. Raises ConfigError for a name that is none, DeployError where it does not
    end."""
    known = local_places(home)
    if name not in known:
        there = ", ".join(known) or "none"
        raise ConfigError(
            f"no environment on this machine is called {name!r:.60}; there is {there}"
        )
    _local(home).stop(name)
    return known[name] is not None


def _local(home: Path) -> "LocalDeployer":
    from harness.deployers.local import LocalDeployer

    return LocalDeployer(home / FOLDER, _exports_nothing)


def _exports_nothing(tree: TreeSha, folder: Path) -> None:
    raise DeployError("nothing is deployed here")


@dataclass(frozen=True, slots=True)
class HomeDeployer:
    """The port `Deployer`. `export` writes a tree into a folder; `access` tells how the forge is
    reached."""

    home: Path
    export: Callable[[TreeSha, Path], None]
    access: "Callable[[], Access]"

    def prepare(self, order: DeployOrder) -> Deployed:
        """See the port. Raises ConfigError too."""
        return self._adapter(order.environment).prepare(order)

    def switch(self, order: DeployOrder) -> Deployed:
        """See the port. Raises ConfigError too."""
        return self._adapter(order.environment).switch(order)

    def running(self, environment: Environment) -> Maybe[Running | None]:
        """See the port."""
        try:
            return self._adapter(environment).running(environment)
        except ConfigError:
            return UNKNOWN

    def retire(self, environment: Environment, keep: Collection[CommitSha]) -> None:
        """See the port."""
        try:
            self._adapter(environment).retire(environment, keep)
        except ConfigError as error:
            raise DeployError(str(error)) from error

    def _adapter(self, environment: Environment) -> Deployer:
        match environment.deploy:
            case DeployKind.LOCAL:
                from harness.deployers.local import LocalDeployer
                from harness.home.error_intake import way_to_intake

                way = way_to_intake(self.home)
                return LocalDeployer(self.home / FOLDER, self.export, way.lets_out, way.variables)
            case DeployKind.COMMAND:
                from harness.deployers.command import CommandDeployer
                from harness.deployers.operator import operator_commands

                # Read each time: the operator may change a credential while the factory works.
                return CommandDeployer(operator_commands(self.home))
            case DeployKind.GITHUB:
                from harness.forge.connection import Connection
                from harness.forge.deployments import GitHubDeployer

                return GitHubDeployer(Connection(self.access()), environment.app)
            case _:
                assert_never(environment.deploy)
