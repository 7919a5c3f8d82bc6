"""When the disk is nearly full nothing new begins: a run that cannot write its result has to be
made again, and an issue that was taken in needs room for all that follows from it. The ledger needs
little, and has the rest to itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import PortError
from harness.domain.events import CommandGiven
from harness.domain.workflow import NodeResult
from harness.factory.records.history import RESUME

if TYPE_CHECKING:
    from harness.factory.run.services import Services

LEAST_BYTES = 1_000_000_000
LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Bytes of the disk that a home is on: what this account may still write, and all."""

    free: int
    total: int

    @property
    def least(self) -> int:
        """What has to be free: one gigabyte, or two hundredths of a small disk."""
        return min(LEAST_BYTES, int(self.total * LEAST_SHARE))

    @property
    def is_short(self) -> bool:
        return self.free < self.least

    @property
    def says(self) -> str:
        return (
            f"{self.free / 1e6:.0f} MB of {self.total / 1e6:.0f} MB are free, at least"
            f" {self.least / 1e6:.0f} MB have to be"
        )


def disk_space(home: Path) -> DiskSpace:
    """The disk that a home is on, or will be. Raises OSError when it cannot be asked."""
    found = shutil.disk_usage(next(folder for folder in (home, *home.parents) if folder.exists()))
    return DiskSpace(found.free, found.total)


def raise_if_disk_full(services: Services) -> None:
    """Raise PortError, which may pass, when there is too little room to begin anything. A disk that
    cannot be asked is full."""
    home = services.places.home
    try:
        found = disk_space(home)
    except OSError as error:
        says = f"the disk of {home} cannot be looked at: {error.strerror}; nothing new is begun"
        raise PortError(says, retryable=True) from error
    if found.is_short:
        raise PortError(
            f"the disk of {home} is full ({found.says}); nothing new is begun until there is room: "
            "`factory gc` frees what nothing needs",
            retryable=True,
        )


def raise_if_failed_on_full_disk(
    services: Services, key: str, result: NodeResult, *, run: str
) -> None:
    """A no that was given while there was no room is none: it is not recorded, and the node `key`
    is made again once there is. Raises PortError then.

    The ledger is told to open a new generation of this run's engine keys, as the owner's resume
    does for all: the engine remembers the no. Where not even that can be written, the no counts as
    an attempt."""
    if result.outcome.succeeded:
        return
    try:
        raise_if_disk_full(services)
    except PortError:
        services.ledger.append(
            CommandGiven(RESUME, why=f"no room on the disk: {result.message[:200]}"),
            f"{key}/no-room/{len(services.ledger.entries(kind='command'))}",
            run=run,
        )
        raise
