"""The deployer by way of the forge: a deployment begins a workflow there, whose statuses tell how
it went.

Properties:
- One deployment per order: its key lies in the payload, and is looked for before one is created.
- Statuses count from the one app that was named. Anybody with write access can post one, so that of
  another account is nothing, whatever it claims.
- The workflow is awaited over calls: an order that has not ended yet is retryable, and the next
  call of the same order looks at the same deployment.
- A deployment is created without the forge merging anything, and without its checks of the commit:
  what lands here has been judged."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from harness.domain.deployment import Deployed, DeployOrder, Environment, Running
from harness.domain.errors import DeployError, ForgeError
from harness.domain.facts import UNKNOWN, Maybe
from harness.domain.issue import CommitSha
from harness.forge.connection import Connection
from harness.forge.errors import forge_errors

if TYPE_CHECKING:
    from github.Deployment import Deployment
    from github.Repository import Repository

KEY = "factory_order"
MOST_DEPLOYMENTS, MOST_STATUSES = 50, 50
POLL_SECONDS = 5.0
DONE, FAILED = frozenset({"success"}), frozenset({"failure", "error"})


@dataclass(frozen=True, slots=True)
class GitHubDeployer:
    """The port `Deployer` over GitHub's deployments. `app` is the login of the app whose statuses
    count, like `github-actions[bot]`. `wait` sleeps for so many seconds."""

    connection: Connection
    app: str
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def prepare(self, order: DeployOrder) -> Deployed:
        """See the port. Nothing: a workflow deploys at once."""
        return Deployed(order.commit, "a workflow prepares nothing")

    def switch(self, order: DeployOrder) -> Deployed:
        """See the port. Raises DeployError, retryable while the workflow has not ended."""
        until = self.clock() + order.seconds
        try:
            found = self._ordered(order) or self._created(order)
            while (state := self._state(found)) not in DONE | FAILED:
                if self.clock() + POLL_SECONDS > until:
                    raise DeployError(
                        f"deployment {found.id} has not ended: {self.app} reported"
                        f" {state or 'nothing'}",
                        retryable=True,
                    )
                self.wait(POLL_SECONDS)
        except ForgeError as error:
            raise DeployError(str(error), retryable=error.retryable) from error
        if state in FAILED:
            raise DeployError(f"deployment {found.id} ended with {state}")
        return Deployed(str(found.id), f"{self.app} reported {state}")

    def running(self, environment: Environment) -> Maybe[Running | None]:
        """See the port: the commit of the newest deployment that succeeded. UNKNOWN where a newer
        one has begun and not ended."""
        try:
            for found in self._deployments(environment.name):
                state = self._state(found)
                if state in DONE:
                    return Running(CommitSha(found.sha), str(found.id))
                if state not in FAILED | {"inactive"}:
                    return UNKNOWN
        except ForgeError:
            return UNKNOWN
        return None

    def retire(self, environment: Environment, keep: Collection[CommitSha]) -> None:
        """See the port. Nothing: the forge marks older deployments inactive by itself."""

    def _created(self, order: DeployOrder) -> "Deployment":
        with forge_errors(f"creating a deployment to {order.environment.name}"):
            return self._repository.create_deployment(
                order.commit,
                auto_merge=False,
                required_contexts=[],
                payload={KEY: order.key, "variables": dict(order.variables)},
                environment=order.environment.name,
                description="Released by the factory",
            )

    def _ordered(self, order: DeployOrder) -> "Deployment | None":
        """The deployment that an earlier call of this order has created."""
        for found in self._deployments(order.environment.name):
            payload: Any = found.payload
            if (
                isinstance(payload, dict)
                and payload.get(KEY) == order.key
                and found.sha == order.commit
            ):
                return found
        return None

    def _deployments(self, environment: str) -> "Iterator[Deployment]":
        """Those of the environment, the newest first."""
        with forge_errors(f"listing the deployments to {environment}"):
            listed = self._repository.get_deployments(environment=environment)
            # The list is lazy: it asks where it is walked.
            yield from list(islice(listed, MOST_DEPLOYMENTS))

    def _state(self, deployment: "Deployment") -> str:
        """What the named app reported last; empty where it reported nothing."""
        with forge_errors(f"reading the statuses of deployment {deployment.id}"):
            for status in islice(deployment.get_statuses(), MOST_STATUSES):
                if status.creator is not None and status.creator.login == self.app:
                    return str(status.state)
        return ""

    @property
    def _repository(self) -> "Repository":
        return self.connection.repository
