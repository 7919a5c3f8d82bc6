"""How often a run was resumed."""

from harness.domain.events import CommandGiven
from harness.factory.records.brakes import RESUME
from harness.factory.run.services import Services
from harness.ports.ledger import recorded


def generation_of(services: Services, run: str) -> int:
    """How often this run was resumed: by the owner's resume, or by the factory after a pause, an
    outage or a full disk. The engine remembers results by key, so each resume needs new keys."""
    return sum(
        entry.event.command == RESUME and entry.run in (None, run)
        for entry in recorded(services.ledger, CommandGiven)
    )
