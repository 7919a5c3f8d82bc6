"""Where a home keeps what must last: in itself, in SQLite, or in a PostgreSQL that several machines
share.

`home.json` says which; the address, a secret, is in the environment or in `keys/database`. A home
that was moved to a database never begins again in an empty file because somebody forgot to name it,
nor the other way round."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError
from harness.home.document import FILE, POSTGRESQL, HomeFile, read_home
from harness.ports.clock import Clock
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger, SqlLedger
from harness.store.lock import sole_factory as sole_factory_in

if TYPE_CHECKING:
    from harness.store.lease import Lease

DATABASE = "FACTORY_DATABASE"
KEPT_IN = "keys/database"
HOME_KEY = "FACTORY_HOME_KEY"
SECRETS = ("ANTHROPIC_API_KEY", DATABASE, HOME_KEY)

_taken: dict[str, str] = {}


def taken(name: str) -> str:
    """A secret of our environment, taken out of it when it is first asked for: no process that we
    start inherits it. Empty where there is none."""
    if given := os.environ.pop(name, ""):
        _taken[name] = given
    return _taken.get(name, "")


def from_systemd(environment: Mapping[str, str]) -> dict[str, str]:
    """Our secrets among the credentials that systemd handed this service, by the names of their
    variables: those that the environment does not hold already. No other name is taken from
    there."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    files = {
        name: Path(folder, f"factory_{name}")
        for name in SECRETS
        if folder and name not in environment
    }
    return {name: path.read_text("utf-8").strip() for name, path in files.items() if path.is_file()}


def database_of(home: Path, document: HomeFile) -> str:
    """The address of this home's database; empty where its state is in the home.

    Raises ConfigError where one is needed and not named, and where one is named that this home does
    not use: the ledger would begin anew beside the one that is there."""
    named = taken(DATABASE)
    if document.database != POSTGRESQL:
        if named:
            raise ConfigError(
                f"{DATABASE} is set, and the state of {home} is in SQLite; `factory home move"
                f" postgresql` takes it there, or unset {DATABASE}"
            )
        return ""
    return address_in(named or _kept(home) or _unnamed(home))


def address_in(text: str) -> str:
    """A database's address, checked. Raises ConfigError."""
    from harness.store.database import postgres_address

    return postgres_address(text)


def ledger_of(home: Path, clock: Clock | None = None) -> SqlLedger:
    """The ledger of a home, wherever it is. Nothing is opened yet. Raises ConfigError where there
    is no factory."""
    return ledger_at(home, database_of(home, read_home(home)), clock)


@contextmanager
def open_ledger(home: Path) -> Iterator[SqlLedger]:
    """The ledger of a home, let go of at the end of the block. Raises ConfigError where there is no
    factory."""
    with closing(ledger_of(home)) as ledger:
        yield ledger


def ledger_at(home: Path, address: str, clock: Clock | None = None) -> SqlLedger:
    """The ledger that this home's key signs, in the database at `address`, or, where that is empty,
    in the home."""
    if not address:
        return SqliteLedger(home, clock or SystemClock())
    from harness.store.ledger.postgres import PostgresLedger

    return PostgresLedger(home, clock or SystemClock(), address)


@contextmanager
def sole_factory(
    home: Path,
    *,
    command: str,
    patience: float = 0.0,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Iterator["Lease"]:
    """The one factory at work in this home and, where it has one, on its database. Raises Busy when
    it is not free within `patience` seconds, as `harness.store.lock` says."""
    from harness.store.lease import OfTheKernel, sole_factory_on

    address = _address_of(home)
    with sole_factory_in(home, command=command, patience=patience, waiting=waiting):
        if not address:
            yield OfTheKernel()
            return
        with sole_factory_on(address, command=command, patience=patience, waiting=waiting) as lease:
            yield lease


def _address_of(home: Path) -> str:
    """A home that is fetched from its database has no document yet: a person named both, the key
    and the database."""
    return address_of(home) if taken(HOME_KEY) else database_of(home, read_home(home))


def address_of(home: Path) -> str:
    """The database of a home that carries what it has, also where nothing of it is here yet. Raises
    ConfigError."""
    if (home / FILE).exists():
        document = read_home(home)
        if document.database != POSTGRESQL:
            raise ConfigError(
                f"{HOME_KEY} is set, and the state of {home} is in SQLite; `factory home move"
                f" postgresql` takes it to a database, or unset {HOME_KEY}"
            )
        if document.is_embedded:
            raise ConfigError(
                f"{home} has its forge in it, which is not carried: a home that goes from machine"
                " to machine serves a repository on a forge elsewhere"
            )
        return database_of(home, document)
    if named := taken(DATABASE):
        return address_in(named)
    raise ConfigError(
        f"{HOME_KEY} is set and {DATABASE} is not: what a home carries is fetched from its database"
    )


def _kept(home: Path) -> str:
    path = home / KEPT_IN
    try:
        facts = path.stat()
        text = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the database's address cannot be read: {error}", file=str(path)
        ) from error
    if stat.S_IMODE(facts.st_mode) & 0o077:
        raise ConfigError(
            "others may read it, and it holds a password; `chmod 600` it, and change the password",
            file=str(path),
        )
    return text


def _unnamed(home: Path) -> str:
    raise ConfigError(
        f"the state of {home} is in PostgreSQL: name it in the environment variable {DATABASE}, or"
        f" write it to {home / KEPT_IN}, mode 0600"
    )
