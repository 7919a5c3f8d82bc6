"""The state backup of a home, for hosted runners: each of their jobs starts on a new machine.

With `FACTORY_HOME_KEY` in the environment a factory fetches the backup before it works. It backs up
after each node, and once more at the end. Not backed up is what can be made again (layers,
worktrees), what is in the database already (the tables of engine and meter), and what belongs to
the machine (locks, sockets, logs).
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.plain import JsonObject
from harness.home.document import FILE, read_home
from harness.home.state import HOME_KEY, address_of, ledger_at, secret_in_environment

if TYPE_CHECKING:
    from harness.store.state_backup import StateBackup

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
    "ledger.head",
)
# Whoever fetches a backup has this address already, and a stale copy would replace theirs.
LEFT_OUT = ("keys/database",)

BackUp = Callable[[], None]
"""Backs the home up now."""
Action = Callable[[JsonObject], JsonObject]


@contextmanager
def backed_up(home: Path) -> Iterator[BackUp]:
    """Restore the home for the block, and back it up at its end. Yields the function that backs it
    up. The caller holds the lease. Without a key in the environment nothing is restored or backed
    up."""
    key = secret_in_environment(HOME_KEY)
    if not key:
        yield lambda: None
        return
    with closing(backup_of(home, key)) as backup:
        backup.fetch()
        # Fails early if what was restored is not a home of this version.
        read_home(home)
        try:
            yield backup.keep
        # Also after a failure: the next job is on a new machine and has only what was backed up.
        finally:
            backup.keep(all_is_over=True)


def backup_of(home: Path, key: str) -> "StateBackup":
    """The state backup of this home. Raises ConfigError if its state is not in a database."""
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


def with_backup(action: Action, back_up: BackUp) -> Action:
    """The same action, with a backup of the home before its result is recorded. So nobody finds a
    result without the files it refers to."""

    def act(payload: JsonObject) -> JsonObject:
        result = action(payload)
        back_up()
        return result

    return act
