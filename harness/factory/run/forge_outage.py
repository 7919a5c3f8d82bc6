"""A forge outage decides nothing: what a node could not do because the forge was down does not
count, and is made again.

Properties:
- such an attempt is in no ledger, and its run stays open;
- where one node meets an outage time after time, while the forge answers everything else, it fails
  in the end like any other."""

from collections.abc import Iterable
from datetime import datetime

from harness.domain.errors import FactoryError, ForgeError, ModelsPaused, PortError, RemoteError
from harness.domain.events import CommandGiven
from harness.domain.workflow import NodeResult
from harness.factory.records.brakes import RESUME
from harness.factory.run.node import failed
from harness.factory.run.pause import is_paused, result_of_pause
from harness.factory.run.services import Services

OUTAGE = "away"
MOST_OUTAGES = 10
"""How often a run is resumed after an outage; each time costs what its node costs."""


def result_of(error: FactoryError) -> NodeResult:
    """The result of a node that ended by this error: a failure, marked where only the forge's
    absence is to blame."""
    if isinstance(error, ModelsPaused):
        return result_of_pause(error)
    retryable = isinstance(error, PortError) and error.retryable
    # Any other retryable fault (a sandbox, a model) counts as an attempt.
    if retryable and isinstance(error, (ForgeError, RemoteError)):
        again_at = getattr(error, "again_at", None)
        return failed(
            str(error), retryable=True, **{OUTAGE: again_at.isoformat() if again_at else ""}
        )
    return failed(str(error), retryable=retryable)


def is_unavailable(result: NodeResult) -> bool:
    """Whether the forge was down, or no model could be asked, so that nothing follows from this
    result."""
    return not result.outcome.succeeded and (OUTAGE in result.output or is_paused(result))


def reopen_after_outage(services: Services, run: str, missed: Iterable[NodeResult]) -> None:
    """Raise ForgeError where a node missed the forge: the run stays open and goes on when the forge
    is back. The engine remembers the failure, so the run's engine keys get a new generation. After
    `MOST_OUTAGES` it returns, and the failure stands."""
    outages = tuple(one for one in missed if OUTAGE in one.output)
    commands, prefix = services.ledger.entries(kind="command"), f"{run}/away/"
    times = sum(entry.key.startswith(prefix) for entry in commands)
    if not outages or times >= MOST_OUTAGES:
        return
    services.ledger.append(
        CommandGiven(RESUME, why=f"the forge was away: {outages[-1].message[:200]}"),
        f"{prefix}{times}",
        run=run,
    )
    again = [str(one.output[OUTAGE]) for one in outages if one.output[OUTAGE]]
    raise ForgeError(
        f"{outages[-1].message}; the run goes on when the forge is back",
        retryable=True,
        again_at=max(map(datetime.fromisoformat, again), default=None),
    )
