"""What the caps look at: how much was spent so far, by session, run, issue, day and month.

Properties kept:
- it is what the store would sum, to the nanodollar: a sum is remembered only for as long as the
  store itself says that nobody else wrote to it. PostgreSQL says no such thing, so there it is
  summed each time;
- it is asked and changed within a transaction that holds the store's write lock, and forgotten when
  one of them fails."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

_SCOPES = {
    "session": "session = :session",
    "run": "session IN (SELECT id FROM sessions WHERE run = :run)",
    "issue": "session IN (SELECT id FROM sessions WHERE issue = :issue)",
    "month": "day >= :month AND day < :next_month",
    "day": "day = :day",
}
_SUMS = sa.text(
    " UNION ALL ".join(
        f"SELECT '{scope}', count(*), coalesce(sum(coalesce(cost, reserved)), 0), "  # noqa: S608 - all of it is written here
        "coalesce(sum(CASE WHEN reserved < 0 OR cost < 0 THEN 1 ELSE 0 END), 0) FROM calls WHERE"
        f" {which}"
        for scope, which in _SCOPES.items()
    )
)
"""All of it in one statement. As text, because to build it took longer than to run it."""
_MOST_KEPT = 5_000
Which = Mapping[str, str | int]
"""Whose: a session, a run, an issue, a day, and a month by its first day and that of the next."""


class Impossible(Exception):
    """The store holds a negative amount, which nobody ever wrote."""


class Standing:
    """The sums of one process."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str | int], tuple[int, int]] = {}
        # by which connection, and what the store said there of its writers
        self._seen: tuple[Any, int] | None = None

    def of(self, tx: sa.Connection, which: Which) -> tuple[int, dict[str, int]]:
        """How many calls the session has made, and what was spent in nanodollars by scope. Raises
        Impossible."""
        self._forget_unless_current(tx)
        if any((scope, which[scope]) not in self._sums for scope in _SCOPES):
            rows = {scope: tuple(map(int, sums)) for scope, *sums in tx.execute(_SUMS, dict(which))}
            if any(impossible for _, _, impossible in rows.values()):
                raise Impossible
            self._sums.update(
                {(scope, which[scope]): (calls, cost) for scope, (calls, cost, _) in rows.items()}
            )
        found = {scope: self._sums[scope, which[scope]] for scope in _SCOPES}
        return found["session"][0], {scope: cost for scope, (_, cost) in found.items()}

    def add(self, which: Which, more: int, *, calls: int = 0) -> None:
        """This transaction spends so much more, or less."""
        for scope in _SCOPES:
            if there := self._sums.get((scope, which[scope])):
                self._sums[scope, which[scope]] = (there[0] + calls, there[1] + more)

    def forget(self) -> None:
        """A transaction failed: nobody knows what became of it."""
        self._sums.clear()

    def _forget_unless_current(self, tx: sa.Connection) -> None:
        """SQLite gives each connection a number that changes when another one wrote, whoever holds
        it."""
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
