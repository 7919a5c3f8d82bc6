"""Where a home keeps its state: in itself, in SQLite; in a PostgreSQL that several machines share;
or, for machines that work one after the other, on a branch of its repository.

`home.json` names one of them. The address is a secret, in the environment or in `keys/database`.
If somebody forgets to name the database, the home refuses to work: it never starts with an empty
file, nor the other way round.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError
from harness.home.document import BRANCH, FILE, POSTGRESQL, HomeFile, read_home
from harness.ports.clock import Clock
from harness.private_text import private_text
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger, SqlLedger
from harness.store.lock import sole_factory as sole_factory_in

if TYPE_CHECKING:
    from harness.ports.presence import PresenceStore
    from harness.store.lease import Lease

DATABASE = "FACTORY_DATABASE"
ADDRESS_FILE = "keys/database"
HOME_KEY = "FACTORY_HOME_KEY"
STATE, STATE_TOKEN = "FACTORY_STATE", "FACTORY_STATE_TOKEN"
"""The repository with the state of a home that is not here yet, and a token that may read it."""
SECRETS = ("ANTHROPIC_API_KEY", DATABASE, HOME_KEY, STATE_TOKEN, "FACTORY_NOTICES")

_removed: dict[str, str] = {}


def secret_in_environment(name: str) -> str:
    """A secret of our environment; empty if there is none. The first call removes it from the
    environment, so that no process we start inherits it."""
    if given := os.environ.pop(name, ""):
        _removed[name] = given
    return _removed.get(name, "")


def from_systemd(environment: Mapping[str, str]) -> dict[str, str]:
    """Our secrets among the credentials that systemd passes to this service, by the names of their
    variables. Only known names are read, and only if the environment does not have them."""
    folder = environment.get("CREDENTIALS_DIRECTORY", "")
    files = {
        name: Path(folder, f"factory_{name}")
        for name in SECRETS
        if folder and name not in environment
    }
    return {name: path.read_text("utf-8").strip() for name, path in files.items() if path.is_file()}


def database_of(home: Path, document: HomeFile) -> str:
    """The address of this home's database; empty if its state is in the home.

    Raises ConfigError if a database is needed and not named, or is named and not used by this home:
    a new ledger would begin beside the existing one.
    """
    named = secret_in_environment(DATABASE)
    if document.database != POSTGRESQL:
        if named:
            raise ConfigError(
                f"{DATABASE} is set, and the state of {home} is in no database; `factory home move"
                f" postgresql` moves it there, or unset {DATABASE}"
            )
        return ""
    return address_in(named or _stored_address(home) or _unnamed(home))


def address_in(text: str) -> str:
    """A database's address, checked. Raises ConfigError."""
    from harness.store.database import postgres_address

    return postgres_address(text)


def ledger_of(home: Path, clock: Clock | None = None) -> SqlLedger:
    """The ledger of a home, wherever it is. Nothing is opened yet. Raises ConfigError if there is
    no factory."""
    return ledger_at(home, database_of(home, read_home(home)), clock)


@contextmanager
def open_ledger(home: Path) -> Iterator[SqlLedger]:
    """The ledger of a home, closed at the end of the block. Raises ConfigError if there is no
    factory."""
    with closing(ledger_of(home)) as ledger:
        yield ledger


def ledger_at(home: Path, address: str, clock: Clock | None = None) -> SqlLedger:
    """The ledger that this home's key signs, in the database at `address` or, if that is empty, in
    the home."""
    if not address:
        return SqliteLedger(home, clock or SystemClock())
    from harness.store.ledger.postgres import PostgresLedger

    return PostgresLedger(home, clock or SystemClock(), address)


def presence_of(home: Path) -> "PresenceStore":
    """Where the signs of life of a home are. Nothing is opened yet. Raises ConfigError if there is
    no factory."""
    from harness.store.presence import FilePresence, PostgresPresence

    address = database_of(home, read_home(home))
    return PostgresPresence(address) if address else FilePresence(home)


@contextmanager
def sole_factory(
    home: Path,
    *,
    command: str,
    patience: float = 0.0,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Iterator["Lease"]:
    """Be the only factory that works in this home and, if it has one, on its database. Raises Busy
    if it is not free within `patience` seconds; see `harness.store.lock`."""
    from harness.store.lease import KernelLease, sole_factory_on

    address = _address_of(home)
    # The home first: a second factory on this machine then opens no session at the database.
    with sole_factory_in(home, command=command, patience=patience, waiting=waiting):
        if not address:
            yield KernelLease()
            return
        with sole_factory_on(address, command=command, patience=patience, waiting=waiting) as lease:
            yield lease


def _address_of(home: Path) -> str:
    """A home that is still to be fetched has no document yet. In that case a person has named both
    the key and the place."""
    if secret_in_environment(HOME_KEY):
        return address_of(home)
    document = read_home(home)
    # Without the key it would work on a state that others have left behind long ago.
    if document.database == BRANCH:
        raise ConfigError(
            f"the state of {home} is on a branch of its repository: set {HOME_KEY} to the key of"
            " this home"
        )
    return database_of(home, document)


def address_of(home: Path) -> str:
    """The database of a home with a state backup, even if nothing of the home is on this machine
    yet; empty if the backup is on a branch. Raises ConfigError."""
    if (home / FILE).exists():
        document = read_home(home)
        if document.database not in (POSTGRESQL, BRANCH):
            raise ConfigError(
                f"{HOME_KEY} is set, and the state of {home} is in SQLite; `factory home move"
                f" branch` or `factory home move postgresql` moves it, or unset {HOME_KEY}"
            )
        if document.is_embedded:
            raise ConfigError(
                f"{home} contains its forge, which is not backed up: a home that moves between"
                " machines serves a repository on a forge elsewhere"
            )
        return database_of(home, document)
    if named := secret_in_environment(DATABASE):
        return address_in(named)
    if os.environ.get(STATE):
        return ""
    raise ConfigError(
        f"{HOME_KEY} is set, and neither {STATE} nor {DATABASE}: a home's backup is fetched from"
        " its repository or its database"
    )


def _stored_address(home: Path) -> str:
    return (private_text(home / ADDRESS_FILE, what="the database's address") or "").strip()


def _unnamed(home: Path) -> str:
    raise ConfigError(
        f"the state of {home} is in PostgreSQL: name it in the environment variable {DATABASE}, or"
        f" write it to {home / ADDRESS_FILE}, mode 0600"
    )
