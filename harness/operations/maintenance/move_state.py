"""Moves a home's state between SQLite and PostgreSQL or a branch, while nobody works on either.

`home.json` names the place of the state, and is written last: until then nothing has changed. Every
copied entry is checked. Files that are left behind get another name, so that nobody takes them for
the current state."""

from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from harness.domain.errors import ConfigError, LedgerError
from harness.home.document import BRANCH, POSTGRESQL, SQLITE, HomeFile, read_home, write_home
from harness.home.state import (
    ADDRESS_FILE,
    DATABASE,
    HOME_KEY,
    address_in,
    database_of,
    ledger_at,
    secret_in_environment,
)
from harness.store.lock import sole_factory as sole_factory_in

LEFT_BEHIND = ("ledger.db", "engine.db", "broker/broker.sqlite")


@dataclass(frozen=True, slots=True)
class MoveResult:
    """How many entries and calls were moved, and where to; a database without its account and
    password."""

    entries: int
    calls: int
    where: str


def move_state(home: Path, to: str) -> MoveResult:
    """Move the ledger and the meter from SQLite to PostgreSQL or a branch, or back.

    Raises ConfigError if there is nothing to move or no target, Busy if a factory is at work, and
    LedgerError if the ledger's signature does not match or the target has a ledger.

    To a PostgreSQL, and back, the engine's own records stay behind: a step that ended and is not in
    the ledger yet is repeated."""
    from harness.store.database import shown
    from harness.store.lease import sole_factory_on

    document = read_home(home)
    if BRANCH in (to, document.database):
        return _moved_by_branch(home, document, to)
    address = _address(home, document, to)
    with (
        # The home's lock holds on this machine only; factories elsewhere are kept off by the other.
        sole_factory_in(home, command="factory home move"),
        sole_factory_on(address, command="factory home move"),
    ):
        source, target = ("", address) if to == POSTGRESQL else (address, "")
        entries = _ledger_moved(home, source, target)
        calls = _meter_moved(home, source, target)
        # The switch: a kill before this line leaves the old state in force, and a copy to remove.
        write_home(home, replace(document, database=to))
        if to == POSTGRESQL:
            _set_aside(home)
    return MoveResult(entries, calls, shown(address) if to == POSTGRESQL else str(home))


def _moved_by_branch(home: Path, document: HomeFile, to: str) -> MoveResult:
    """Store the whole home on the branch, or fetch it and delete the branch."""
    from harness.home.state_backup import branch_backup
    from harness.repository.state_branch import BRANCH as NAME

    if {to, document.database} != {SQLITE, BRANCH}:
        raise ConfigError(
            f"the state of {home} is in {document.database}: move it to sqlite first"
            if to != document.database
            else f"the state of {home} is on a branch already"
        )
    if not (key := secret_in_environment(HOME_KEY)):
        raise ConfigError(f"set {HOME_KEY}; `factory home key` makes a new one")
    with sole_factory_in(home, command="factory home move"):
        backup = branch_backup(home, key)
        if to == SQLITE:
            backup.fetch()
            backup.remove()
            # From here on no runner finds a state, and this home has the only one.
            write_home(home, replace(read_home(home), database=SQLITE))
        with closing(ledger_at(home, "")) as ledger:
            if fault := ledger.fault():
                raise LedgerError(f"nothing was moved: {fault.message}")
            entries = len(ledger.entries())
        if to == BRANCH:
            # The stored document must name the branch already.
            write_home(home, replace(document, database=BRANCH))
            try:
                backup.keep()
            except BaseException:
                write_home(home, document)
                raise
    return MoveResult(entries, _calls(home), f"{NAME} on the forge" if to == BRANCH else str(home))


def _calls(home: Path) -> int:
    from harness.programs.broker.meter import Meter
    from harness.programs.broker.prices import prices

    file = home / "broker" / "broker.sqlite"
    if not file.exists():
        return 0
    with closing(Meter(file, prices())) as meter:
        return meter.calls()


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
            f"name the database in the environment variable {DATABASE}, or in {kept} with mode"
            " 0600: as an argument its password would be visible to every process"
        )
    return address_in(named)


def _ledger_moved(home: Path, source: str, target: str) -> int:
    with closing(ledger_at(home, source)) as old, closing(ledger_at(home, target)) as new:
        if fault := old.fault():
            raise LedgerError(f"nothing was moved: {fault.message}")
        rows = old.rows()
        new.take(rows)
        if new.entries() != old.entries() or (fault := new.fault()):
            raise LedgerError(
                f"the copy differs from the original; the state of {home} is where it was"
            )
        return len(rows)


def _meter_moved(home: Path, source: str, target: str) -> int:
    """Move every call with its cost, so that caps for an issue or a day still hold."""
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
            raise LedgerError("the new place already has a meter; move into an empty one") from None


def _set_aside(home: Path) -> None:
    for name in LEFT_BEHIND:
        # SQLite keeps a log and an index beside each database, and they belong to it.
        for path in home.glob(f"{name}*"):
            if not path.name.endswith(".moved"):
                path.replace(path.with_name(f"{path.name}.moved"))
