"""One piece of work at the forge: what is written is kept together or not at all, and told to
others only then."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from harness.programs.local_forge.git.objects import BareRepository
from harness.programs.local_forge.links import Links
from harness.programs.local_forge.settings import Settings
from harness.programs.local_forge.storage.records import Repo


@dataclass(frozen=True, slots=True)
class Notice:
    """What a webhook will say: the event's name and the payload as GitHub shapes it."""

    event: str
    payload: Mapping[str, Any]
    installed: Mapping[int, int] = field(
        default_factory=dict
    )  # Apps that are told of it, with their installations


@dataclass(frozen=True, slots=True)
class Transaction:
    """The database as of one moment, the clock held still, and the notices to send once all is
    committed."""

    db: Connection
    settings: Settings
    links: Links
    now: int
    listened: bool = False  # whether any webhook is set, so that payloads are not built for nobody
    notices: list[Notice] = field(default_factory=list)
    gone: list[Path] = field(
        default_factory=list
    )  # folders that nothing names any more once this is kept

    def git(self, repo: Repo) -> BareRepository:
        """The bare repository of a repository."""
        return BareRepository(self.settings.repositories / f"{repo.id}.git")
