"""The meter compared with the ledger: the meter counts calls, the ledger has the cost of each
session."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from harness.domain.events import UsageRecorded
from harness.domain.ledger import Entry, of_kind
from harness.domain.spending import SpendingLine

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Agreement:
    """US dollars. `written` is the ledger's sum over `sessions`, `counted` the meter's sum over the
    same sessions. `unwritten` is the meter's rest: sessions that are open, or whose factory was
    killed."""

    sessions: int
    written: Decimal
    counted: Decimal
    unwritten: Decimal

    @property
    def is_to_the_cent(self) -> bool:
        return abs(self.written - self.counted) < _CENT


def agreement(lines: Iterable[SpendingLine], entries: Iterable[Entry]) -> Agreement:
    """Compare all lines of the meter with the ledger's entries."""
    counted: dict[str, Decimal] = {}
    for line in lines:
        counted[line.session] = (
            counted.get(line.session, Decimal(0)) + line.settled + line.held + line.open
        )
    written = _written(entries)
    # A session that the meter lost counts as nothing, so that the difference shows.
    known = {session: counted.get(session, Decimal(0)) for session in written}
    beside = sum(
        (money for session, money in counted.items() if session not in written), Decimal(0)
    )
    return Agreement(
        len(written), sum(written.values(), Decimal(0)), sum(known.values(), Decimal(0)), beside
    )


def _written(entries: Iterable[Entry]) -> Mapping[str, Decimal]:
    """The cost of each session, by its id."""
    return {
        entry.key.removeprefix("usage/"): entry.event.cost_usd
        for entry in of_kind(entries, UsageRecorded)
    }
