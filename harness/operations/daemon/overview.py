"""What `factory status` and the health check answer: read from the home alone, whoever works on
it."""

from datetime import datetime
from pathlib import Path

from harness.domain.errors import PortError
from harness.domain.events import EffectDone
from harness.domain.plain import JsonDict
from harness.domain.presence import Presence
from harness.factory.records.brakes import is_stop_requested
from harness.factory.records.error_groups import overview_of
from harness.factory.reporting.report import status
from harness.factory.run.disk_space import disk_space
from harness.factory.run.effects import is_flagged
from harness.factory.run.signs import seen_from_here
from harness.home.error_intake import spool_of
from harness.home.state import open_ledger, presence_of
from harness.ports.ledger import Ledger


def overview(home: Path, now: datetime) -> tuple[JsonDict, Presence | None]:
    """The document of `factory status --json` at `now`, and the last sign of life. Writes
    nothing. Raises ConfigError where there is no factory, LedgerError where its ledger cannot be
    read."""
    with open_ledger(home) as ledger:
        disk, presence = disk_space(home), _presence(home)
        stopped = is_flagged(home / "STOP") is not False or is_stop_requested(ledger)
        full = disk.summary if disk.is_short else ""
        found = status(ledger, presence, now, stopped=stopped, full=full)
        return {**found, "errors": _errors(home, ledger)}, presence


def _errors(home: Path, ledger: Ledger) -> JsonDict:
    """How many groups of errors the running app reported, and how many of them have no issue."""
    try:
        groups = spool_of(home).groups()
    except PortError:
        # `factory doctor` looks at it more closely.
        return {"groups": 0, "waiting": 0}
    rows = overview_of(groups, ledger.entries(kind=EffectDone.kind)) if groups else ()
    return {"groups": len(rows), "waiting": sum(not one["issue"] for one in rows)}


def _presence(home: Path) -> Presence | None:
    # Whoever leaves no sign that can be read is not shown to be at work.
    try:
        found = presence_of(home).read()
    except PortError:
        return None
    return seen_from_here(found) if found else None
