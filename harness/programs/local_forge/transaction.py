"""One transaction at the forge: its writes are committed together, and its webhooks
are sent after the commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from harness.domain.plain import JsonObject
from harness.programs.local_forge.git.objects import BareRepository
from harness.programs.local_forge.links import Links
from harness.programs.local_forge.settings import Settings
from harness.programs.local_forge.storage.records import Repo


@dataclass(frozen=True, slots=True)
class Notice:
    """An event for webhooks: its name and the payload in GitHub's shape."""

    event: str
    payload: JsonObject
    # The Apps that get it, each with the number of its installation.
    installed: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One view of the database at a fixed time, with the notices to send after the commit."""

    db: Connection
    settings: Settings
    links: Links
    now: int
    # Whether any webhook exists; without one, no payload is built.
    has_hooks: bool = False
    notices: list[Notice] = field(default_factory=list)
    # Folders to delete after the commit.
    gone: list[Path] = field(default_factory=list)

    def git(self, repo: Repo) -> BareRepository:
        """The bare repository of a repository."""
        return BareRepository(self.settings.repositories / f"{repo.id}.git")
