"""The databases: SQLite in the home, or a PostgreSQL that several machines share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from harness.domain.errors import ConfigError
from harness.store.sessions import StoreError, prepare

VARIABLE = "FACTORY_DATABASE"
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_LOCAL = ("", "localhost", "127.0.0.1", "::1")
_PROTECTED = ("require", "verify-ca", "verify-full")
# A server that vanishes silently is noticed within half a minute, by us and by the kernel.
_PATIENCE = {
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
_SESSION = (
    "SET synchronous_commit TO on; SET lock_timeout TO '30s'; SET"
    " idle_in_transaction_session_timeout TO '60s'"
)


def sqlite_engine(path: Path) -> sa.Engine:
    """An engine on the file at `path`. A missing file is created, readable only by its owner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    # Not as one text, where a `?` or `#` in the path would mean something else.
    engine = sa.create_engine(sa.URL.create("sqlite", database=str(path)))
    sa.event.listen(engine, "connect", lambda connection, _record: prepare(connection))
    return engine


def postgres_engine(address: str) -> sa.Engine:
    """An engine on the database at `address`, as `postgres_address` returns it. It does not connect
    yet."""
    engine = sa.create_engine(
        sa.make_url(address).set(drivername="postgresql+psycopg"), pool_pre_ping=True
    )
    sa.event.listen(engine, "connect", _settle)
    return engine


def postgres_address(text: str) -> str:
    """The address of a PostgreSQL database in psycopg's form. Raises ConfigError, which never shows
    the password.

    To another machine the connection is encrypted, and the server's certificate is verified against
    the system's. `sslmode=require` turns off the verification; nothing weaker is accepted.
    """
    try:
        url = sa.make_url(text.strip())
    except (sa.exc.ArgumentError, ValueError):
        raise _unfit("it cannot be read as one") from None
    if url.drivername not in _SCHEMES:
        raise _unfit(f"it begins with {url.drivername}://")
    if not url.database:
        raise _unfit("it names no database")
    # A host that begins with a slash is the folder of a socket on this machine.
    if not all(host in _LOCAL or host.startswith("/") for host in _hosts(url)):
        url = _encrypted(url)
    url = url.set(drivername="postgresql").update_query_dict(
        {name: value for name, value in _PATIENCE.items() if name not in url.query}
    )
    return url.render_as_string(hide_password=False)


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn a database's own errors into StoreError."""
    try:
        yield
    except sa.exc.SQLAlchemyError as fault:
        raise StoreError(
            str(fault.orig if isinstance(fault, sa.exc.DBAPIError) else fault)
        ) from fault


def shown(address: str) -> str:
    """Where a database is, for people: server and name, without account and password."""
    url = sa.make_url(address)
    return f"PostgreSQL {url.database} on {url.host or url.query.get('host') or 'this machine'}"


def _hosts(url: sa.URL) -> tuple[str, ...]:
    """Every server that the driver may try: the query may name others than the address does."""
    more = url.query.get("host", ())
    hosts = (more,) if isinstance(more, str) else more
    listed = (url.host or "", *hosts, str(url.query.get("hostaddr", "")))
    return tuple(
        part if part in _LOCAL else part.rpartition(":")[0] or part
        for host in listed
        for part in host.split(",")
    )


def _encrypted(url: sa.URL) -> sa.URL:
    asked = url.query.get("sslmode")
    if asked is None:
        return url.update_query_dict(
            {"sslmode": "verify-full", "sslrootcert": url.query.get("sslrootcert", "system")}
        )
    if asked not in _PROTECTED:
        raise _unfit(f"with sslmode={asked} anybody on the way reads along")
    return url


def _unfit(why: str) -> ConfigError:
    return ConfigError(
        f"expected an address such as postgresql://NAME:PASSWORD@HOST/DATABASE; {why}", key=VARIABLE
    )


def _settle(connection: Any, _record: Any) -> None:
    """A confirmed commit is on the server's disk, and no statement waits for ever."""
    connection.execute(_SESSION)
    # The pool rolls a connection back when it is returned, which would undo a bare SET.
    connection.commit()
