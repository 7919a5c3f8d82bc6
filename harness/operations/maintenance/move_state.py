"""Moving what must last between a home and a database, with nobody at work on either.

The home's document says where its state is, and is written last: until then everything is as it
was, and what was copied is checked entry by entry. What is left behind gets another name, so that
nobody takes it for the state of today."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from harness.domain.errors import ConfigError, LedgerError
from harness.home.document import POSTGRESQL, SQLITE, HomeFile, read_home, write_home
from harness.home.state import (
    ADDRESS_FILE,
    DATABASE,
    address_in,
    database_of,
    ledger_at,
    secret_in_environment,
)
from harness.store.lock import sole_factory as sole_factory_in

LEFT_BEHIND = ("ledger.db", "engine.db", "broker/broker.sqlite")


@dataclass(frozen=True, slots=True)
class Moved:
    """How much arrived, and where: a database by its name, without account and password."""

    entries: int
    calls: int
    where: str


def moved(home: Path, to: str) -> Moved:
    """Take ledger and meter from SQLite to PostgreSQL, or back. Raises ConfigError where there is
    nothing to move or nowhere to go, Busy where a factory is at work, LedgerError where the ledger
    is not the one that was signed, or there is one in the new place.

    What the engine remembers stays behind: a step that had ended and is not in the ledger yet is
    made again."""
    from harness.store.database import shown
    from harness.store.lease import sole_factory_on

    document = read_home(home)
    address = _address(home, document, to)
    with (
        sole_factory_in(home, command="factory home move"),
        sole_factory_on(address, command="factory home move"),
    ):
        source, target = ("", address) if to == POSTGRESQL else (address, "")
        entries = _ledger_moved(home, source, target)
        calls = _meter_moved(home, source, target)
        write_home(home, replace(document, database=to))
        if to == POSTGRESQL:
            _set_aside(home)
    return Moved(entries, calls, shown(address) if to == POSTGRESQL else str(home))


def _address(home: Path, document: HomeFile, to: str) -> str:
    if document.database == to:
        raise ConfigError(
            f"the state of {home} is in {'PostgreSQL' if to == POSTGRESQL else 'SQLite'} already"
        )
    if to == SQLITE:
        return database_of(home, document)
    kept = home / ADDRESS_FILE
    named = secret_in_environment(DATABASE) or (kept.read_text("utf-8") if kept.exists() else "")
    if not named:
        raise ConfigError(
            f"name the database in the environment variable {DATABASE}, or in {kept}, mode 0600: as"
            " an argument its password would be seen by every process"
        )
    return address_in(named)


def _ledger_moved(home: Path, source: str, target: str) -> int:
    with closing(ledger_at(home, source)) as old, closing(ledger_at(home, target)) as new:
        if fault := old.fault():
            raise LedgerError(f"nothing was moved: {fault.says}")
        rows = old.rows()
        new.take(rows)
        if new.entries() != old.entries() or (fault := new.fault()):
            raise LedgerError(
                f"what arrived is not what was sent; the state of {home} is where it was"
            )
        return len(rows)


def _meter_moved(home: Path, source: str, target: str) -> int:
    """Every call and what it cost: a cap for an issue or a day holds on across the move."""
    from harness.programs.broker.meter import Meter
    from harness.programs.broker.prices import prices

    file = home / "broker" / "broker.sqlite"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (
        closing(Meter(file, prices(), database=source)) as old,
        closing(Meter(file, prices(), database=target)) as new,
    ):
        try:
            return new.take(old)
        except ValueError:
            raise LedgerError(
                "there is a meter already in the new place; a move is made into an empty one"
            ) from None


def _set_aside(home: Path) -> None:
    for name in LEFT_BEHIND:
        for path in home.glob(f"{name}*"):
            if not path.name.endswith(".moved"):
                path.replace(path.with_name(f"{path.name}.moved"))
