"""What `factory status` and the health check answer: read from the home alone, whoever works on
it."""

from datetime import datetime
from pathlib import Path

from harness.domain.errors import PortError
from harness.domain.plain import JsonDict
from harness.domain.presence import Presence
from harness.factory.records.history import is_stop_requested
from harness.factory.reporting.report import status
from harness.factory.run.disk_space import disk_space
from harness.factory.run.effects import is_flagged
from harness.home.state import open_ledger, presence_of


def overview(home: Path, now: datetime) -> tuple[JsonDict, Presence | None]:
    """The document of `factory status --json` at `now`, and the last sign of life. Writes
    nothing. Raises ConfigError where there is no factory, LedgerError where its ledger cannot be
    read."""
    with open_ledger(home) as ledger:
        disk, presence = disk_space(home), _presence(home)
        stopped = is_flagged(home / "STOP") is not False or is_stop_requested(ledger)
        full = disk.summary if disk.is_short else ""
        return status(ledger, presence, now, stopped=stopped, full=full), presence


def _presence(home: Path) -> Presence | None:
    # Whoever leaves no sign that can be read is not shown to be at work.
    try:
        return presence_of(home).read()
    except PortError:
        return None
