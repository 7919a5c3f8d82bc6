"""What was spent so far, by session, run, issue, day and month: what the caps are compared with.

Properties:

- A total is what the store would sum, to the nanodollar. It is remembered only as long as the store
  itself reports that nobody else wrote. PostgreSQL does not report that, so there it is summed each
  time.
- It is read and changed within a transaction that holds the store's write lock, and forgotten when
  one of them fails.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from harness.domain.plain import JsonDict
from harness.programs.broker.prices import dollars

_SCOPES = {
    "session": "session = :session",
    "run": "session IN (SELECT id FROM sessions WHERE run = :run)",
    "issue": "session IN (SELECT id FROM sessions WHERE issue = :issue)",
    "month": "day >= :month AND day < :next_month",
    "day": "day = :day",
}
_SUMS = sa.text(
    " UNION ALL ".join(
        f"SELECT '{scope}', count(*), coalesce(sum(coalesce(cost, reserved)), 0), "  # noqa: S608 - a constant text
        "coalesce(sum(CASE WHEN reserved < 0 OR cost < 0 THEN 1 ELSE 0 END), 0) FROM calls WHERE"
        f" {which}"
        for scope, which in _SCOPES.items()
    )
)
"""All totals in one statement. As text, because building it took longer than running it."""
_MOST_KEPT = 5_000
ScopeKeys = Mapping[str, str | int]
"""The keys of a session, a run, an issue, a day, and a month (its first day and the next one's)."""


@dataclass(frozen=True, slots=True)
class RecordedUsage:
    """What was used so far. `cost` is in nanodollars and includes what is still reserved."""

    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cost: int

    def document(self) -> JsonDict:
        """As JSON. The money is a decimal text, because most readers turn a JSON number into a
        binary fraction."""
        return {
            "calls": self.calls,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cost_usd": f"{dollars(self.cost).normalize():f}",
        }


class NegativeAmount(Exception):
    """The store holds a negative amount, which nobody ever wrote."""


class SpendingTotals:
    """The totals of one process."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str | int], tuple[int, int]] = {}
        # The connection, and the store's version of the data there.
        self._seen: tuple[Any, int] | None = None

    def of(self, tx: sa.Connection, which: ScopeKeys) -> tuple[int, dict[str, int]]:
        """How many calls the session has made, and the nanodollars spent by scope. Raises
        NegativeAmount."""
        self._forget_unless_current(tx)
        if any((scope, which[scope]) not in self._sums for scope in _SCOPES):
            rows = {scope: tuple(map(int, sums)) for scope, *sums in tx.execute(_SUMS, dict(which))}
            if any(impossible for _, _, impossible in rows.values()):
                raise NegativeAmount
            self._sums.update(
                {(scope, which[scope]): (calls, cost) for scope, (calls, cost, _) in rows.items()}
            )
        found = {scope: self._sums[scope, which[scope]] for scope in _SCOPES}
        return found["session"][0], {scope: cost for scope, (_, cost) in found.items()}

    def add(self, which: ScopeKeys, more: int, *, calls: int = 0) -> None:
        """Add to what this transaction's scopes have spent; `more` may be negative."""
        for scope in _SCOPES:
            # A scope that was never summed stays unknown: the next question sums it in the store.
            if there := self._sums.get((scope, which[scope])):
                self._sums[scope, which[scope]] = (there[0] + calls, there[1] + more)

    def forget(self) -> None:
        """Forget the totals. A transaction failed, and its outcome is unknown."""
        self._sums.clear()

    def _forget_unless_current(self, tx: sa.Connection) -> None:
        """Forget the totals when somebody else may have written.

        SQLite gives each connection a number that changes when another connection wrote.
        """
        connection, version = tx.connection.dbapi_connection, -1
        if tx.dialect.name == "sqlite":
            version = int(tx.exec_driver_sql("PRAGMA data_version").scalar_one())
        if (
            version < 0
            or self._seen is None
            or self._seen[0] is not connection
            or self._seen[1] != version
            or len(self._sums) > _MOST_KEPT
        ):
            self._sums.clear()
        self._seen = connection, version
