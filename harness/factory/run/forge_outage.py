"""A forge that was away decides nothing: what a node could not do for want of it is not counted,
and is made again.

Properties: such an attempt is in no ledger, and its run stays open; a node whose forge is away time
after time, while everything else of the same forge answers, is a fault like any other in the end.
"""

from collections.abc import Iterable
from datetime import datetime

from harness.domain.errors import FactoryError, ForgeError, ModelsPaused, PortError, RemoteError
from harness.domain.events import CommandGiven
from harness.domain.workflow import NodeResult
from harness.factory.records.history import RESUME
from harness.factory.run.node import failed
from harness.factory.run.pause import is_paused, result_of_pause
from harness.factory.run.services import Services

AWAY = "away"
MOST_TIMES = 10
"""A run is taken up that often for want of the forge; each time costs what its node costs."""


def result_of(error: FactoryError) -> NodeResult:
    """What a node gives that ended by this error: a failure, marked where only the forge's absence
    is to blame."""
    if isinstance(error, ModelsPaused):
        return result_of_pause(error)
    retryable = isinstance(error, PortError) and error.retryable
    if retryable and isinstance(error, (ForgeError, RemoteError)):
        again_at = getattr(error, "again_at", None)
        return failed(
            str(error), retryable=True, **{AWAY: again_at.isoformat() if again_at else ""}
        )
    return failed(str(error), retryable=retryable)


def is_unavailable(result: NodeResult) -> bool:
    """Whether the forge was away, or no model could be asked, so that nothing follows from this."""
    return not result.outcome.succeeded and (AWAY in result.output or is_paused(result))


def reopen_after_outage(services: Services, run: str, missed: Iterable[NodeResult]) -> None:
    """Raise ForgeError where something was missed for want of the forge: the run stays open, and
    its engine's keys are of a new generation, for the engine remembers. Not for the eleventh
    time."""
    absences = tuple(one for one in missed if AWAY in one.output)
    key, times = (
        f"{run}/away/",
        sum(
            entry.key.startswith(f"{run}/away/")
            for entry in services.ledger.entries(kind="command")
        ),
    )
    if not absences or times >= MOST_TIMES:
        return
    services.ledger.append(
        CommandGiven(RESUME, why=f"the forge was away: {absences[-1].message[:200]}"),
        f"{key}{times}",
        run=run,
    )
    moments = [
        datetime.fromisoformat(str(one.output[AWAY])) for one in absences if one.output[AWAY]
    ]
    raise ForgeError(
        f"{absences[-1].message}; the run goes on when the forge is back",
        retryable=True,
        again_at=max(moments, default=None),
    )
