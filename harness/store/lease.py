"""One factory at a time on one database, wherever it runs: an advisory lock, held by a session of
its own.

The server releases the lock with the session, however that ends. So a waiting factory takes over
within a second of the holder's death; if the connection is cut, once the server has noticed, which
`postgres_address` limits. A holder whose session is gone holds nothing any more, so it must ask
`held` before anything is recorded.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import psycopg

from harness.domain.errors import Busy, LedgerError
from harness.store.database import shown
from harness.store.lock import POLL_SECONDS

FACTORY = "the factory"
_NAME_BYTES = 63
"""The server keeps this many bytes of a session's name."""


class Connect(Protocol):
    """Opens a session, as `psycopg.connect` does."""

    def __call__(
        self, address: str, /, *, autocommit: bool, application_name: str
    ) -> psycopg.Connection: ...


class Lease(Protocol):
    """The right to be the only working factory."""

    def ensure(self) -> None:
        """Take it again if it was lost. Raises Busy if another factory has it now, LedgerError if
        that cannot be determined."""
        ...

    def held(self) -> None:
        """Raises a retryable LedgerError if it was lost."""
        ...


class KernelLease:
    """For a lock on a file of the home: it is held while this process lives, and cannot be lost
    before."""

    def ensure(self) -> None:
        return

    def held(self) -> None:
        return


class AdvisoryLock:
    """A lock of this name on the database at `address`. Raises LedgerError if the server does not
    answer."""

    def __init__(
        self, address: str, name: str, *, holder: str, connect: Connect = psycopg.connect
    ) -> None:
        self._address, self._key, self._connect = address, _key(name), connect
        self._holder = f"{holder} on {socket.gethostname()}, pid {os.getpid()}"[:_NAME_BYTES]
        self._session: psycopg.Connection | None = None

    def take(self) -> bool:
        """Whether it is ours now. Never waits for another holder."""
        try:
            if self._session is None or self._session.closed:
                # Autocommit, or it would stay in one transaction for as long as it holds the lock.
                self._session = self._connect(
                    self._address, autocommit=True, application_name=self._holder
                )
            taken = self._session.execute(
                "SELECT pg_try_advisory_lock(%s)", (self._key,)
            ).fetchone() == (True,)
        except psycopg.Error as fault:
            self.release()
            raise LedgerError(
                f"{shown(self._address)} does not answer: {_first_line(fault)}", retryable=True
            ) from fault
        # A waiting factory keeps no session open.
        if not taken:
            self.release()
        return taken

    def is_held(self) -> bool:
        """Asks the server, in the session that took it."""
        if self._session is None:
            return False
        try:
            return self._session.execute(_HELD, (*_halves(self._key),)).fetchone() == (True,)
        except psycopg.Error:
            return False

    def who(self) -> str:
        """The holder, by the name of their session; "" if there is none, or if the server does not
        answer."""
        with suppress(psycopg.Error), psycopg.connect(self._address, autocommit=True) as look:
            found = look.execute(_WHO, (*_halves(self._key),)).fetchone()
            return str(found[0]) if found else ""
        return ""

    def release(self) -> None:
        """Release the lock, and end the session. Without the explicit unlock the server would
        release it a little later, and a factory that asks at once would find it busy."""
        if self._session is not None:
            with suppress(psycopg.Error):
                self._session.execute("SELECT pg_advisory_unlock_all()")
            with suppress(psycopg.Error):
                self._session.close()
            self._session = None


class DatabaseLease:
    """The Lease on a database."""

    def __init__(self, address: str, *, command: str) -> None:
        self._where, self._lock = shown(address), AdvisoryLock(address, FACTORY, holder=command)

    def ensure(self) -> None:
        # What is left of a lost session is closed before the lock is taken in a new one.
        if not self._lock.is_held():
            self._lock.release()
            if not self._lock.take():
                holder = self._lock.who() or "another factory"
                raise Busy(
                    f"{holder} works on {self._where}; wait for it, or end it, and try again"
                )

    def held(self) -> None:
        if not self._lock.is_held():
            raise LedgerError(
                f"this factory is no longer the one at work on {self._where}: its session there has"
                " ended",
                retryable=True,
            )

    def release(self) -> None:
        self._lock.release()


@contextmanager
def sole_factory_on(
    address: str,
    *,
    command: str,
    patience: float = 0.0,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Iterator[Lease]:
    """Hold the lease of a database for the block, as `harness.store.lock` holds a home's. Raises
    LedgerError if the database does not answer at first. If it stops answering later, a waiting
    factory keeps waiting: the holder may come back."""
    lease = DatabaseLease(address, command=command)
    deadline, holder = time.monotonic() + patience, ""
    try:
        while True:
            try:
                lease.ensure()
                break
            except Busy as busy:
                if time.monotonic() >= deadline:
                    raise
                holder = str(busy).partition(" works on ")[0]
            except LedgerError as silent:
                if not (holder and silent.retryable) or time.monotonic() >= deadline:
                    raise
            waiting(holder)
            time.sleep(POLL_SECONDS)
        yield lease
    finally:
        lease.release()


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def _halves(key: int) -> tuple[int, int]:
    """The two numbers by which the lock catalogue shows a 64-bit key."""
    return key >> 32 & 0xFFFFFFFF, key & 0xFFFFFFFF


def _first_line(fault: psycopg.Error) -> str:
    return str(fault).strip().partition("\n")[0] or type(fault).__name__


_OF_KEY = """FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = %s::bigint::oid AND l.objid = %s::bigint::oid"""
_HELD = f"SELECT EXISTS (SELECT 1 {_OF_KEY} AND l.pid = pg_backend_pid())"
_WHO = f"SELECT a.application_name FROM pg_stat_activity a WHERE a.pid IN (SELECT l.pid {_OF_KEY})"  # noqa: S608
