"""The state backup of a home, for hosted runners: each of their jobs starts on a new machine.

With `FACTORY_HOME_KEY` in the environment a factory fetches the backup before it works, and backs
up once more at the end. In between it backs up to a database after each node, and to a branch
before each effect. Not backed up is what can be made again (layers, worktrees), what is in the
database already (the tables of engine and meter), and what belongs to the machine (locks, sockets,
logs).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import Busy, ConfigError
from harness.domain.plain import JsonObject
from harness.home.document import BRANCH, FILE, read_home
from harness.home.state import (
    HOME_KEY,
    STATE,
    STATE_TOKEN,
    address_of,
    ledger_at,
    open_ledger,
    secret_in_environment,
    sole_factory,
)
from harness.ports.engine import Action

if TYPE_CHECKING:
    from harness.home.state_branch import BranchBackup
    from harness.store.ledger.sqlite import SqlLedger
    from harness.store.state_backup import StateBackup
    from harness.store.state_file import StatePlaces

HEAD, PRESENCE = "ledger.head", "presence.json"
PLACES = (
    FILE,
    "keys",
    "sealed",
    "runs",
    "evidence",
    "facts",
    "digests",
    "record",
    "recordings",
    "repositories",
    HEAD,
)
# Whoever fetches a backup has this address already, and a stale copy would replace theirs.
LEFT_OUT = ("keys/database",)


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class BackupTimes:
    """When a factory backs its home up. `after_node`: a node has ended and is not recorded yet.
    `before_effect`: an intent is in the ledger and the effect on the world comes next. `check`: at
    least once a second while something runs; raises LedgerError if another factory has taken
    over."""

    after_node: Callable[[], None] = nothing
    before_effect: Callable[[], None] = nothing
    check: Callable[[], None] = nothing


@contextmanager
def backed_up(home: Path) -> Iterator[BackupTimes]:
    """Restore the home for the block, and back it up at its end. The caller holds the lease.
    Without a key in the environment nothing is restored or backed up."""
    key = secret_in_environment(HOME_KEY)
    if not key:
        yield BackupTimes()
        return
    if address_of(home):
        with closing(_database_backup(home, key)) as backup:
            backup.fetch()
            # Fails early if what was restored is not a home of this version.
            read_home(home)
            try:
                yield BackupTimes(after_node=backup.keep)
            # Also after a failure: the next job is on a new machine and has only what was backed
            # up.
            finally:
                backup.keep(all_is_over=True)
        return
    branch = branch_backup(home, key)
    if not branch.fetch() and not (home / FILE).exists():
        raise ConfigError(
            "the repository has no state of a home yet; `factory home move branch` at the home"
            " stores it",
            key=STATE,
        )
    read_home(home)
    try:
        yield BackupTimes(before_effect=branch.before_effect, check=branch.check)
    finally:
        # Whoever was overtaken has nothing to add: the newer state counts.
        if not branch.is_overtaken:
            branch.keep(all_is_over=True)


def backup_of(home: Path, key: str) -> "StateBackup | BranchBackup":
    """The backup of this home, in its database or on its branch. Raises ConfigError if its state is
    in neither."""
    return _database_backup(home, key) if address_of(home) else branch_backup(home, key)


def _database_backup(home: Path, key: str) -> "StateBackup":
    from harness.store.state_backup import StateBackup

    address = address_of(home)
    return StateBackup(
        home,
        address,
        key,
        places=PLACES,
        left_out=LEFT_OUT,
        ledger=lambda: ledger_at(home, address),
    )


def branch_backup(home: Path, key: str) -> "BranchBackup":
    """The backup of this home on its branch. Raises ConfigError for an invalid key."""
    from harness.home.state_branch import BranchBackup
    from harness.store.state_key import StateKey

    # Also where it is not needed: no process that we start may inherit it.
    secret_in_environment(STATE_TOKEN)
    return BranchBackup(home, StateKey(key), branch_places())


def branch_places() -> "StatePlaces":
    """What of a home goes to a branch: all but its copy of the repository, of which only what the
    forge does not have goes along."""
    from harness.store.state_file import StatePlaces

    return StatePlaces(
        places=(*(place for place in PLACES if place not in ("repositories", HEAD)), PRESENCE),
        databases=("ledger.db", "engine.db", "broker/broker.sqlite"),
        go_with=(HEAD,),
        history=("runs", "evidence", "record"),
        left_out=LEFT_OUT,
        unmarked=(PRESENCE,),
    )


@contextmanager
def command_ledger(home: Path, *, command: str) -> Iterator["SqlLedger"]:
    """The ledger of a home, for a command of its owner. If the state is on a branch, the newest is
    fetched first and stored at the end, unless a factory works in this very home: that one stores
    it. Raises LedgerError if another machine was faster; the command then did nothing."""
    with ExitStack() as stack:
        if read_home(home).database == BRANCH:
            try:
                stack.enter_context(sole_factory(home, command=command))
            except Busy:
                pass
            else:
                stack.enter_context(backed_up(home))
        yield stack.enter_context(open_ledger(home))


def with_backup(action: Action, back_up: Callable[[], None]) -> Action:
    """The same action, with a backup of the home before its result is recorded. So nobody finds a
    result without the files it refers to."""

    def act(payload: JsonObject) -> JsonObject:
        result = action(payload)
        back_up()
        return result

    return act
