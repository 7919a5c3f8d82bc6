"""When the disk is nearly full, nothing new begins.

A run that cannot write its result has to be made again, and a new issue needs room for all that
follows from it. The ledger needs little room, and keeps the rest of the disk for itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import PortError
from harness.domain.events import CommandGiven
from harness.domain.workflow import NodeResult
from harness.factory.records.brakes import RESUME

if TYPE_CHECKING:
    from harness.factory.run.services import Services

LEAST_BYTES = 1_000_000_000
LEAST_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """The disk that a home is on, in bytes: `free` for this account to write, and `total`."""

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
    def summary(self) -> str:
        return (
            f"{self.free / 1e6:.0f} MB of {self.total / 1e6:.0f} MB are free, at least"
            f" {self.least / 1e6:.0f} MB have to be"
        )


def disk_space(home: Path) -> DiskSpace:
    """The disk that `home` is on, or will be. Raises OSError when it cannot be read."""
    found = shutil.disk_usage(next(folder for folder in (home, *home.parents) if folder.exists()))
    return DiskSpace(found.free, found.total)


def raise_if_disk_full(services: Services) -> None:
    """Raise PortError (retryable) when there is too little room to begin anything. A disk that
    cannot be read counts as full."""
    home = services.places.home
    try:
        found = disk_space(home)
    except OSError as error:
        message = f"the disk of {home} cannot be read: {error.strerror}; nothing new begins"
        raise PortError(message, retryable=True) from error
    if found.is_short:
        raise PortError(
            f"the disk of {home} is full ({found.summary}); nothing new begins until there is"
            " room: `factory gc` frees what nothing needs",
            retryable=True,
        )


def raise_if_failed_on_full_disk(
    services: Services, key: str, result: NodeResult, *, run: str
) -> None:
    """Raise PortError where a node failed while the disk was full: the full disk may be why, so the
    failure is not recorded, and the node `key` is made again once there is room.

    The engine remembers the failure, so the ledger opens a new generation of this run's engine
    keys, as the owner's resume does for all runs. Where not even that can be written, the failure
    counts as an attempt."""
    # Only a failure may be the full disk's fault.
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
