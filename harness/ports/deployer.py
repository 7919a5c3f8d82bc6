"""Deployers bring a landed commit to a place; a health reader asks the place itself.

Properties every adapter keeps:
- the same order's `key` attaches to what was made for it before: look before you create;
- no answer is believed by the caller, who reads back `running`, which looks at the place and never
  remembers;
- each operation ends within the order's `seconds` (`running` and `retire` within 20 s), and what it
  started ends with it;
- the operator's credentials stay in the adapter: not in a sandbox, an argument, a message, a
  log."""

from collections.abc import Collection
from typing import Protocol

from harness.domain.deployment import Deployed, DeployOrder, Environment, Health, Running
from harness.domain.facts import Maybe
from harness.domain.issue import CommitSha


class Deployer(Protocol):
    """Everything raises DeployError; `retryable` tells a passing fault from a final one. After any
    error, also a final one, the commit may be live all the same."""

    def prepare(self, order: DeployOrder) -> Deployed:
        """Make the commit ready beside what is live, which goes on serving. A deployer that cannot
        do this does nothing."""
        ...

    def switch(self, order: DeployOrder) -> Deployed:
        """Make the commit the one that is served, prepared or not. What was live before is kept
        until `retire`, so that a switch back to it takes less than 60 s."""
        ...

    def running(self, environment: Environment) -> Maybe[Running | None]:
        """What is served now: None where nothing is, UNKNOWN where nobody can say."""
        ...

    def retire(self, environment: Environment, keep: Collection[CommitSha]) -> None:
        """End everything of ours there that is of no commit in `keep`, and is not served."""
        ...


class HealthReader(Protocol):
    """Asks a place over HTTP what any visitor could ask. It is no part of a deployer, so that a
    deployer that lies is found out."""

    def health(self, environment: Environment) -> Health:
        """One answer within 5 s, at most 64 KiB of it read, no redirect followed. Never raises: no
        answer, or one that is not `2xx`, is not ok.

        An answer of JSON may say `environment` and `commit` (or `release`), and `ok: false`."""
        ...
